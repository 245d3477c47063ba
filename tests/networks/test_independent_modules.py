"""Outputs and gradients on copied weights against timm, torchvision, and the formulas written out a second time."""

import pytest
import timm.layers
import timm.layers.cbam
import torch
import torchvision.ops
from torch import Tensor, nn

from attnbench.study import attention

WIDTHS = [16, 64, 128]


def maps_of(channels: int, *, ties: bool = False) -> Tensor:
    x = torch.randn(3, channels, 7, 5, generator=torch.Generator().manual_seed(channels), dtype=torch.float64)
    return x.relu() if ties else x


def copied(ours: nn.Module, theirs: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """Copy our parameters into theirs, which stand in the same order, and return the pairs."""
    pairs = list(zip(ours.parameters(), theirs.parameters(), strict=True))
    with torch.no_grad():
        for mine, other in pairs:
            other.copy_(mine.reshape(other.shape))
    return pairs


@pytest.mark.parametrize("channels", WIDTHS)
@pytest.mark.parametrize("bias", [True, False])
def test_se_rounded_to_eight_is_timms(jolted, assert_same, channels: int, bias: bool) -> None:
    ours = jolted(attention.load("se").build(channels, bias=bias, rounding="div8"))
    theirs = timm.layers.SEModule(channels, bias=bias).double()
    assert_same(ours, theirs, copied(ours, theirs), maps_of(channels))


@pytest.mark.parametrize(("channels", "reduction"), [(24, 16), (40, 2), (200, 16), (208, 4), (1000, 3)])
def test_rounding_to_eight_is_timms_at_odd_widths(channels: int, reduction: int) -> None:
    theirs = timm.layers.SEModule(channels, rd_ratio=1 / reduction)
    count = attention.load("se").parameter_count(channels, reduction=reduction, rounding="div8")
    assert count == sum(parameter.numel() for parameter in theirs.parameters())


@pytest.mark.parametrize("channels", WIDTHS)
@pytest.mark.parametrize("reduction", [4, 16])
def test_se_is_torchvisions(jolted, assert_same, channels: int, reduction: int) -> None:
    ours = jolted(attention.load("se").build(channels, reduction=reduction))
    theirs = torchvision.ops.SqueezeExcitation(channels, channels // reduction).double()
    assert_same(ours, theirs, copied(ours, theirs), maps_of(channels))


@pytest.mark.parametrize("channels", [1, 3, *WIDTHS, 2048])
def test_eca_is_timms(jolted, assert_same, channels: int) -> None:
    ours = jolted(attention.load("eca").build(channels, kernel_size="adaptive"))
    theirs = timm.layers.EcaModule(channels).double()
    assert_same(ours, theirs, copied(ours, theirs), maps_of(channels))


def test_eca_has_a_kernel_of_three_unless_told(jolted, assert_same) -> None:
    ours, theirs = jolted(attention.load("eca").build(2048)), timm.layers.EcaModule().double()
    assert_same(ours, theirs, copied(ours, theirs), maps_of(2048))


@pytest.mark.parametrize("kernel_size", [1, 5, 9])
def test_eca_takes_a_kernel_size(jolted, assert_same, kernel_size: int) -> None:
    ours = jolted(attention.load("eca").build(64, kernel_size=kernel_size))
    theirs = timm.layers.EcaModule(kernel_size=kernel_size).double()
    assert_same(ours, theirs, copied(ours, theirs), maps_of(64))


@pytest.mark.parametrize("channels", WIDTHS)
@pytest.mark.parametrize("bias", [True, False])
def test_cam_is_timms_channel_half(jolted, assert_same, channels: int, bias: bool) -> None:
    ours = jolted(attention.load("cam").build(channels, bias=bias))
    theirs = timm.layers.cbam.ChannelAttn(channels, mlp_bias=bias).double()
    assert_same(ours, theirs, copied(ours, theirs), maps_of(channels))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_cbam_is_timms(jolted, assert_same, bias: bool, training: bool) -> None:
    """timm stacks [mean, max] where the authors stack [max, mean], so the spatial kernel's two planes change places."""
    ours = jolted(attention.load("cbam").build(64, bias=bias)).train(training)
    theirs = timm.layers.cbam.CbamModule(64, mlp_bias=bias).double().train(training)
    copied(ours, theirs)
    with torch.no_grad():
        kernel = next(p for p in theirs.parameters() if p.shape == (1, 2, 7, 7))
        kernel.copy_(kernel.flip(1))
        for mine, other in zip(ours.buffers(), theirs.buffers(), strict=True):
            other.copy_(mine)
    pairs = [pair for pair in zip(ours.parameters(), theirs.parameters(), strict=True) if pair[0].shape != (1, 2, 7, 7)]
    assert_same(ours, theirs, pairs, maps_of(64))


class WrittenOut(nn.Module):
    """CBAM from the paper's equations 1 to 3 and the authors' norm, with no layer of torch.nn in it.

    Weights by the names of the authors' figures: W0 (d, C), b0, W1 (C, d), b1, kernel (2, k, k) with max before mean.
    """

    def __init__(self, weights: dict[str, Tensor | None], *, training: bool) -> None:
        super().__init__()
        self.weights = weights
        self.training = training

    def perceptron(self, z: Tensor) -> Tensor:
        w = self.weights
        hidden = torch.einsum("dc,nc->nd", w["W0"], z) + (0 if w["b0"] is None else w["b0"])
        hidden = hidden * (hidden > 0)
        return torch.einsum("cd,nd->nc", w["W1"], hidden) + (0 if w["b1"] is None else w["b1"])

    def channel(self, x: Tensor) -> Tensor:
        flat = x.reshape(*x.shape[:2], -1)
        logits = self.perceptron(flat.sum(-1) / flat.shape[-1]) + self.perceptron(flat.max(-1).values)
        return x * (1 / (1 + torch.exp(-logits)))[:, :, None, None]

    def convolved(self, planes: tuple[Tensor, Tensor]) -> Tensor:
        kernel = self.weights["kernel"]
        assert kernel is not None
        n, h, w = planes[0].shape
        k = kernel.shape[-1]
        total = planes[0].new_zeros(n, h, w)
        for plane, window in zip(planes, kernel, strict=True):
            framed = plane.new_zeros(n, h + k - 1, w + k - 1)
            framed[:, k // 2 : k // 2 + h, k // 2 : k // 2 + w] = plane
            for i in range(k):
                for j in range(k):
                    total = total + window[i, j] * framed[:, i : i + h, j : j + w]
        return total

    def normalised(self, logits: Tensor) -> Tensor:
        gamma, beta, mean, variance = (self.weights.get(key) for key in ("gamma", "beta", "mean", "variance"))
        if gamma is None or beta is None:
            return logits
        if self.training:
            mean = logits.mean()
            variance = ((logits - mean) ** 2).mean()
        assert mean is not None
        assert variance is not None
        return gamma * (logits - mean) / torch.sqrt(variance + 1e-5) + beta

    def spatial(self, x: Tensor) -> Tensor:
        logits = self.convolved((x.max(1).values, x.sum(1) / x.shape[1]))
        return x * (1 / (1 + torch.exp(-self.normalised(logits))))[:, None]

    def forward(self, x: Tensor) -> Tensor:
        if self.weights["W0"] is not None:
            x = self.channel(x)
        return self.spatial(x) if self.weights["kernel"] is not None else x


def written_out(ours: nn.Module) -> tuple[WrittenOut, list[tuple[Tensor, Tensor]]]:
    """The formulas with our weights, found by shape and kind, not by our names."""
    linear = [module for module in ours.modules() if isinstance(module, nn.Linear)]
    convolution = [module for module in ours.modules() if isinstance(module, nn.Conv2d)]
    norm = [module for module in ours.modules() if isinstance(module, nn.BatchNorm2d)]
    mine: dict[str, Tensor | None] = dict.fromkeys(("W0", "b0", "W1", "b1", "kernel", "gamma", "beta"))
    if linear:
        mine |= {"W0": linear[0].weight, "b0": linear[0].bias, "W1": linear[1].weight, "b1": linear[1].bias}
    if convolution:
        assert convolution[0].bias is None
        mine |= {"kernel": convolution[0].weight}
    if norm:
        mine |= {"gamma": norm[0].weight, "beta": norm[0].bias}
    theirs = {key: None if value is None else value.detach().clone().requires_grad_() for key, value in mine.items()}
    pairs = [(value, copy) for value, copy in zip(mine.values(), theirs.values(), strict=True) if value is not None]
    found = [(value, copy) for value, copy in pairs if copy is not None]
    weights = (
        theirs | {"mean": norm[0].running_mean.clone(), "variance": norm[0].running_var.clone()} if norm else theirs
    )
    if weights["kernel"] is not None:
        weights["kernel"] = weights["kernel"][0]
    return WrittenOut(weights, training=ours.training), found


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cam", {}),
        ("cam", {"bias": False, "reduction": 4}),
        ("sam", {}),
        ("sam", {"kernel_size": 3, "norm": False}),
        ("cbam", {}),
        ("cbam", {"bias": False, "norm": False}),
        ("cbam", {"rounding": "div8", "kernel_size": 5}),
    ],
)
def test_cbam_is_the_papers_with_ties_behind_a_relu(
    jolted, assert_same, name: str, options: dict[str, bool | int | str], dtype: torch.dtype, training: bool
) -> None:
    ours = jolted(attention.load(name).build(32, **options)).to(dtype).train(training)
    theirs, pairs = written_out(ours)
    assert_same(ours, theirs, pairs, maps_of(32, ties=True).to(dtype))


def test_the_spatial_norm_is_the_authors() -> None:
    """Weight 0 at the start, so that the gate is the constant 0.5, and a momentum of 0.01."""
    sam = attention.load("sam").build(64).double()
    x = maps_of(64)
    assert torch.equal(sam(x), 0.5 * x)
    norm = next(module for module in sam.modules() if isinstance(module, nn.BatchNorm2d))
    assert (norm.momentum, norm.eps) == (0.01, 1e-5)
    assert norm.running_mean is not None
    logits = WrittenOut({"kernel": next(sam.parameters())[0]}, training=True).convolved((x.max(1).values, x.mean(1)))
    torch.testing.assert_close(norm.running_mean, 0.01 * logits.mean()[None])


def test_the_largest_takes_the_whole_gradient() -> None:
    """Of equal maxima the first one, as in the authors' max pools."""
    x = torch.zeros(1, 2, 2, 2, requires_grad=True)
    module = attention.load("cam").build(2, bias=True)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(1.0)
    gate = module.gate(x)[0, 0]
    (gradient,) = torch.autograd.grad(gate.sum(), x)
    from_mean, from_max = gradient[0, 0, 1, 1], gradient[0, 0, 0, 0] - gradient[0, 0, 1, 1]
    torch.testing.assert_close(from_max, 4 * from_mean)
