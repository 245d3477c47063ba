"""All scores of the maps of one trained network, on test images that are the same for all runs of a study."""

import base64
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from attnbench.maps import checks, curves, objects
from attnbench.networks import seeding
from attnbench.networks.evaluation import batch_size
from attnbench.networks.gates import Attention
from attnbench.networks.normalisation import Normalisation
from attnbench.networks.slots import Network
from attnbench.records.maps import SIDE, Curves, MapScores, Objects, OnObjects, StoredMaps
from attnbench.records.prepared import Prepared
from attnbench.records.rank_correlation import rank_correlation

SEED = 0  # of the choice of images, random maps, ties, squares and noise
CHECKED = 100  # images of the checks
STORED = 100  # images whose maps are compared between runs; git keeps them
WIDTH = 0.25  # standard deviation of the Gaussian in the centre, relative to each side

Scores = dict[str, Tensor]  # name of a score -> its values (n,)


@dataclass(frozen=True)
class _Batch:
    """Test images for which the network was evaluated."""

    x: Tensor  # normalised (n, c, h, w)
    classes: Tensor  # that the network predicts (n,)
    turns: Tensor  # (n,)
    masks: Tensor | None  # (n, h, w)
    gates: dict[str, Tensor]  # spatial maps (n, h', w') of the modules, by slot


def measure(network: Network, untrained: Network, data: Prepared, images: int) -> MapScores:
    """Return the scores of a trained network on at most `images` test images, and maps of the first ones.

    `untrained` is the same network with other initial weights. Both are in eval mode afterwards.
    """
    network.eval()
    untrained.eval()
    rows = torch.randperm(len(data.test_labels), generator=seeding.generator(SEED, "maps/images"))[:images]
    random = seeding.generator(SEED, "maps/random")
    others = {
        "untrained_classifier": checks.with_untrained_classifier(network, untrained),
        "untrained": untrained,
    }
    by_batch: dict[str, list[Tensor]] = defaultdict(list)
    for first, batch in _batches(network, data, rows):
        own = checks.grad_cam(network, batch.x, batch.classes)  # (n, h, w), of the block
        of_batch = {"maps": own, **_curves(network, batch, own, random), **_on_objects(batch, own)}
        if first < CHECKED:
            of_batch |= _checks(network, others, batch, own, CHECKED - first, random)
        for name, scores in of_batch.items():
            by_batch[name].append(scores.cpu())
    values = {name: torch.cat(batches) for name, batches in by_batch.items()}
    means = {name: float(scores.double().mean()) for name, scores in values.items()}
    return MapScores(
        images=len(rows),
        checked=len(values["sensitivity"]),
        grad_cam=Curves.model_validate(_part(means, "grad_cam")),
        random=Curves.model_validate(_part(means, "random")),
        centre=Curves.model_validate(_part(means, "centre")),
        infidelity=means["infidelity"] / means["infidelity_of_zeros"] if means["infidelity_of_zeros"] else 0.0,
        sensitivity=float(values["sensitivity"].median()),  # a map of almost zeros changes by any factor
        untrained_classifier=means["untrained_classifier"],
        untrained=means["untrained"],
        objects=None if data.test_masks is None else _objects(means, list(batch.gates)),
        maps=_stored(values["maps"][:STORED]),
    )


def _part(means: dict[str, float], name: str) -> dict[str, float]:
    """Return the means whose names start with `name/`, without it; rounding may leave 0..1, which all of them have."""
    return {
        own.removeprefix(f"{name}/"): min(1.0, max(0.0, mean))
        for own, mean in means.items()
        if own.startswith(f"{name}/")
    }


def _objects(means: dict[str, float], slots: list[str]) -> Objects:
    def on_objects(name: str) -> OnObjects:
        return OnObjects.model_validate(_part(means, f"object/{name}"))

    return Objects(
        area=means["area"],
        grad_cam=on_objects("grad_cam"),
        centre=on_objects("centre"),
        gates={slot: on_objects(f"gate/{slot}") for slot in slots},
    )


def _batches(network: Network, data: Prepared, rows: Tensor) -> Iterator[tuple[int, _Batch]]:
    """Yield the position of the first image of each batch, and the batch."""
    device = next(network.parameters()).device
    normalise = Normalisation(data.description.mean, data.description.std, device)
    for batch_rows, turns in zip(
        *(torch.split(order, batch_size(*data.image_shape[1:])) for order in (rows, torch.arange(len(rows)))),
        strict=True,
    ):
        x = normalise(data.test_images[batch_rows].to(device).float() / 255)
        classes, gates = _classified(network, x.contiguous(memory_format=torch.channels_last))
        masks = None if data.test_masks is None else data.test_masks[batch_rows].to(device)
        yield int(turns[0]), _Batch(x, classes, (turns % curves.TURNS).to(device), masks, gates)


