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
from attnbench.networks.grad_cam import grad_cam
from attnbench.networks.normalisation import Normalisation
from attnbench.networks.slots import Network
from attnbench.records.maps import SIDE, BlockScores, Curves, MapScores, Objects, OnObjects, StoredMaps
from attnbench.records.prepared import Prepared
from attnbench.records.rank_correlation import rank_correlation
from attnbench.study.schema import TestedMaps

SEED = 0  # of the choice of images, random maps, ties, squares and noise
STORED = 100  # images whose maps are compared between runs; git keeps them
WIDTH = 0.25  # standard deviation of the Gaussian in the centre, relative to each side

Scores = dict[str, Tensor]  # name of a score -> its values (n,)


@dataclass(frozen=True)
class _Batch:
    """Test images for which the network was evaluated."""

    x: Tensor  # normalised (n, c, h, w)
    blurred: Tensor  # as x
    classes: Tensor  # that the network predicts (n,)
    shares: Tensor  # of exchanged pixels, by number (n,)
    masks: Tensor | None  # (n, h, w)
    gates: dict[str, Tensor]  # spatial maps (n, h', w') of the modules, by slot


def measure(network: Network, untrained: Network, data: Prepared, tested: TestedMaps) -> MapScores:
    """Return the scores of a trained network, and its maps of the first of the images.

    `untrained` is the same network with other initial weights. Both are in eval mode afterwards.
    """
    network.eval()
    untrained.eval()
    rows = torch.randperm(len(data.test_labels), generator=seeding.generator(SEED, "maps/images"))[: tested.images]
    others = {
        "untrained_classifier": checks.with_untrained_classifier(network, untrained),
        "untrained": untrained,
    }
    blocks = list(network.views())
    random = {name: seeding.generator(SEED, f"maps/random/{name}") for name in ("centre", "checks", *blocks)}
    by_batch: dict[str, list[Tensor]] = defaultdict(list)
    for first, batch in _batches(network, data, rows):
        of_batch = _scores_of_others(network, batch, random["centre"])
        cams = grad_cam(network, network.views(), batch.x, batch.classes)
        for block in blocks:
            of_block = {"maps": cams[block], **_scores_of_block(network, batch, cams[block], random[block])}
            of_batch |= {f"blocks/{block}/{name}": own for name, own in of_block.items()}
        if first < tested.checked:
            of_batch |= _checks(network, others, batch, cams, tested.checked - first, random["checks"])
        for name, of_name in of_batch.items():
            by_batch[name].append(of_name.cpu())
    values = {name: torch.cat(batches) for name, batches in by_batch.items()}
    of_blocks = {block: _under(values, f"blocks/{block}") for block in blocks}
    *_, last = of_blocks.values()
    of_zeros = _mean(values["infidelity_of_zeros"])
    return MapScores(
        images=len(rows),
        checked=len(last["sensitivity"]),
        blocks={block: _of_block(own, of_zeros) for block, own in of_blocks.items()},
        centre=Curves.model_validate(_means(_under(values, "centre"))),
        objects=None if data.test_masks is None else _objects(_under(values, "objects"), list(batch.gates)),
        maps=_stored(last["maps"][:STORED]),
    )


def _under(values: Scores, name: str) -> Scores:
    """Return the values whose names start with `name/`, without it."""
    return {own.removeprefix(f"{name}/"): of_own for own, of_own in values.items() if own.startswith(f"{name}/")}


def _mean(values: Tensor) -> float:
    return float(values.double().mean())


def _means(scores: Scores) -> dict[str, float]:
    """Return the means of scores that are shares; rounding may leave 0..1, which all of them have."""
    return {name: min(1.0, max(0.0, _mean(values))) for name, values in scores.items()}


def _of_block(values: Scores, of_zeros: float) -> BlockScores:
    on_objects = _means(_under(values, "objects"))
    return BlockScores(
        grad_cam=Curves.model_validate(_means(_under(values, "grad_cam"))),
        random=Curves.model_validate(_means(_under(values, "random"))),
        infidelity=_mean(values["infidelity"]) / of_zeros if of_zeros else 0.0,
        sensitivity=float(values["sensitivity"].median()),  # a map of almost zeros changes by any factor
        untrained_classifier=_mean(values["untrained_classifier"]),
        untrained=_mean(values["untrained"]),
        objects=OnObjects.model_validate(on_objects) if on_objects else None,
    )


