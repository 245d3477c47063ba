"""What can be wrong with a module is found on small random maps, before anything is trained with it."""

import copy
from pathlib import Path

import torch
from torch import Tensor, nn

from attnbench.attention._contract import Attention
from attnbench.errors import UserError
from attnbench.families import Size


def check(module: nn.Module, channels: int, size: Size, *, file: Path, slot: str) -> Attention:
    """Return `module` if it keeps to the contract on two random maps (2, channels, *size).

    Works on a copy; neither the module nor any random stream is touched.

    Raises:
        UserError: it is no `Attention`, fails, changes the shape, the type or its input, or gives NaN or infinity;
            the text names the file and the slot.
    """
    if not isinstance(module, Attention):
        raise UserError(
            f"{file}: build() returned a {type(module).__name__}; must be an Attention or a Gate of "
            "attnbench.attention._contract, with `forward` and `maps`"
        )
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((2, channels, *size), generator=generator).relu()
    given = x.clone()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        y = _output(copy.deepcopy(module).cpu().train(), x, f"{file}: in slot {slot} {type(module).__name__}")
    wrong = _wrong(given, x, y)
    if wrong:
        raise UserError(f"{file}: in slot {slot} {type(module).__name__} {wrong}")
    return module


def _output(module: nn.Module, x: Tensor, who: str) -> object:
    try:
        return module(x)
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise UserError(f"{who} fails on maps {tuple(x.shape)}: {type(error).__name__}: {error}") from error


def _wrong(given: Tensor, x: Tensor, y: object) -> str | None:
    """Return what is wrong with the output `y` for the input `given`, which is `x` after the call."""
    if not isinstance(y, Tensor):
        return f"returned a {type(y).__name__}; must return a tensor of the shape of its input"
    if y.shape != given.shape:
        return f"made {tuple(y.shape)} of maps {tuple(given.shape)}; must keep the shape"
    if y.dtype != given.dtype:
        return f"made {y.dtype} of {given.dtype}; must keep the type"
    if not torch.equal(given, x):
        return "changed its input in place; write `x = x * gate`, not `x *= gate`"
    if not y.isfinite().all():
        return "gives NaN or infinity with the weights it starts with"
    return None
