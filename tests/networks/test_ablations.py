"""Options after the papers' ablations, against other people's modules and formulas written out a second time."""

import pytest
import timm.layers
import torch
import torchvision.ops
from torch import Tensor, nn

from attnbench.study import attention

FUNCTIONS = {
    "sigmoid": lambda t: 1 / (1 + torch.exp(-t)),
    "tanh": lambda t: 1 - 2 / (1 + torch.exp(2 * t)),
    "relu": lambda t: t * (t > 0),
    "hardsigmoid": lambda t: torch.minimum(torch.maximum(t / 6 + 0.5, torch.zeros(())), torch.ones(())),
}
POOLS = {"avg": lambda x, axis: x.sum(axis) / x.shape[axis], "max": lambda x, axis: x.max(axis).values}
MORE_POOLS = {"lp": lambda x, axis: (x * x).sum(axis) ** 0.5, "lse": lambda x, axis: x.exp().sum(axis).log()}


@pytest.fixture
def x() -> Tensor:
    """Maps with many equal values, as behind a ReLU."""
    return torch.randn(3, 32, 7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64).relu()


def copies(module: nn.Module) -> tuple[list[Tensor], list[tuple[Tensor, Tensor]]]:
    """The parameters once more, in the same order, and the pairs of both."""
    mine = list(module.parameters())
    theirs = [parameter.detach().clone().requires_grad_() for parameter in mine]
    return theirs, list(zip(mine, theirs, strict=True))


def perceptron(z: Tensor, weights: list[Tensor]) -> Tensor:
    """Two layers with biases (n, C) -> (n, C)."""
    w1, b1, w2, b2 = weights
    hidden = z @ w1.T + b1
    return (hidden * (hidden > 0)) @ w2.T + b2