def _objects(values: Scores, slots: list[str]) -> Objects:
    return Objects(
        area=_mean(values["area"]),
        centre=OnObjects.model_validate(_means(_under(values, "centre"))),
        gates={slot: OnObjects.model_validate(_means(_under(values, f"gate/{slot}"))) for slot in slots},
    )


def _batches(network: Network, data: Prepared, rows: Tensor) -> Iterator[tuple[int, _Batch]]:
    """Yield the position of the first image of each batch, and the batch."""
    device = next(network.parameters()).device
    normalise = Normalisation(data.description.mean, data.description.std, device)
    for batch_rows, positions in zip(
        *(torch.split(order, batch_size(*data.image_shape[1:])) for order in (rows, torch.arange(len(rows)))),
        strict=True,
    ):
        x = normalise(data.test_images[batch_rows].to(device).float() / 255)
        classes, gates = _classified(network, x.contiguous(memory_format=torch.channels_last))
        masks = None if data.test_masks is None else data.test_masks[batch_rows].to(device)
        yield (
            int(positions[0]),
            _Batch(x, curves.blur(x), classes, (positions % curves.SHARES).to(device), masks, gates),
        )


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


def _scores_of_block(network: Network, batch: _Batch, own: Tensor, random: torch.Generator) -> Scores:
    """Return the curves of a block's Grad-CAM (n, h', w') and of random maps of its size, and how it finds objects."""
    noise = torch.rand(own.shape, generator=random).to(own.device)
    enlarged = _enlarged(own, batch.x)
    return {
        **_curves(network, batch, "grad_cam", enlarged, random),
        **_curves(network, batch, "random", _enlarged(noise, batch.x), random),
        **_on_objects(batch, "objects", enlarged),
    }


def _scores_of_others(network: Network, batch: _Batch, random: torch.Generator) -> Scores:
    """Return the scores of a Gaussian in the centre and of spatial gates, and the share of an image in objects."""
    centre = _centre(batch.x)
    scores = _curves(network, batch, "centre", centre, random) | _on_objects(batch, "objects/centre", centre)
    for slot, gate in batch.gates.items():
        scores |= _on_objects(batch, f"objects/gate/{slot}", _enlarged(gate, batch.x))
    if batch.masks is not None:
        scores["objects/area"] = batch.masks.double().mean((1, 2))
    return scores


def _curves(network: Network, batch: _Batch, name: str, maps: Tensor, random: torch.Generator) -> Scores:
    """Return deletion and insertion (n,) of maps (n, h, w), which have the size of the images."""

    def probability(x: Tensor) -> Tensor:
        with torch.no_grad():
            logits = network(x.contiguous(memory_format=torch.channels_last))
        probabilities: Tensor = logits.softmax(1).gather(1, batch.classes[:, None]).squeeze(1)
        return probabilities

    ranks = curves.ranked(maps, random)
    return {
        f"{name}/deletion": curves.deletion(probability, batch.x, ranks, batch.shares),
        f"{name}/insertion": curves.insertion(probability, batch.x, batch.blurred, ranks, batch.shares),
    }


def _on_objects(batch: _Batch, name: str, maps: Tensor) -> Scores:
    """Return the scores (n,) of maps (n, h, w) on the objects, if their masks are known."""
    if batch.masks is None:
        return {}
    kinds = (objects.energy, objects.pointing, objects.precision)
    return {f"{name}/{score.__name__}": score(maps, batch.masks) for score in kinds}


def _checks(
    network: Network,
    others: dict[str, Network],
    batch: _Batch,
    cams: dict[str, Tensor],
    images: int,
    random: torch.Generator,
) -> Scores:
    """Return the checks of the Grad-CAM of all blocks, `cams`, for the first `images` images of a batch."""
    x, classes = batch.x[:images], batch.classes[:images]
    cams = {block: own[:images] for block, own in cams.items()}
    of_maps, of_zeros = checks.infidelity(
        network, x, {block: _enlarged(own, x) for block, own in cams.items()}, classes, random
    )
    scores = {"infidelity": of_maps}
    scores["sensitivity"] = checks.sensitivity(network, network.views(), x, cams, classes, random)
    for name, other in others.items():
        of_other = grad_cam(other, other.views(), x, classes)
        scores[name] = {
            block: torch.from_numpy(rank_correlation(own.cpu().numpy(), of_other[block].cpu().numpy()))
            for block, own in cams.items()
        }
    of_blocks = {f"blocks/{block}/{name}": own for name, by_block in scores.items() for block, own in by_block.items()}
    return of_blocks | {"infidelity_of_zeros": of_zeros}


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
