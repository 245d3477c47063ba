"""The augmentation of an epoch: drawn on the processor, then copied to the device for all batches at once.

So an accelerator sees the same images as a processor, and no batch waits for a copy.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import torch
from torch import Tensor

from attnbench.train.augment import colour
from attnbench.train.augment.parameters import Parameters, draw

Part = TypeVar("Part", Parameters, colour.Blends)


@dataclass(frozen=True)
class BatchAugmentation:
    """The random parameters of one batch; tensors are on the device of the images."""

    parameters: Parameters
    blends: colour.Blends | None  # None without jitter


def draw_epoch(
    sizes: Sequence[int], operations: Sequence[str], padding: int, generator: torch.Generator, device: torch.device
) -> list[BatchAugmentation]:
    """Return the augmentation of each batch of an epoch, for batches of these sizes; `padding` is that of the crop.

    The generator advances by the same amount whatever the operations are.
    """
    parameters = [draw(size, padding, generator) for size in sizes]
    blends: Sequence[colour.Blends | None] = [None] * len(sizes)
    if "jitter" in operations:
        blends = _moved([colour.blends(batch) for batch in parameters], device)
    return [BatchAugmentation(*parts) for parts in zip(_moved(parameters, device), blends, strict=True)]


def _moved(parts: list[Part], device: torch.device) -> list[Part]:
    """Return the parts with their tensors on the device, with one copy for each field."""
    columns = [_column([getattr(part, field.name) for part in parts], device) for field in fields(parts[0])]
    return [type(parts[0])(*row) for row in zip(*columns, strict=True)]


def _column(values: list[Tensor], device: torch.device) -> Sequence[Tensor]:
    return torch.split(torch.cat(values).to(device), [len(value) for value in values])
