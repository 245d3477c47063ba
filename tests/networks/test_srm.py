"""Style-based recalibration against the formulas written out and against what its header says."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attnbench.study import attention

SIZES = [(7, 5), (1, 1), (1, 2)]
STYLES = ["both", "mean", "std"]


def maps_of(channels: int, size: tuple[int, int] = (7, 5)) -> Tensor:
    x = torch.randn(3, channels, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x[:, 0] = 0.5  # a channel that is the same everywhere
    return x


def written_out(x: Tensor, weights: list[Tensor], running: tuple[Tensor, Tensor] | None, style: str) -> Tensor:
    """The formulas channel by channel, with no layer of torch.nn; `running` mean and variance in eval mode."""
    w, gamma, beta = weights
    gated = torch.empty_like(x)
    for c in range(x.shape[1]):
        integrated = []
        for image in x[:, c]:
            values = list(image.flatten())
            mean = sum(values) / len(values)
            squares = sum((value - mean) ** 2 for value in values)
            variance = squares / (len(values) - 1) if len(values) > 1 else squares
            found = {"mean": mean, "std": torch.sqrt(variance + 1e-5)}
            used = list(found.values()) if style == "both" else [found[style]]
            integrated.append(sum(weight * value for weight, value in zip(w[c], used, strict=True)))
        z = torch.stack(integrated)
        centre, spread = z.sum() / len(z), ((z - z.sum() / len(z)) ** 2).sum() / len(z)
        if running is not None:
            centre, spread = running[0][c], running[1][c]
        normed = gamma[c] * (z - centre) / torch.sqrt(spread + 1e-5) + beta[c]
        gated[:, c] = x[:, c] / (1 + torch.exp(-normed))[:, None, None]
    return gated


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("style", STYLES)
def test_it_is_the_formula(jolted, assert_same, style: str, size: tuple[int, int], training: bool) -> None:
    ours = jolted(attention.load("srm").build(4, style=style)).train(training)
    copies = [parameter.detach().clone().requires_grad_() for parameter in ours.parameters()]
    norm = next(module for module in ours.modules() if isinstance(module, nn.BatchNorm1d))
    running = None if training else (norm.running_mean.clone(), norm.running_var.clone())
    pairs = list(zip(ours.parameters(), copies, strict=True))
    assert_same(ours, lambda x: written_out(x, copies, running, style), pairs, maps_of(4, size))


def test_parameters() -> None:
    count = attention.load("srm").parameter_count
    assert (count(64), count(64, style="mean"), count(64, style="std")) == (256, 192, 192)
    assert [count(channels) for channels in (16, 512, 2048)] == [64, 2048, 8192]


@pytest.mark.parametrize("training", [True, False])
def test_the_gate_starts_as_one_half(training: bool) -> None:
    module, x = attention.load("srm").build(64).train(training), torch.randn(3, 64, 4, 4)
    assert torch.equal(module(x), x / 2)


def test_a_batch_of_one_image_trains_not() -> None:
    module = attention.load("srm").build(16)
    assert module.eval()(torch.rand(1, 16, 8, 8)).isfinite().all()
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        module.train()(torch.rand(1, 16, 8, 8))


def test_no_channel_sees_another(jolted) -> None:
    module, x = jolted(attention.load("srm").build(4)).eval(), maps_of(4)
    other = x.clone()
    other[:, 2] += torch.rand(7, 5)
    same = (module.gate(other) == module.gate(x)).all(0).flatten()
    assert same.tolist() == [True, True, False, True]


def test_the_cost_of_a_network(counted: Callable[..., Any]) -> None:
    plain, counts = counted("none", None, (3, 16, 24)), counted("srm", "before_pool", (3, 16, 24))
    assert counts.attention_macs == 0
    assert counts.attention_parameters == 4 * (32 + 64 + 128)
    activations = 32 * 16 * 24 + 64 * 8 * 12 + 128 * 4 * 6
    # mean and sum of squares over the map; over the two statistics the sum
    assert counts.pooling_operations - plain.pooling_operations == 2 * activations + 2 * (32 + 64 + 128)
    # of each activation the difference, its square and the gate; of each channel both quotients, the 1e-5, the root,
    # both weights, the norm and the sigmoid
    assert counts.elementwise_operations - plain.elementwise_operations == 3 * activations + 8 * (32 + 64 + 128)
