"""Style-based recalibration against its formula and its header."""

import pytest
import torch
from networks.reference import Layers, assert_same, attention, jolted, random_maps
from torch import Tensor


def maps_with_a_constant_channel(size: tuple[int, int]) -> Tensor:
    x = random_maps(4, size)
    x[:, 0] = 0.5
    return x


def srm(layers: Layers, x: Tensor, style: str) -> Tensor:
    mean = x.mean((2, 3))
    squares = (x - mean[:, :, None, None]).square().sum((2, 3))
    deviation = torch.sqrt(squares / max(1, x[0, 0].numel() - 1) + 1e-5)
    statistics = {"both": [mean, deviation], "mean": [mean], "std": [deviation]}[style]
    weight = layers.weight()
    z = sum(weight[:, i] * statistic for i, statistic in enumerate(statistics))
    return x * layers.norm(z).sigmoid()[:, :, None, None]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", [(7, 5), (1, 1), (1, 2)], ids=str)
@pytest.mark.parametrize("style", ["both", "mean", "std"])
def test_it_is_the_formula(style: str, size: tuple[int, int], training: bool) -> None:
    assert_same(jolted("srm", 4, style=style).train(training), srm, maps_with_a_constant_channel(size), style=style)


@pytest.mark.parametrize("training", [True, False])
def test_the_gate_starts_as_one_half(training: bool) -> None:
    x = torch.randn(3, 64, 4, 4)
    assert torch.equal(attention("srm", 64).train(training)(x), x / 2)


def test_a_batch_of_one_image_is_refused_in_train_mode_only() -> None:
    module = attention("srm", 16)
    assert module.eval()(torch.rand(1, 16, 8, 8)).isfinite().all()
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        module.train()(torch.rand(1, 16, 8, 8))


def test_no_channel_sees_another() -> None:
    module, x = jolted("srm", 4).eval(), random_maps(4)
    other = x.clone()
    other[:, 2] += torch.rand(7, 5)
    assert (module.gate(other) == module.gate(x)).all(0).flatten().tolist() == [True, True, False, True]