def _classified(network: Network, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the predicted classes, and by slot the spatial maps of the modules that have some."""
    gates: dict[str, Tensor] = {}

    def keep(slot: str, module: Attention, inputs: tuple[Tensor, ...]) -> None:
        if (spatial := module.maps(*inputs).get("spatial")) is not None:
            gates[slot] = spatial.squeeze(1)  # (n, h', w')

    modules = {name: slot.module for name, slot in network.slots().items() if isinstance(slot.module, Attention)}
    handles = [module.register_forward_pre_hook(partial(keep, name)) for name, module in modules.items()]
    try:
        with torch.no_grad():
            return network(x).argmax(1), gates
    finally:
        for handle in handles:
            handle.remove()


def _curves(network: Network, batch: _Batch, own: Tensor, random: torch.Generator) -> Scores:
    """Return deletion and insertion of Grad-CAM, of random maps of its resolution, and of a Gaussian in the centre."""

    def probability(x: Tensor) -> Tensor:
        with torch.no_grad():
            logits = network(x.contiguous(memory_format=torch.channels_last))
        probabilities: Tensor = logits.softmax(1).gather(1, batch.classes[:, None]).squeeze(1)
        return probabilities

    noise = torch.rand(own.shape, generator=random).to(own.device)
    maps = {"grad_cam": _enlarged(own, batch.x), "random": _enlarged(noise, batch.x), "centre": _centre(batch.x)}
    scores = {}
    for name, of_kind in maps.items():
        ranks = curves.ranked(of_kind, random)
        for curve in (curves.deletion, curves.insertion):
            scores[f"{name}/{curve.__name__}"] = curve(probability, batch.x, ranks, batch.turns)
    return scores


def _on_objects(batch: _Batch, own: Tensor) -> Scores:
    """Return the scores on the objects, if their masks are known, and the share of the image that these cover."""
    if batch.masks is None:
        return {}
    maps = {"grad_cam": own, **{f"gate/{slot}": gate for slot, gate in batch.gates.items()}}
    enlarged = {name: _enlarged(of_kind, batch.x) for name, of_kind in maps.items()} | {"centre": _centre(batch.x)}
    scores = {
        f"object/{name}/{score.__name__}": score(of_kind, batch.masks)
        for name, of_kind in enlarged.items()
        for score in (objects.energy, objects.pointing, objects.precision)
    }
    return scores | {"area": batch.masks.double().mean((1, 2))}


def _checks(
    network: Network, others: dict[str, Network], batch: _Batch, own: Tensor, images: int, random: torch.Generator
) -> Scores:
    """Return the checks of Grad-CAM for the first `images` images of a batch."""
    x, classes, own = batch.x[:images], batch.classes[:images], own[:images]
    of_maps, of_zeros = checks.infidelity(network, x, _enlarged(own, x), classes, random)
    correlations = {
        name: torch.from_numpy(rank_correlation(own.cpu().numpy(), checks.grad_cam(other, x, classes).cpu().numpy()))
        for name, other in others.items()
    }
    return {
        "infidelity": of_maps,
        "infidelity_of_zeros": of_zeros,
        "sensitivity": checks.sensitivity(network, x, classes, random),
        **correlations,
    }


def _enlarged(maps: Tensor, x: Tensor) -> Tensor:
    """Return maps (n, h', w') in the size of the images x (n, c, h, w)."""
    return interpolate(maps[:, None], size=x.shape[-2:], mode="bilinear", align_corners=False).squeeze(1)


def _centre(x: Tensor) -> Tensor:
    """Return a Gaussian in the centre (n, h, w), the same for all images."""
    row, column = ((torch.linspace(-1, 1, side, device=x.device) / (2 * WIDTH)).square() for side in x.shape[-2:])
    return (-(row[:, None] + column) / 2).exp().expand(len(x), -1, -1)


def _stored(maps: Tensor) -> StoredMaps:
    resized = adaptive_avg_pool2d(maps[:, None], SIDE)
    largest = resized.amax((1, 2, 3), keepdim=True)
    values = (255 * resized / largest.where(largest > 0, 1)).round().byte()
    return StoredMaps(images=len(maps), values=base64.b64encode(values.contiguous().numpy().tobytes()))
