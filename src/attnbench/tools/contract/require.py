"""How a check says that a module breaks the contract."""

import torch
from torch import Tensor

from attnbench.errors import UserError


def require(condition: object, text: str) -> None:
    """Check one condition of the contract; `text` says what was found and what to do.

    Raises:
        UserError: the condition is false.
    """
    if not condition:
        raise UserError(text)


def require_close(actual: Tensor, expected: Tensor, text: str, *, rtol: float, atol: float) -> None:
    """Check that two tensors agree, element by element; `text` ends in what differs.

    Raises:
        UserError: they differ in shape, or by more than `atol + rtol * |expected|`.
    """
    require(actual.shape == expected.shape, f"{text}: shape {tuple(actual.shape)}, not {tuple(expected.shape)}")
    if not torch.allclose(actual, expected, rtol=rtol, atol=atol):
        raise UserError(f"{text}: by up to {(actual - expected).abs().max():.1e}")


def require_gradient(name: str, tensor: Tensor, where: str = "") -> Tensor:
    """Check that a gradient reached a tensor, and return it; `where`, such as `in torch.bfloat16 `, begins the text.

    Raises:
        UserError: the tensor has no gradient, or one with NaN or infinity.
    """
    require(tensor.grad is not None, f"{where}no gradient reaches {name}; use it in `forward`, or remove it")
    assert tensor.grad is not None
    require(tensor.grad.isfinite().all(), f"{where}the gradient of {name} has NaN or infinity")
    return tensor.grad
