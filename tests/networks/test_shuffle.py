"""Shuffle attention against its formula and its header."""

import pytest
import torch
from networks.reference import Layers, assert_same, attention, jolted, random_maps
from torch import Tensor

from attnbench.networks.channel_groups import shuffled


def shuffle_attention(layers: Layers, x: Tensor, groups: int, shuffle: bool) -> Tensor:
    """One channel at a time."""
    a1, b1, a2, b2, c, d = (layers.weight() for _ in range(6))
    width = x.shape[1] // (2 * groups)
    outputs = []
    for index in range(x.shape[1]):
        channel, i = x[:, index], index % width
        mean = channel.mean((1, 2), keepdim=True)
        if index // width % 2 == 0:
            scores = a1[i] * mean + b1[i]
        else:
            variance = (channel - mean).square().mean((1, 2), keepdim=True)
            scores = a2[i] * (c[i] * (channel - mean) / (variance + 1e-5).sqrt() + d[i]) + b2[i]
        outputs.append(channel / (1 + torch.exp(-scores)))
    half = len(outputs) // 2
    order = [i // 2 + half * (i % 2) for i in range(2 * half)] if shuffle else range(2 * half)
    return torch.stack([outputs[i] for i in order], dim=1)


@pytest.mark.parametrize(("channels", "groups", "effective"), [(12, 64, 2), (8, 64, 4), (16, 2, 2), (6, 64, 1)])
@pytest.mark.parametrize("shuffle", [True, False])
def test_it_is_the_formula(channels: int, groups: int, effective: int, shuffle: bool) -> None:
    ours = jolted("shuffle", channels, groups=groups, shuffle=shuffle)
    assert_same(ours, shuffle_attention, random_maps(channels), groups=effective, shuffle=shuffle)


def test_one_position_trains_and_has_the_gate_of_the_bias() -> None:
    module = jolted("shuffle", 8, groups=1, shuffle=False)
    gate = module.maps(random_maps(8, (1, 1))[:1])["channel"]
    scores = module.spatial_weight * module.norm.bias + module.spatial_bias
    torch.testing.assert_close(gate[0, 4:].flatten(), scores.sigmoid())


def test_gates_start_as_the_constant_of_the_header() -> None:
    x = torch.rand(3, 64, 4, 4) + 0.1
    torch.testing.assert_close(attention("shuffle", 64, shuffle=False)(x), 0.7310586 * x)


def test_an_odd_number_of_channels_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^33 channels have no two halves; allowed: even numbers of .* such as 34$"):
        attention("shuffle", 33)


def test_channels_are_dealt_from_the_groups_in_turn() -> None:
    x = torch.arange(6.0).view(1, 6, 1, 1).expand(2, 6, 3, 2)
    assert shuffled(x, 3)[1, :, 2, 1].tolist() == [0, 2, 4, 1, 3, 5]
