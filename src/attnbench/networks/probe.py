"""What can be wrong with a module is found on small random maps, before anything is trained with it."""

import copy
from pathlib import Path

import torch
from torch import Tensor, nn

from attnbench.errors import UserError
from attnbench.networks.gates import Attention
from attnbench.study.options import Size
from attnbench.study.packages import blamed


def check(module: nn.Module, channels: int, size: Size, *, file: Path, slot: str) -> Attention:
    """Return `module` if it keeps to the contract on two random maps (2, channels, *size).

    Works on copies, in the layout in which networks train; neither the module nor any random stream is touched.

    Raises:
        UserError: it is no `Attention`, fails, changes the shape, the type or its input, gives NaN or infinity, or its
            `maps` are not what the contract names; the text names the file and the slot.
    """
    if not isinstance(module, Attention):
        raise UserError(
            f"{file}: build() returned a {type(module).__name__}; must be an Attention or a Gate of "
            "attnbench.networks.gates, with `forward` and `maps`"
        )
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((2, channels, *size), generator=generator).relu().contiguous(memory_format=torch.channels_last)
    fails = f"in slot {slot} {type(module).__name__} fails on maps {tuple(x.shape)}"
    with torch.random.fork_rng(devices=[]), torch.no_grad(), blamed(file, fails):
        wrong = _wrong(module, x)
    if wrong:
        raise UserError(f"{file}: in slot {slot} {type(module).__name__} {wrong}")
    return module


def _wrong(module: Attention, x: Tensor) -> str | None:
    """Return what is wrong with a module on the maps `x`, or None."""
    fresh = x._version
    output = copy.deepcopy(module).cpu().train()(x)
    if x._version != fresh:  # counted by every change in place, also by one that leaves these numbers as they are
        return "changed its input in place; write `x = x * gate`, not `x *= gate`"
    if wrong := _wrong_output(x, output):
        return wrong
    maps = copy.deepcopy(module).cpu().eval().maps(x)
    return "changed the input of `maps` in place" if x._version != fresh else _wrong_maps(x, maps)


def _wrong_output(x: Tensor, y: object) -> str | None:
    """Return what is wrong with the output `y` for the input `x`."""
    if not isinstance(y, Tensor):
        return f"returned a {type(y).__name__}; must return a tensor of the shape of its input"
    if y.shape != x.shape:
        return f"made {tuple(y.shape)} of maps {tuple(x.shape)}; must keep the shape"
    if y.dtype != x.dtype:
        return f"made {y.dtype} of {x.dtype}; must keep the type"
    if not y.isfinite().all():
        return "gives NaN or infinity with the weights it starts with"
    return None


def _wrong_maps(x: Tensor, maps: object) -> str | None:
    """Return what is wrong with the `maps` for the input `x`."""
    n, c, h, w = x.shape
    allowed = {"channel": (n, c, 1, 1), "spatial": (n, 1, h, w)}
    if not isinstance(maps, dict):
        return f"returned a {type(maps).__name__} from `maps`; must be a dictionary"
    for name, found in maps.items():
        shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        if shape != allowed.get(name):
            return f"gave {name!r}: {shape} from `maps` of {tuple(x.shape)}; allowed: {allowed}"
        if not found.isfinite().all():
            return f"gives NaN or infinity in {name!r} of its `maps`"
    return None
