"""The non-local block against timm's, against the formulas written out, and against what its header says."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from timm.layers.non_local_attn import NonLocalAttn
from torch import Tensor, nn

from attnbench.study import attention

SIZES = [(4, 5), (1, 1), (6, 4)]
WIDTHS = [16, 32, 64, 128, 256, 512, 1024, 2048]
OPTIONS = [
    {},
    {"mode": "unscaled", "norm": False},
    {"mode": "dot_product", "reduction": 5},
    {"subsample": False},
    {"subsample": False, "mode": "dot_product"},
]


def maps_of(channels: int, size: tuple[int, int] = (4, 5)) -> Tensor:
    return torch.randn(3, channels, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


class WrittenOut:
    """The formulas output by output and position by position, with no layer of torch.nn."""

    def __init__(self, ours: nn.Module, options: dict[str, object]) -> None:
        self.training, self.options = ours.training, options
        self.weights = [parameter.detach().clone().requires_grad_() for parameter in ours.parameters()]
        norms = [module for module in ours.modules() if isinstance(module, nn.BatchNorm2d)]
        self.running = [(norm.running_mean.clone(), norm.running_var.clone()) for norm in norms]

    def sources(self, image: Tensor) -> list[Tensor]:
        """What the outputs mix: the positions (c,), or the maxima of windows of two by two."""
        h, w = image.shape[1:]
        step = 2 if self.options.get("subsample", True) else 1
        corners = [(i, j) for i in range(0, h, step) for j in range(0, w, step)]
        return [image[:, i : i + step, j : j + step].amax((1, 2)) for i, j in corners]

    def shares(self, image: Tensor) -> list[Tensor]:
        """What each output takes of each source."""
        w_theta, b_theta, w_phi, b_phi = (
            weight.flatten(1) if weight.dim() > 1 else weight for weight in self.weights[:4]
        )
        keys = [w_phi @ source + b_phi for source in self.sources(image)]
        found = []
        for position in image.flatten(1).unbind(1):
            query = w_theta @ position + b_theta
            scores = torch.stack([(query * key).sum() for key in keys])
            match self.options.get("mode"):
                case "dot_product":
                    found.append(scores / len(keys))
                case "unscaled":
                    found.append(torch.exp(scores) / torch.exp(scores).sum())
                case _:
                    scores = scores / len(query) ** 0.5
                    found.append(torch.exp(scores) / torch.exp(scores).sum())
        return found

    def __call__(self, x: Tensor) -> Tensor:
        w_g, b_g, w_out, b_out = (weight.flatten(1) if weight.dim() > 1 else weight for weight in self.weights[4:8])
        images = []
        for image in x:
            values = [w_g @ source + b_g for source in self.sources(image)]
            mixtures = [
                sum(share * value for share, value in zip(row, values, strict=True)) for row in self.shares(image)
            ]
            images.append(torch.stack([w_out @ mixture + b_out for mixture in mixtures], dim=1).reshape(image.shape))
        return x + self.normed(torch.stack(images))

    def normed(self, out: Tensor) -> Tensor:
        if not self.running:
            return out
        gamma, beta = (weight[:, None, None] for weight in self.weights[8:])
        mean = out.mean((0, 2, 3))
        variance = ((out - mean[:, None, None]) ** 2).mean((0, 2, 3))
        if not self.training:
            mean, variance = self.running[0]
        return gamma * (out - mean[:, None, None]) / torch.sqrt(variance[:, None, None] + 1e-5) + beta


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_is_the_formula(jolted, assert_same, options, size, training) -> None:
    ours = jolted(attention.load("non_local").build(4, **options)).train(training)
    theirs = WrittenOut(ours, options)
    assert_same(ours, theirs, list(zip(ours.parameters(), theirs.weights, strict=True)), maps_of(4, size))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("options", "theirs"),
    [
        ({"reduction": 4, "mode": "unscaled", "subsample": False}, {"rd_channels": 8, "use_scale": False}),
        ({"reduction": 1, "subsample": False}, {"rd_channels": 32}),  # timm divides by the root of C, here of m
    ],
)
def test_it_is_timms_where_their_scales_meet(jolted, assert_same, options, theirs, training) -> None:
    ours = jolted(attention.load("non_local").build(32, **options)).train(training)
    other = NonLocalAttn(32, **theirs).double().train(training)
    with torch.no_grad():
        for mine, copy in zip(ours.state_dict().values(), other.state_dict().values(), strict=True):
            copy.copy_(mine)
    assert_same(ours, other, list(zip(ours.parameters(), other.parameters(), strict=True)), maps_of(32))


def test_parameters() -> None:
    count = attention.load("non_local").parameter_count
    assert (count(64), count(64, norm=False)) == (8480, 8352)
    for channels in WIDTHS:
        m = channels // 2
        assert count(channels) == count(channels, subsample=False) == 4 * channels * m + 3 * m + 3 * channels
    assert sum(parameter.numel() for parameter in NonLocalAttn(64).parameters()) == 2264


def test_the_default_subsamples_as_the_authors_do(jolted) -> None:
    """A change that no maximum of a window sees leaves the keys as they were, so it changes one position alone."""
    x = maps_of(4, (4, 4)).abs()
    x[:, :, 1, 1] = -1
    other = x.clone()
    other[:, :, 1, 1] = -2
    for options, changed in (({}, 1), ({"subsample": False}, 16)):
        module = jolted(attention.load("non_local").build(4, **options)).eval()
        assert (module(x) != module(other)).any(1).sum((1, 2)).eq(changed).all()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_starts_as_the_identity(options, training: bool) -> None:
    module, x = attention.load("non_local").build(16, **options).train(training), torch.randn(2, 16, 5, 3)
    assert torch.equal(module(x), x)


def test_weights_start_small_and_biases_at_zero() -> None:
    torch.manual_seed(0)
    module = attention.load("non_local").build(256)
    convolutions = [part for part in module.modules() if isinstance(part, nn.Conv2d)]
    assert len(convolutions) == 4
    for part in convolutions:
        torch.testing.assert_close(part.weight.std().item(), 0.01, rtol=0.02, atol=0)
        assert part.bias.eq(0).all()


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_map_is_what_a_position_or_its_window_receives(jolted, options) -> None:
    module = jolted(attention.load("non_local").build(4, **options)).eval()
    x = maps_of(4, (5, 3))
    found = module.maps(x)["spatial"]
    for image, map_ in zip(x, found, strict=True):
        received = torch.stack(WrittenOut(module, options).shares(image)).abs().mean(0)
        step = 2 if options.get("subsample", True) else 1
        each = (received / received.max()).reshape(-(-5 // step), -(-3 // step))
        expected = torch.stack([torch.stack([each[i // step, j // step] for j in range(3)]) for i in range(5)])
        torch.testing.assert_close(map_[0], expected)


def test_the_map_of_weights_that_are_all_zero_is_zero() -> None:
    module = attention.load("non_local").build(4, mode="dot_product").eval()
    assert torch.equal(module.maps(torch.zeros(2, 4, 3, 3))["spatial"], torch.zeros(2, 1, 3, 3))


@pytest.mark.parametrize("subsample", [False, True])
def test_the_cost_of_a_network(subsample: bool, counted: Callable[..., Any]) -> None:
    counts = counted("non_local", shape=(3, 16, 24), subsample=subsample)
    sizes = [(32, 8, 12), (64, 4, 6), (128, 2, 3)]
    expected = 0
    for c, h, w in sizes:
        m, queries = c // 2, h * w
        keys = (h // 2) * (-(-w // 2)) if subsample else queries
        expected += 2 * c * m * queries + 2 * c * m * keys + 2 * queries * keys * m
    assert counts.attention_macs == expected
