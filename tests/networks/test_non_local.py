"""The non-local block against timm's, its formula and its header."""

from typing import Any

import pytest
import torch
from networks.reference import Layers, assert_same, attention, jolted, random_maps
from timm.layers.non_local_attn import NonLocalAttn
from torch import Tensor

OPTIONS = [
    {},
    {"mode": "unscaled", "norm": False},
    {"mode": "dot_product", "reduction": 5},
    {"subsample": False},
    {"subsample": False, "mode": "dot_product"},
    {"mode": "gaussian"},
    {"subsample": False, "mode": "concatenation"},
]


def sources(x: Tensor, *, subsample: bool) -> Tensor:
    """What the outputs mix (n, c, sources, 1): the positions, or the maxima of windows of two by two."""
    h, w = x.shape[2:]
    step = 2 if subsample else 1
    corners = [(i, j) for i in range(0, h, step) for j in range(0, w, step)]
    return torch.stack([x[:, :, i : i + step, j : j + step].amax((2, 3)) for i, j in corners], dim=2)[..., None]


def weights(layers: Layers, x: Tensor, *, mode: str = "embedded_gaussian", subsample: bool = True, **_: Any) -> Tensor:
    """The weight of each source in each output, (n, outputs, sources)."""
    mixed = sources(x, subsample=subsample)
    if mode == "concatenation":
        query, key = layers.conv(layers.conv(x), bias=False), layers.conv(layers.conv(mixed), bias=False)
        return (query.flatten(2).transpose(1, 2) + key.flatten(2)).clamp(min=0) / mixed.shape[2]
    embed = (lambda x: x) if mode == "gaussian" else layers.conv
    queries, keys = embed(x).flatten(2), embed(mixed).flatten(2)  # (n, m, outputs), (n, m, sources)
    scores = (queries[:, :, :, None] * keys[:, :, None, :]).sum(1)
    if mode == "dot_product":
        return scores / keys.shape[2]
    exponentials = torch.exp(scores if mode in ("unscaled", "gaussian") else scores / queries.shape[1] ** 0.5)
    return exponentials / exponentials.sum(2, keepdim=True)


def non_local(layers: Layers, x: Tensor, **options: Any) -> Tensor:
    mixing = weights(layers, x, **options)
    values = layers.conv(sources(x, subsample=options.get("subsample", True))).flatten(2)  # (n, m, sources)
    mixed = torch.einsum("nos,nms->nmo", mixing, values)
    out = layers.conv(mixed[..., None]).view_as(x)
    return x + (layers.norm(out) if options.get("norm", True) else out)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", [(4, 5), (1, 1), (6, 4)], ids=str)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_is_the_formula(options: dict[str, Any], size: tuple[int, int], training: bool) -> None:
    assert_same(jolted("non_local", 4, **options).train(training), non_local, random_maps(4, size), **options)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("options", "theirs"),
    [
        ({"reduction": 4, "mode": "unscaled", "subsample": False}, {"rd_channels": 8, "use_scale": False}),
        ({"reduction": 1, "subsample": False}, {"rd_channels": 32}),  # timm divides by the root of C, here of m
    ],
)
def test_it_is_timms_where_their_scales_meet(options: dict[str, Any], theirs: dict[str, Any], training: bool) -> None:
    assert_same(jolted("non_local", 32, **options).train(training), NonLocalAttn(32, **theirs), random_maps(32))


def test_the_default_subsamples_as_the_authors_do() -> None:
    """A change that no maximum of a window sees does not change the keys, so it changes one output only."""
    x = random_maps(4, (4, 4)).abs()
    x[:, :, 1, 1] = -1
    other = x.clone()
    other[:, :, 1, 1] = -2
    for options, changed in (({}, 1), ({"subsample": False}, 16)):
        module = jolted("non_local", 4, **options).eval()
        assert (module(x) != module(other)).any(1).sum((1, 2)).eq(changed).all()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_starts_as_the_identity(options: dict[str, Any], training: bool) -> None:
    module, x = attention("non_local", 16, **options).train(training), torch.randn(2, 16, 5, 3)
    assert torch.equal(module(x), x)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_map_is_the_attention_that_a_position_or_its_window_receives(options: dict[str, Any]) -> None:
    module, x = jolted("non_local", 4, **options).eval(), random_maps(4, (5, 3))
    received = weights(Layers(module), x, **options).abs().mean(1)
    step = 2 if options.get("subsample", True) else 1
    grid = (received / received.amax(1, keepdim=True)).view(3, -(-5 // step), -(-3 // step))
    expected = torch.stack([torch.stack([grid[:, i // step, j // step] for j in range(3)], 1) for i in range(5)], 1)
    torch.testing.assert_close(module.maps(x)["spatial"][:, 0], expected)


def test_the_map_of_weights_that_are_all_zero_is_zero() -> None:
    module = attention("non_local", 4, mode="dot_product").eval()
    assert torch.equal(module.maps(torch.zeros(2, 4, 3, 3))["spatial"], torch.zeros(2, 1, 3, 3))
