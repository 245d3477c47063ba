"""What can be wrong with a module is found on small random maps, before anything is trained with it."""

import copy
from pathlib import Path

import torch
from torch import Tensor, nn

from attnbench.attention._contract import Attention
from attnbench.errors import UserError
from attnbench.families import Size

_FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    RuntimeError,
    TypeError,
    ValueError,
)


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
            "attnbench.attention._contract, with `forward` and `maps`"
        )
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((2, channels, *size), generator=generator).relu().contiguous(memory_format=torch.channels_last)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        wrong = _wrong(module, x)
    if wrong:
        raise UserError(f"{file}: in slot {slot} {type(module).__name__} {wrong}")
    return module


def _wrong(module: Attention, x: Tensor) -> str | None:
    """Return what is wrong with a module on the maps `x`, or None."""
    given = x.clone()
    try:
        wrong = _wrong_output(given, x, copy.deepcopy(module).cpu().train()(x))
        return wrong or _wrong_maps(given, x, copy.deepcopy(module).cpu().eval().maps(x))
    except _FAILURES as error:
        return f"fails on maps {tuple(x.shape)}: {type(error).__name__}: {error}"


def _wrong_output(given: Tensor, x: Tensor, y: object) -> str | None:
    """Return what is wrong with the output `y` for the input `given`, which is `x` after the call."""
    if not torch.equal(given, x):
        return "changed its input in place; write `x = x * gate`, not `x *= gate`"
    if not isinstance(y, Tensor):
        return f"returned a {type(y).__name__}; must return a tensor of the shape of its input"
    if y.shape != given.shape:
        return f"made {tuple(y.shape)} of maps {tuple(given.shape)}; must keep the shape"
    if y.dtype != given.dtype:
        return f"made {y.dtype} of {given.dtype}; must keep the type"
    if not y.isfinite().all():
        return "gives NaN or infinity with the weights it starts with"
    return None


def _wrong_maps(given: Tensor, x: Tensor, maps: object) -> str | None:
    """Return what is wrong with the `maps` for the input `given`, which is `x` after the call."""
    n, c, h, w = given.shape
    allowed = {"channel": (n, c, 1, 1), "spatial": (n, 1, h, w)}
    if not torch.equal(given, x):
        return "changed the input of `maps` in place"
    if not isinstance(maps, dict):
        return f"returned a {type(maps).__name__} from `maps`; must be a dictionary"
    for name, found in maps.items():
        shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        if shape != allowed.get(name):
            return f"gave {name!r}: {shape} from `maps` of {tuple(given.shape)}; allowed: {allowed}"
    return None