def convolved(plane: Tensor, kernel: Tensor) -> Tensor:
    """One map (n, h, w) with one kernel (k, k), zeros beyond the border."""
    k, (h, w) = kernel.shape[0], plane.shape[1:]
    framed = nn.functional.pad(plane, (k // 2,) * 4)
    return sum(kernel[i, j] * framed[:, i : i + h, j : j + w] for i in range(k) for j in range(k))


@pytest.mark.parametrize("squeeze", POOLS)
@pytest.mark.parametrize("activation", FUNCTIONS)
def test_squeeze_and_activation_of_se(jolted, assert_same, x: Tensor, squeeze: str, activation: str) -> None:
    ours = jolted(attention.load("se").build(32, reduction=4, squeeze=squeeze, activation=activation))
    if activation == "hardsigmoid":  # torch takes its slope, 1 / 6, in float32 whatever the type
        ours, x = ours.float(), x.float()
    weights, pairs = copies(ours)

    def theirs(x: Tensor) -> Tensor:
        logits = perceptron(POOLS[squeeze](x.flatten(2), 2), weights)
        return x * FUNCTIONS[activation](logits)[:, :, None, None]

    assert_same(ours, theirs, pairs, x)


def test_a_hard_sigmoid_is_torchvisions_of_mobilenet_v3(jolted, assert_same, x: Tensor) -> None:
    ours = jolted(attention.load("se").build(32, reduction=4, activation="hardsigmoid"))
    theirs = torchvision.ops.SqueezeExcitation(32, 8, scale_activation=nn.Hardsigmoid).double()
    pairs = list(zip(ours.parameters(), theirs.parameters(), strict=True))
    for mine, other in pairs:
        other.data = mine.data.view_as(other).clone()
    assert_same(ours, theirs, pairs, x)


def test_gates_of_which_activations_leave_the_range(jolted, x: Tensor) -> None:
    ranges = {}
    for name in FUNCTIONS:
        gate = jolted(attention.load("se").build(32, reduction=4, activation=name)).gate(100 * x).detach()
        ranges[name] = float(gate.min()), float(gate.max())
    assert ranges["hardsigmoid"] == (0, 1)
    assert ranges["sigmoid"] == pytest.approx((0, 1), abs=1e-3)
    assert ranges["tanh"] == pytest.approx((-1, 1), abs=1e-3)
    assert ranges["relu"][0] == 0
    assert ranges["relu"][1] > 10


@pytest.mark.parametrize(("channels", "kernel_size"), [(32, 3), (32, 9), (4, 7), (1, 3)])
def test_an_eca_that_is_not_shared_has_a_kernel_per_channel(
    jolted, assert_same, channels: int, kernel_size: int
) -> None:
    ours = jolted(attention.load("eca").build(channels, kernel_size=kernel_size, shared=False))
    (weights,), pairs = copies(ours)  # (c, k)
    x = torch.randn(3, channels, 7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def theirs(x: Tensor) -> Tensor:
        z = x.mean((2, 3))
        gates = []
        for c in range(channels):
            at = [c + i - kernel_size // 2 for i in range(kernel_size)]
            logit = sum(weights[c, i] * z[:, place] for i, place in enumerate(at) if 0 <= place < channels)
            gates.append(FUNCTIONS["sigmoid"](logit))
        return x * torch.stack(gates, 1)[:, :, None, None]

    assert_same(ours, theirs, pairs, x)


def test_equal_kernels_for_all_channels_are_timms_shared_one(x: Tensor) -> None:
    ours, shared = attention.load("eca").build(32, shared=False).double(), timm.layers.EcaModule().double()
    with torch.no_grad():
        ours.conv.weight.copy_(shared.conv.weight[0].expand(32, 3))
    torch.testing.assert_close(ours(x), shared(x))


def test_an_se_without_a_squeeze_has_a_gate_at_each_position(jolted, assert_same, x: Tensor) -> None:
    ours = jolted(attention.load("se").build(32, reduction=4, squeeze="none"))
    weights, pairs = copies(ours)

    def theirs(x: Tensor) -> Tensor:
        gates = [FUNCTIONS["sigmoid"](perceptron(position, weights)) for position in x.flatten(2).unbind(2)]
        return x * torch.stack(gates, 2).view_as(x)

    assert_same(ours, theirs, pairs, x)
    gate, maps = ours.gate(x), ours.maps(x)
    torch.testing.assert_close(maps["channel"], gate.mean((2, 3), keepdim=True))
    torch.testing.assert_close(maps["spatial"], gate.mean(1, keepdim=True))


@pytest.mark.parametrize("squeeze", POOLS | MORE_POOLS)
def test_a_cam_with_one_pool(jolted, assert_same, x: Tensor, squeeze: str) -> None:
    ours = jolted(attention.load("cam").build(32, reduction=4, squeeze=squeeze))
    weights, pairs = copies(ours)

    def theirs(x: Tensor) -> Tensor:
        pooled = (POOLS | MORE_POOLS)[squeeze](x.flatten(2), 2)
        return x * FUNCTIONS["sigmoid"](perceptron(pooled, weights))[:, :, None, None]

    assert_same(ours, theirs, pairs, x)


@pytest.mark.parametrize("descriptor", ["avg", "max", "conv"])
def test_a_sam_with_one_map(jolted, assert_same, x: Tensor, descriptor: str) -> None:
    x = x if descriptor == "avg" else x + torch.rand(x.shape, dtype=x.dtype)  # of equal maxima torch picks one
    ours = jolted(attention.load("sam").build(32, kernel_size=5, norm=False, descriptor=descriptor))
    weights, pairs = copies(ours)

    def theirs(x: Tensor) -> Tensor:
        learned = descriptor == "conv"
        plane = torch.einsum("nchw,c->nhw", x, weights[0].flatten()) if learned else POOLS[descriptor](x, 1)
        return x * FUNCTIONS["sigmoid"](convolved(plane, weights[-1][0, 0]))[:, None]

    assert_same(ours, theirs, pairs, x)


@pytest.mark.parametrize("arrangement", ["channel_first", "spatial_first", "parallel"])
@pytest.mark.parametrize(("squeeze", "descriptor"), [("both", "both"), ("max", "conv")])
def test_the_arrangements_of_cbam(
    jolted, assert_same, x: Tensor, arrangement: str, squeeze: str, descriptor: str
) -> None:
    ours = jolted(
        attention.load("cbam").build(32, squeeze=squeeze, descriptor=descriptor, arrangement=arrangement)
    ).eval()
    cam = attention.load("cam").build(32, squeeze=squeeze).double()
    sam = attention.load("sam").build(32, descriptor=descriptor).double().eval()
    cam.load_state_dict(ours.channel.state_dict())
    sam.load_state_dict(ours.spatial.state_dict())
    steps = {
        "channel_first": lambda x: sam(cam(x)),
        "spatial_first": lambda x: cam(sam(x)),
        "parallel": lambda x: x * cam.gate(x) * sam.gate(x),
    }
    pairs = list(zip(ours.parameters(), [*cam.parameters(), *sam.parameters()], strict=True))
    assert_same(ours, steps[arrangement], pairs, x)
    others = [steps[name](x) for name in steps if name != arrangement]
    assert not any(torch.allclose(ours(x), other, rtol=1e-3) for other in others)


def test_parameters_by_hand() -> None:
    def count(name: str, **options: object) -> int:
        return attention.parameter_count(name, 64, (6, 5), options)

    assert count("eca", shared=False) == 3 * 64
    assert count("eca", shared=False, kernel_size=9) == 9 * 64
    assert [count("sam", descriptor=name) for name in ("both", "avg", "max", "conv")] == [100, 51, 51, 64 + 51]
    assert count("sam", descriptor="conv", norm=False, kernel_size=3) == 64 + 9
    assert count("cbam", descriptor="conv") == 580 + 115
    assert {count("cbam", arrangement=name) for name in ("channel_first", "spatial_first", "parallel")} == {680}
    assert {count("cam", squeeze=name) for name in ("avg", "max", "both", "lp", "lse")} == {580}
    assert {count("se", squeeze=name) for name in ("avg", "max", "none")} == {580}
