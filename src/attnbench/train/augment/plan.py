"""What an epoch does to its images: drawn on the processor, then copied to the device, all batches at once.

So an accelerator sees the same images as a processor does, and within the epoch nobody waits for a copy.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import torch
from torch import Tensor

from attnbench.train.augment import colour
from attnbench.train.augment.parameters import Parameters, draw

Part = TypeVar("Part", Parameters, colour.Blends)


@dataclass(frozen=True)
class Plan:
    """What happens to the images of one batch; tensors lie where the images do."""

    drawn: Parameters
    blends: colour.Blends


def plans(sizes: Sequence[int], generator: torch.Generator, device: torch.device) -> list[Plan]:
    """Return the plan of each of the batches that have so many images.

    The generator moves on by the same amount whatever operations the plans are used for.
    """
    drawn = [draw(size, generator) for size in sizes]
    blends = [colour.blends(each) for each in drawn]
    return [Plan(*both) for both in zip(_moved(drawn, device), _moved(blends, device), strict=True)]


def _moved(parts: list[Part], device: torch.device) -> list[Part]:
    """Return the parts with their tensors on the device, in one copy for each field."""
    columns = [_column([getattr(part, field.name) for part in parts], device) for field in fields(parts[0])]
    return [type(parts[0])(*row) for row in zip(*columns, strict=True)]


def _column(values: list[Any], device: torch.device) -> Sequence[Any]:
    if not isinstance(values[0], Tensor):
        return values  # counts that shape the work stay with the host
    return torch.split(torch.cat(values).to(device), [len(value) for value in values])
