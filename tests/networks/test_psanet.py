"""PSANet's attention against its definition, position by position, and against what its header says."""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from attnbench.study import attention

SIZE = (3, 4)
WIDTHS = [16, 32, 64, 128, 256, 512, 1024, 2048]
SHORT = {"direction": "collect", "compact": True}
DIRECTIONS = [{}, SHORT, {"direction": "collect"}, {"direction": "distribute"}]
DIRECTIONS += [{"direction": "distribute", "compact": True}, {"compact": True}]
OPTIONS = [*DIRECTIONS, {"softmax": False}, {"adapter": "concat"}, {"reduction": 2, "softmax": False, "compact": True}]


def maps_of(channels: int, size: tuple[int, int] = SIZE) -> Tensor:
    return torch.randn(3, channels, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


class WrittenOut:
    """The definition with loops over positions and no layer of torch.nn; weights in the order of our parameters.

    The map is shrunk and enlarged by torch's own interpolation.
    """

    def __init__(self, ours: nn.Module, options: dict[str, object]) -> None:
        self.training, self.options = ours.training, options
        self.copies = [parameter.detach().clone().requires_grad_() for parameter in ours.parameters()]
        norms = [module for module in ours.modules() if isinstance(module, nn.BatchNorm2d)]
        self.statistics = [(norm.running_mean.clone(), norm.running_var.clone()) for norm in norms]

    def start(self) -> None:
        self.weights, self.running = iter(self.copies), iter(self.statistics)

    def layer(self, x: Tensor) -> Tensor:
        """A 1x1 convolution, a norm and a ReLU."""
        x = torch.einsum("oi,nihw->nohw", next(self.weights).flatten(1), x)
        gamma, beta = next(self.weights)[:, None, None], next(self.weights)[:, None, None]
        mean, variance = next(self.running)
        if self.training:
            mean = x.mean((0, 2, 3))
            variance = ((x - mean[:, None, None]) ** 2).mean((0, 2, 3))
        x = gamma * (x - mean[:, None, None]) / torch.sqrt(variance[:, None, None] + 1e-5) + beta
        return x * (x > 0)

    def said(self, o: Tensor, speaker: tuple[int, int], about: tuple[int, int]) -> Tensor:
        """What the masks o (n, M, h, w) say at one position of another, (n,)."""
        h, w = o.shape[2:]
        if self.options.get("compact"):
            return o[:, about[0] * w + about[1], speaker[0], speaker[1]]
        table = o.unflatten(1, (2 * h - 1, 2 * w - 1))  # whose middle is the position itself
        return table[:, about[0] - speaker[0] + h - 1, about[1] - speaker[1] + w - 1, speaker[0], speaker[1]]

    def branch(self, x: Tensor, direction: str) -> tuple[Tensor, Tensor]:
        """The mixture (n, m, h, w), and what each output takes of each position (n, h w, h w)."""
        shrink = int(str(self.options.get("shrink", 1)))
        u = resized(self.layer(x), [(edge - 1) // shrink + 1 for edge in x.shape[2:]])
        o = torch.einsum("oi,nihw->nohw", self.last_of(u), self.hidden)
        rows = []
        positions = list(product(range(u.shape[2]), range(u.shape[3])))
        for output in positions:
            pairs = [(output, j) if direction == "collect" else (j, output) for j in positions]
            row = torch.stack([self.said(o, speaker, about) for speaker, about in pairs], dim=1)
            exponentials = torch.exp(row)
            soft = self.options.get("softmax", True)
            rows.append(exponentials / exponentials.sum(1, keepdim=True) if soft else row / len(positions))
        shares = torch.stack(rows, dim=1)
        mixed = [
            sum(shares[:, i, j, None] * u[:, :, r, c] for j, (r, c) in enumerate(positions)) for i in range(len(rows))
        ]
        return torch.stack(mixed, dim=2).reshape(u.shape), shares

    def last_of(self, u: Tensor) -> Tensor:
        self.hidden = self.layer(u)
        return next(self.weights).flatten(1)

    def branches(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        self.start()
        direction = str(self.options.get("direction", "both"))
        return [self.branch(x, name) for name in ("collect", "distribute") if direction in ("both", name)]

    def __call__(self, x: Tensor) -> Tensor:
        attended = resized(self.layer(torch.cat([mixed for mixed, _ in self.branches(x)], dim=1)), x.shape[2:])
        if self.options.get("adapter") == "concat":
            return self.layer(torch.cat([x, attended], dim=1))
        return x + attended


def resized(x: Tensor, size: Sequence[int]) -> Tensor:
    return interpolate(x, size=tuple(size), mode="bilinear", align_corners=True)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_is_the_definition(jolted, assert_same, options, training: bool) -> None:
    ours = jolted(attention.load("psanet").build(8, size=SIZE, **options)).train(training)
    theirs = WrittenOut(ours, options)
    assert_same(ours, theirs, list(zip(ours.parameters(), theirs.copies, strict=True)), maps_of(8))


@pytest.mark.parametrize("size", [(1, 1), (1, 3), (3, 1), (2, 2), (5, 2)], ids=str)
@pytest.mark.parametrize("compact", [False, True])
def test_it_is_the_definition_at_any_size(jolted, assert_same, compact: bool, size: tuple[int, int]) -> None:
    ours = jolted(attention.load("psanet").build(4, size=size, compact=compact))
    theirs = WrittenOut(ours, {"compact": compact})
    assert_same(ours, theirs, list(zip(ours.parameters(), theirs.copies, strict=True)), maps_of(4, size))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("size", "shrink"), [((5, 7), 2), ((6, 5), 2), ((4, 8), 3), ((2, 6), 4), ((3, 2), 9)], ids=str)
@pytest.mark.parametrize("options", [{}, {"compact": True, "softmax": False, "adapter": "concat"}], ids=str)
def test_attention_on_a_shrunk_map(jolted, assert_same, options, size, shrink: int, training: bool) -> None:
    """Of sizes that fit, (h - 1) % s = 0, as the authors need them, and of others; down to one position."""
    options = {**options, "shrink": shrink}
    ours = jolted(attention.load("psanet").build(4, size=size, **options)).train(training)
    theirs = WrittenOut(ours, options)
    assert_same(ours, theirs, list(zip(ours.parameters(), theirs.copies, strict=True)), maps_of(4, size))


def test_shrinking_leaves_nothing_in_the_state() -> None:
    """Weights go from one shrunk size to another with as many positions, and to the small size itself."""
    states = [
        attention.load("psanet").build(8, size=size, shrink=shrink).state_dict()
        for size, shrink in (((5, 7), 2), ((6, 8), 2), ((3, 4), 1))
    ]
    assert [{name: value.shape for name, value in state.items()} for state in states[1:]] == 2 * [
        {name: value.shape for name, value in states[0].items()}
    ]


@pytest.mark.parametrize("options", [*DIRECTIONS, {"softmax": False}], ids=str)
def test_the_map_is_what_a_position_receives(jolted, options) -> None:
    ours = jolted(attention.load("psanet").build(8, size=SIZE, **options)).eval()
    shares = [found for _, found in WrittenOut(ours, options).branches(maps_of(8))]
    received = torch.stack([found.abs().mean(1) for found in shares]).mean(0)
    expected = received / received.amax(1, keepdim=True)
    torch.testing.assert_close(ours.maps(maps_of(8))["spatial"], expected.reshape(3, 1, *SIZE))


@pytest.mark.parametrize("size", [(5, 7), (6, 8)], ids=str)
def test_the_map_of_a_shrunk_map_is_enlarged(jolted, size: tuple[int, int]) -> None:
    ours = jolted(attention.load("psanet").build(8, size=size, shrink=2)).eval()
    shares = [found for _, found in WrittenOut(ours, {"shrink": 2}).branches(maps_of(8, size))]
    received = torch.stack([found.mean(1) for found in shares]).mean(0).reshape(3, 1, 3, 4)
    expected = resized(received, size)
    torch.testing.assert_close(ours.maps(maps_of(8, size))["spatial"], expected / expected.amax((2, 3), keepdim=True))


def test_parameters() -> None:
    count = attention.load("psanet").parameter_count
    assert count(2048, size=(59, 59), shrink=2) == count(2048, size=(30, 30)) == 8_291_328
    with torch.device("meta"):
        module = attention.load("psanet").build(2048, size=(59, 59), shrink=2)
    assert sum(parameter.numel() for parameter in module.parameters()) == 8_291_328
    sizes = {64: 32, 128: 16, 256: 8, 512: 4}
    assert [count(c, size=(s, s), **SHORT) for c, s in sizes.items()] == [18_880, 17_792, 41_728, 151_040]
    for c in WIDTHS:
        m, offsets = c // 4, 11 * 9
        branch = c * m + 2 * m + m * m + 2 * m + m * offsets
        assert count(c, size=(6, 5)) == 2 * branch + 2 * m * c + 2 * c
        assert count(c, size=(6, 5), adapter="concat", direction="distribute") == branch + m * c + 4 * c + 2 * c * c


def test_another_size_is_refused() -> None:
    module = attention.load("psanet").build(16, size=(6, 5))
    sentence = (
        "this psanet is built for maps of 6 x 5 and got 5 x 6; it has a weight for every offset between two positions. "
        "Train and evaluate with images of one size"
    )
    for call in (module, module.maps):
        with pytest.raises(ValueError, match=f"^{sentence}$"):
            call(torch.rand(2, 16, 5, 6))


def test_a_position_attends_to_all_others(jolted) -> None:
    """A change in one corner reaches every output, and one output comes from every corner."""
    module = jolted(attention.load("psanet").build(8, size=(5, 4))).eval()
    x = maps_of(8, (5, 4))
    other = x.clone()
    other[:, :, 0, 0] += 1
    assert (module(other) != module(x)).any(1).all()


def test_one_image_of_one_position_does_not_train() -> None:
    module = attention.load("psanet").build(8, size=(1, 1))
    assert module.eval()(torch.rand(1, 8, 1, 1)).isfinite().all()
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        module.train()(torch.rand(1, 8, 1, 1))


@pytest.mark.parametrize("shrink", [1, 2])
@pytest.mark.parametrize("options", [{}, {"compact": True, "direction": "distribute", "adapter": "concat"}], ids=str)
def test_the_cost_of_a_network(options, shrink: int, counted: Callable[..., Any]) -> None:
    counts = counted("psanet", shape=(3, 16, 24), shrink=shrink, **options)
    branches, fused = (1, True) if options else (2, False)
    expected = 0
    for c, h, w in [(32, 8, 12), (64, 4, 6), (128, 2, 3)]:
        low, narrow = (h - 1) // shrink + 1, (w - 1) // shrink + 1
        positions = low * narrow
        m, offsets = c // 4, positions if options else (2 * low - 1) * (2 * narrow - 1)
        expected += branches * (h * w * c * m + positions * (m * m + m * offsets + positions * m + m * c))
        if shrink > 1:
            expected += branches * m * low * w * (h + narrow) + c * h * narrow * (low + w)
        expected += 2 * c * c * h * w if fused else 0
    assert counts.attention_macs == expected
