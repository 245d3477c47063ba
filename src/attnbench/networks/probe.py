"""Checks of the contract of attention modules on small random maps, before anything is trained with them."""

import copy
from pathlib import Path

import torch
from torch import Tensor, nn

from attnbench.errors import UserError
from attnbench.networks.gates import Attention
from attnbench.study.options import Size
from attnbench.study.packages import blamed


def check(module: nn.Module, channels: int, size: Size, *, file: Path, slot: str) -> Attention:
    """Return `module` if it keeps the contract on two random maps (2, channels, *size).

    Works on copies, in the memory layout of training; neither the module nor any random stream is changed.

    Raises:
        UserError: the module is not an `Attention`, fails, changes its input, the shape or the type, gives NaN or
            infinity, or its `maps` or its `modulation` break the contract; the text names the file and the slot.
    """
    if not isinstance(module, Attention):
        raise UserError(
            f"{file}: {type(module).__name__} is not an attention module; derive it from `Gate` or `Attention` of "
            "attnbench.networks"
        )
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((2, channels, *size), generator=generator).relu().contiguous(memory_format=torch.channels_last)
    subject = f"in slot {slot} {type(module).__name__}"
    with torch.random.fork_rng(devices=[]), torch.no_grad(), blamed(file, f"{subject} fails on maps {tuple(x.shape)}"):
        violation = _violation(module, x)
    if violation:
        raise UserError(f"{file}: {subject} {violation}")
    return module


def _violation(module: Attention, x: Tensor) -> str | None:
    """Return how a module breaks the contract on the maps `x`, or None."""
    version = x._version  # torch counts every in-place change here, including one that leaves the numbers as they are
    output = copy.deepcopy(module).cpu().train()(x)
    if x._version != version:
        return "changed its input in place; write `x = x * gate`, not `x *= gate`"
    if violation := _output_violation(x, output):
        return violation
    module = copy.deepcopy(module).cpu().eval()
    maps = module.maps(x)
    if x._version != version:
        return "changed the input of `maps` in place"
    return _maps_violation(x, maps) or _modulation_violation(module, x)


def _output_violation(x: Tensor, y: object) -> str | None:
    """Return how the output `y` for the input `x` breaks the contract, or None."""
    if not isinstance(y, Tensor):
        return f"returned a {type(y).__name__}; must return a tensor in the shape of its input"
    if y.shape != x.shape:
        return f"returned {tuple(y.shape)} for maps {tuple(x.shape)}; must keep the shape"
    if y.dtype != x.dtype:
        return f"returned {y.dtype} for {x.dtype}; must keep the type"
    if not y.isfinite().all():
        return "gives NaN or infinity with its initial weights"
    return None


def _modulation_violation(module: Attention, x: Tensor) -> str | None:
    """Return how the modulation of a module in eval mode breaks the contract on the maps `x`, or None."""
    modulation: object = module.modulation(x)
    if not isinstance(modulation, dict) or not modulation:
        shown = "an empty dictionary" if modulation == {} else f"a {type(modulation).__name__}"
        return f"returned {shown} from `modulation`; must return a dictionary of what acts on the input"
    for name, tensor in modulation.items():
        if not isinstance(tensor, Tensor) or tensor.shape[:1] != x.shape[:1]:
            shape = tuple(tensor.shape) if isinstance(tensor, Tensor) else type(tensor).__name__
            return f"returned {name!r}: {shape} from `modulation`; must have a row for each of the {len(x)} images"
    if not torch.allclose(module(x), module.modulate(x, modulation), rtol=1e-4, atol=1e-5):
        return "computes in `forward` something else than modulate(x, modulation(x))"
    return None


def _maps_violation(x: Tensor, maps: object) -> str | None:
    """Return how `maps` for the input `x` break the contract, or None."""
    n, c, h, w = x.shape
    allowed = {"channel": (n, c, 1, 1), "spatial": (n, 1, h, w)}
    if not isinstance(maps, dict):
        return f"returned a {type(maps).__name__} from `maps`; must return a dictionary"
    for name, tensor in maps.items():
        shape = tuple(tensor.shape) if isinstance(tensor, Tensor) else type(tensor).__name__
        if shape != allowed.get(name):
            return f"returned {name!r}: {shape} from `maps` for {tuple(x.shape)}; allowed: {allowed}"
        if not tensor.isfinite().all():
            return f"gives NaN or infinity in {name!r} of its `maps`"
    return None
