"""PSANet's attention against its definition, position by position, and against its header."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest
import torch
from networks.reference import Layers, assert_same, attention, jolted, random_maps
from torch import Tensor
from torch.nn.functional import interpolate

SIZE = (3, 4)
DIRECTIONS: list[dict[str, Any]] = [
    {},
    {"direction": "collect", "compact": True},
    {"direction": "collect"},
    {"direction": "distribute"},
    {"direction": "distribute", "compact": True},
    {"compact": True},
]
OPTIONS = [*DIRECTIONS, {"softmax": False}, {"adapter": "concat"}, {"reduction": 2, "softmax": False, "compact": True}]


def layer(layers: Layers, x: Tensor) -> Tensor:
    return layers.norm(layers.conv(x, bias=False)).relu()


def resized(x: Tensor, size: Sequence[int]) -> Tensor:
    return interpolate(x, size=tuple(size), mode="bilinear", align_corners=True)


def value(o: Tensor, at: tuple[int, int], about: tuple[int, int], *, compact: bool) -> Tensor:
    """The value of the masks o (n, M, h, w) at one position for another, (n,)."""
    h, w = o.shape[2:]
    if compact:
        return o[:, about[0] * w + about[1], at[0], at[1]]
    table = o.unflatten(1, (2 * h - 1, 2 * w - 1))  # the offset 0 is in the middle
    return table[:, about[0] - at[0] + h - 1, about[1] - at[1] + w - 1, at[0], at[1]]


def branch(
    layers: Layers,
    x: Tensor,
    direction: str,
    *,
    shrink: int = 1,
    softmax: bool = True,
    compact: bool = False,
    **_: Any,
) -> tuple[Tensor, Tensor]:
    """The mixture (n, m, h', w'), and the weight of each position in each output (n, h' w', h' w')."""
    u = resized(layer(layers, x), [(edge - 1) // shrink + 1 for edge in x.shape[2:]])
    o = layers.conv(layer(layers, u), bias=False)
    positions = list(product(range(u.shape[2]), range(u.shape[3])))
    rows = []
    for output in positions:
        pairs = [(output, j) if direction == "collect" else (j, output) for j in positions]
        row = torch.stack([value(o, at, about, compact=compact) for at, about in pairs], dim=1)
        rows.append(row.softmax(1) if softmax else row / len(positions))
    weights = torch.stack(rows, dim=1)
    return torch.einsum("nij,nmj->nmi", weights, u.flatten(2)).view_as(u), weights


def branches(layers: Layers, x: Tensor, *, direction: str = "both", **options: Any) -> list[tuple[Tensor, Tensor]]:
    names = ("collect", "distribute") if direction == "both" else (direction,)
    return [branch(layers, x, name, **options) for name in names]


def psanet(layers: Layers, x: Tensor, *, adapter: str = "residual", **options: Any) -> Tensor:
    mixed = torch.cat([mixture for mixture, _ in branches(layers, x, **options)], dim=1)
    attended = resized(layer(layers, mixed), x.shape[2:])
    return layer(layers, torch.cat([x, attended], dim=1)) if adapter == "concat" else x + attended


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_is_the_definition(options: dict[str, Any], training: bool) -> None:
    assert_same(jolted("psanet", 8, SIZE, **options).train(training), psanet, random_maps(8, SIZE), **options)


@pytest.mark.parametrize("size", [(1, 1), (1, 3), (3, 1), (2, 2), (5, 2)], ids=str)
@pytest.mark.parametrize("compact", [False, True])
def test_it_is_the_definition_at_any_size(compact: bool, size: tuple[int, int]) -> None:
    assert_same(jolted("psanet", 4, size, compact=compact), psanet, random_maps(4, size), compact=compact)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("size", "shrink"), [((5, 7), 2), ((6, 5), 2), ((4, 8), 3), ((2, 6), 4), ((3, 2), 9)], ids=str)
@pytest.mark.parametrize("options", [{}, {"compact": True, "softmax": False, "adapter": "concat"}], ids=str)
def test_attention_on_a_shrunk_map(options: dict[str, Any], size: tuple[int, int], shrink: int, training: bool) -> None:
    """With sizes that fit, (h - 1) % s = 0, as the authors require, and with others; down to one position."""
    options = {**options, "shrink": shrink}
    assert_same(jolted("psanet", 4, size, **options).train(training), psanet, random_maps(4, size), **options)


def test_shrinking_leaves_nothing_in_the_state() -> None:
    """The same weights fit other sizes that shrink to the same one, and that size itself."""
    states = [
        attention("psanet", 8, size, shrink=shrink).state_dict()
        for size, shrink in (((5, 7), 2), ((6, 8), 2), ((3, 4), 1))
    ]
    shapes = [{name: tensor.shape for name, tensor in state.items()} for state in states]
    assert shapes[0] == shapes[1] == shapes[2]


@pytest.mark.parametrize("options", [*DIRECTIONS, {"softmax": False}], ids=str)
def test_the_map_is_the_attention_that_a_position_receives(options: dict[str, Any]) -> None:
    module, x = jolted("psanet", 8, SIZE, **options).eval(), random_maps(8, SIZE)
    received = torch.stack([weights.abs().mean(1) for _, weights in branches(Layers(module), x, **options)]).mean(0)
    expected = received / received.amax(1, keepdim=True)
    torch.testing.assert_close(module.maps(x)["spatial"], expected.view(3, 1, *SIZE))


@pytest.mark.parametrize("size", [(5, 7), (6, 8)], ids=str)
def test_the_map_of_a_shrunk_map_is_enlarged(size: tuple[int, int]) -> None:
    module, x = jolted("psanet", 8, size, shrink=2).eval(), random_maps(8, size)
    received = torch.stack([weights.mean(1) for _, weights in branches(Layers(module), x, shrink=2)]).mean(0)
    expected = resized(received.view(3, 1, 3, 4), size)
    torch.testing.assert_close(module.maps(x)["spatial"], expected / expected.amax((2, 3), keepdim=True))


def test_another_size_is_refused() -> None:
    module = attention("psanet", 16, (6, 5))
    sentence = (
        "this psanet is built for maps of 6 x 5 and got 5 x 6; it has a weight for every offset between two positions. "
        "Train and evaluate with images of one size"
    )
    for call in (module, module.maps):
        with pytest.raises(ValueError, match=f"^{sentence}$"):
            call(torch.rand(2, 16, 5, 6))


def test_a_position_attends_to_all_others() -> None:
    """A change in one corner reaches every output."""
    module, x = jolted("psanet", 8, (5, 4)).eval(), random_maps(8, (5, 4))
    other = x.clone()
    other[:, :, 0, 0] += 1
    assert (module(other) != module(x)).any(1).all()


def test_one_image_of_one_position_is_refused_in_train_mode_only() -> None:
    module = attention("psanet", 8, (1, 1))
    assert module.eval()(torch.rand(1, 8, 1, 1)).isfinite().all()
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        module.train()(torch.rand(1, 8, 1, 1))
