"""Mixed local channel attention against torch's adaptive pools."""

import pytest
import torch
from networks.reference import Layers, assert_same, attention, jolted, random_maps
from torch import Tensor
from torch.nn import functional


def mlca(layers: Layers, x: Tensor, size: int = 5, share: float = 0.5) -> Tensor:
    whole, local = layers.weight(), layers.weight()
    n, c, h, w = x.shape
    windows = functional.adaptive_avg_pool2d(x, size)  # (n, c, l, l)
    sequence = torch.cat([windows[:, :, i, j] for i in range(size) for j in range(size)], dim=1)  # (n, l l c)
    of_windows = functional.conv1d(sequence[:, None], local, padding=local.shape[2] // 2).sigmoid()
    of_windows = of_windows.view(n, size, size, c).permute(0, 3, 1, 2)
    of_map = functional.conv1d(windows.mean((2, 3))[:, None], whole, padding=whole.shape[2] // 2).sigmoid()
    mixed = (1 - share) * of_map.view(n, c, 1, 1) + share * of_windows
    return x * functional.adaptive_avg_pool2d(mixed, (h, w))


@pytest.mark.parametrize("channels", [4, 16, 128])
@pytest.mark.parametrize("size", [(7, 12), (5, 5), (3, 1), (1, 1)], ids=str)
def test_it_is_the_formula(channels: int, size: tuple[int, int]) -> None:
    assert_same(jolted("mlca", channels), mlca, random_maps(channels, size))


def test_its_options_are_those_of_the_formula() -> None:
    assert_same(jolted("mlca", 16, local_size=3, local_weight=0.25), mlca, random_maps(16), size=3, share=0.25)
    kernels = [attention("mlca", 64, gamma=gamma, b=b).whole.kernel_size for gamma, b in ((2.0, 1.0), (1.0, -1.0))]
    assert kernels == [(3,), (5,)]
