"""Resizing by products against torch's own interpolation."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from attnbench.networks.resize import Resize

PAIRS = [((59, 59), (30, 30)), ((30, 30), (59, 59)), ((32, 16), (16, 8)), ((6, 5), (2, 1)), ((2, 1), (6, 5))]
PAIRS += [((1, 1), (1, 1)), ((1, 1), (4, 3)), ((4, 3), (1, 1)), ((7, 5), (7, 5)), ((5, 8), (11, 3))]


def maps_of(size: tuple[int, int], dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize(("size", "to"), PAIRS, ids=str)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)], ids=str)
def test_it_is_torchs_interpolation(size, to, dtype: torch.dtype, tolerance: float) -> None:
    x, results = maps_of(size, dtype), []
    for resize in (Resize(size, to), lambda x: interpolate(x, size=to, mode="bilinear", align_corners=True)):
        leaf = x.clone().requires_grad_()
        y = resize(leaf)
        weight = torch.linspace(-1, 1, y.numel(), dtype=dtype).view(y.shape)
        results.append([y, *torch.autograd.grad((y * weight).sum(), leaf)])
    for mine, theirs in zip(*results, strict=True):
        assert mine.dtype == dtype
        torch.testing.assert_close(mine, theirs, rtol=tolerance, atol=tolerance)


def test_sizes_that_fit_keep_every_other_position_unchanged() -> None:
    x = maps_of((9, 5))
    assert torch.equal(Resize((9, 5), (5, 3))(x), x[:, :, ::2, ::2])


def test_its_matrices_are_not_saved() -> None:
    resize = Resize((4, 4), (2, 2))
    assert not resize.state_dict()
    assert [buffer.shape for buffer in resize.buffers()] == [(2, 4), (2, 4)]


def test_it_keeps_channels_last() -> None:
    x = maps_of((6, 5)).contiguous(memory_format=torch.channels_last)
    assert Resize((6, 5), (4, 3))(x).is_contiguous(memory_format=torch.channels_last)
