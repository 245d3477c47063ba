"""The short form of PSANet's attention against its interpretation, with an attention matrix of all positions."""

import pytest
import torch
from networks.reference import Layers, assert_same, jolted, random_maps
from torch import Tensor


def features_and_weights(layers: Layers, x: Tensor) -> tuple[Tensor, Tensor]:
    """u (n, m, h w), and the weight of each position in each output (n, h w, h w)."""
    reduced = layers.conv(x)
    collected = layers.conv(reduced).flatten(2).softmax(2)  # over positions
    distributed = layers.conv(reduced).flatten(2).softmax(1)  # over channels
    return reduced.flatten(2), torch.einsum("nmi,nmj->nij", distributed, collected)


def psa_simple(layers: Layers, x: Tensor) -> Tensor:
    u, weights = features_and_weights(layers, x)
    z = u + torch.einsum("nij,nmj->nmi", weights, u)
    return x + layers.conv(z[..., None]).view_as(x)


@pytest.mark.parametrize("size", [(4, 3), (1, 1), (2, 5)], ids=str)
@pytest.mark.parametrize("reduction", [1, 4, 16])
def test_it_is_the_interpretation(reduction: int, size: tuple[int, int]) -> None:
    assert_same(jolted("psa_simple", 8, reduction=reduction), psa_simple, random_maps(8, size))


def test_weights_of_an_output_sum_to_one_and_the_map_is_what_a_position_receives() -> None:
    module, x = jolted("psa_simple", 8), random_maps(8, (4, 3))
    weights = features_and_weights(Layers(module), x)[1]
    torch.testing.assert_close(weights.sum(2), torch.ones(3, 12, dtype=torch.float64))
    received = weights.mean(1)
    expected = received / received.amax(1, keepdim=True)
    torch.testing.assert_close(module.maps(x)["spatial"], expected.view(3, 1, 4, 3))
