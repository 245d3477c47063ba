"""Selective kernel against timm's unit and its formula."""

from typing import Any

import pytest
import timm.layers
import torch
from networks.reference import Layers, assert_same, attention, jolted, parameters, random_maps
from torch import Tensor

from attnbench.tools.contract.configurations import features


def branches_and_weight(layers: Layers, x: Tensor, groups: int) -> tuple[Tensor, Tensor, Tensor]:
    """Both branches (n, c, h, w), and the weight of the dilated one (n, c, 1, 1)."""
    near = layers.norm(layers.conv(x, bias=False, padding=1, groups=groups)).relu()
    far = layers.norm(layers.conv(x, bias=False, padding=2, dilation=2, groups=groups)).relu()
    z = layers.norm(layers.linear((near + far).mean((2, 3)), bias=False)).relu()
    first, second = layers.linear(z, bias=False).chunk(2, 1)
    return near, far, (1 / (1 + torch.exp(first - second)))[:, :, None, None]


def sk(layers: Layers, x: Tensor, groups: int) -> Tensor:
    near, far, weight = branches_and_weight(layers, x, groups)
    return (1 - weight) * near + weight * far


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", [(7, 5), (1, 1), (4, 4)], ids=str)
@pytest.mark.parametrize(
    ("channels", "options", "groups"), [(16, {}, 16), (24, {"groups": 9, "reduction": 2, "minimum_width": 5}, 3)]
)
def test_it_is_the_formula(
    channels: int, options: dict[str, Any], groups: int, size: tuple[int, int], training: bool
) -> None:
    assert_same(jolted("sk", channels, **options).train(training), sk, random_maps(channels, size), groups=groups)


@pytest.mark.parametrize("training", [True, False])
def test_it_is_timms_without_its_split(training: bool) -> None:
    theirs = timm.layers.SelectiveKernel(64, groups=32, rd_channels=32, split_input=False)
    assert_same(jolted("sk", 64).train(training), theirs, random_maps(64))


def test_its_map_is_the_weight_of_the_dilated_convolution() -> None:
    module, x = jolted("sk", 16).eval(), random_maps(16)
    maps = module.maps(x)
    assert maps.keys() == {"channel"}
    torch.testing.assert_close(maps["channel"], branches_and_weight(Layers(module), x, 16)[2])


def test_the_attention_alone_has_the_parameters_of_the_header() -> None:
    assert sum(parameters(part) for name, part in attention("sk", 64).named_children() if name != "branches") == 6208


def test_a_batch_of_one_image_is_refused_in_train_mode_only() -> None:
    module, x = attention("sk", 16), features(16)[:1]
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        module.train()(x)
    assert module.eval()(x).isfinite().all()
