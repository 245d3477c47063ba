"""Accuracy of a trained network whose modules do not see the image that they act on.

    frozen      every image gets the mean of the modulation over the training images   mean ablation
    shuffled    every image gets the modulation of another test image                  resample ablation

Both keep the scale that a module applies on average, and remove its response to images. The mean is one over images
alone, so it still differs from channel to channel and from position to position. In a shuffled network all slots of an
image take their modulation from the same other image, as the unchanged network computes it there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from attnbench.ablate.interception import Intercepted, Modulation, intercepted, replaced
from attnbench.ablate.slot_statistics import SlotStatistics
from attnbench.networks import seeding
from attnbench.networks.evaluation import batch_size, logits_of, score
from attnbench.networks.normalisation import Normalisation
from attnbench.networks.slots import Network
from attnbench.records.ablation import SlotAblation
from attnbench.records.prepared import Prepared


@dataclass(frozen=True)
class Ablation:
    """Accuracies 0..1 on the test images; the last two are None, and there is no slot, if the network has no module."""

    accuracy: float
    frozen_accuracy: float | None
    shuffled_accuracy: float | None
    slots: list[SlotAblation]


@torch.inference_mode()
def ablate(network: Network, data: Prepared, seed: int) -> Ablation:
    """Return the accuracies of a trained network as it is, frozen and shuffled, and statistics of its slots.

    It is evaluated on its own device, in eval mode, as after training. `seed` determines which other image each image
    gets its modulation from. Afterwards the network is as it was.
    """
    device = next(network.parameters()).device
    normalise = Normalisation(data.description.mean, data.description.std, device)
    run = partial(logits_of, network, normalise=normalise)
    images, labels = data.test_images.to(device), data.test_labels
    accuracy = score(run(images).cpu(), labels).accuracy
    with intercepted(network) as modules:
        if not modules:
            return Ablation(accuracy, None, None, [])
        frozen = _means(network, modules, data.train_images[data.train_index], normalise)
        with replaced(modules, frozen):
            frozen_logits = run(images)
        statistics = {name: SlotStatistics(module.module, frozen[name]) for name, module in modules.items()}
        others = permutation_without_fixed_points(len(images), seeding.generator(seed, "ablate")).to(device)
        shuffled_logits = []
        for rows in torch.split(torch.arange(len(images), device=device), batch_size(*images.shape[-2:])):
            run(images[others[rows]])
            for name, module in modules.items():
                statistics[name].add(module.modulation, module.active, len(rows))
            with replaced(modules, {name: module.modulation for name, module in modules.items()}):
                shuffled_logits.append(run(images[rows]))
    return Ablation(
        accuracy=accuracy,
        frozen_accuracy=score(frozen_logits.cpu(), labels).accuracy,
        shuffled_accuracy=score(torch.cat(shuffled_logits).cpu(), labels).accuracy,
        slots=[statistics[name].record(name) for name in modules],
    )


def permutation_without_fixed_points(n: int, generator: torch.Generator) -> Tensor:
    """Return a random cycle through all of 0..n-1, int64 (n,): each number gets another one, if there are two."""
    order = torch.randperm(n, generator=generator)
    return torch.empty_like(order).index_copy(0, order, order.roll(1))


def _means(
    network: Network, modules: Mapping[str, Intercepted], images: Tensor, normalise: Normalisation
) -> dict[str, Modulation]:
    """Return for each slot the mean of its modulation over the images, with one row, (1, ...).

    Sums in float64 are exact for equal float32 rows, so the mean of a modulation that never changes is its own bits.
    """
    totals: dict[str, dict[str, Tensor]] = {name: {} for name in modules}
    device = normalise.mean.device
    for batch in torch.split(images, batch_size(*images.shape[-2:])):
        logits_of(network, batch.to(device), normalise)
        for slot, module in modules.items():
            for name, tensor in module.modulation.items():
                total = tensor[: len(batch)].sum(0, keepdim=True, dtype=torch.float64)
                totals[slot][name] = totals[slot][name] + total if name in totals[slot] else total
    return {
        slot: {name: (total / len(images)).to(modules[slot].modulation[name].dtype) for name, total in named.items()}
        for slot, named in totals.items()
    }
