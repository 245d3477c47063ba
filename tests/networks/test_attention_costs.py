"""The multiply-adds of every attention module in the slots of a small CNN, against formulas."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from networks.reference import attention
from torch.utils.flop_counter import FlopCounterMode

from attnbench import cost, networks
from attnbench.study import attention as modules

SHAPE = (3, 16, 24)
SLOTS = [(32, 8, 12), (64, 4, 6), (128, 2, 3)]  # channels, height and width after the pools


def bam(c: int, h: int, w: int) -> int:
    d = c // 16
    return 2 * c * d + h * w * (c * d + 18 * d**2 + d)


def gather_excite(c: int, h: int, w: int, flavour: str = "theta", extent: str | int = "global") -> int:
    if flavour == "theta_minus":
        return 0
    sizes = [(1, 1)] if extent == "global" else [(-(-h // 2), -(-w // 2)), (-(-h // 4), -(-w // 4))]
    window = h * w if extent == "global" else 9
    gathered = sum(c * window * rows * columns for rows, columns in sizes)
    return gathered + (2 * c * (c // 16) * sizes[-1][0] * sizes[-1][1] if flavour == "theta_plus" else 0)


def gc(c: int, h: int, w: int, pool: str = "attention") -> int:
    return 2 * c * (c // 16) + (2 * c * h * w if pool == "attention" else 0)  # logits and weighted sum


def non_local(c: int, h: int, w: int, subsample: bool = True, mode: str = "embedded_gaussian") -> int:
    m, queries = c // 2, h * w
    keys = -(-h // 2) * -(-w // 2) if subsample else queries
    mixing = c * m * (queries + keys) + queries * keys * m
    if mode == "gaussian":
        return mixing + queries * keys * c
    embeddings = c * m * (queries + keys)
    return mixing + embeddings + (m * (queries + keys) if mode == "concatenation" else queries * keys * m)


def psanet(c: int, h: int, w: int, shrink: int = 1, short: bool = False) -> int:
    m, rows, columns = c // 4, (h - 1) // shrink + 1, (w - 1) // shrink + 1
    positions = rows * columns
    offsets = positions if short else (2 * rows - 1) * (2 * columns - 1)
    branch = h * w * c * m + positions * (m * m + m * offsets + positions * m + m * c)
    resized = m * rows * w * (h + columns) if shrink > 1 else 0
    enlarged = c * h * columns * (rows + w) if shrink > 1 else 0
    return (1 if short else 2) * (branch + resized) + enlarged + (2 * c * c * h * w if short else 0)


SHORT = {"compact": True, "direction": "distribute", "adapter": "concat"}
CASES: list[tuple[str, dict[str, Any], Callable[[int, int, int], int]]] = [
    ("bam", {}, bam),
    ("cam", {}, lambda c, h, w: 2 * 2 * c * (c // 16)),
    ("cbam", {}, lambda c, h, w: 2 * 2 * c * (c // 16) + 2 * 49 * h * w),
    ("constant", {}, lambda c, h, w: 0),
    ("coordinate", {}, lambda c, h, w: 2 * c * max(8, c // 32) * (h + w)),
    ("eca", {}, lambda c, h, w: 3 * c),
    ("ela", {}, lambda c, h, w: 7 * c * (h + w)),
    ("ela", {"mixed": 8}, lambda c, h, w: 8 * 7 * c * (h + w)),
    ("ema", {}, lambda c, h, w: c * (c // 32) * (h + w + 9 * h * w)),
    ("ese", {}, lambda c, h, w: c * c),
    *(("gam", {"groups": g}, lambda c, h, w, g=g: (2 + 98 // g) * c * (c // 4) * h * w) for g in (1, 2)),
    *(
        ("gather_excite", {"flavour": f, "extent": e}, lambda c, h, w, f=f, e=e: gather_excite(c, h, w, f, e))
        for f in ("theta_minus", "theta", "theta_plus")
        for e in ("global", 4)
    ),
    *(("gc", {"pool": pool}, lambda c, h, w, pool=pool: gc(c, h, w, pool)) for pool in ("attention", "avg")),
    ("lska", {}, lambda c, h, w: c * (c + 12) * h * w),
    ("mlca", {}, lambda c, h, w: c * (2 * 5 * h * w + 25 * (h + w)) + 26 * c * (5 if c == 128 else 3)),
    *(("non_local", {"subsample": s}, lambda c, h, w, s=s: non_local(c, h, w, s)) for s in (True, False)),
    *(
        ("non_local", {"mode": mode}, lambda c, h, w, mode=mode: non_local(c, h, w, mode=mode))
        for mode in ("gaussian", "concatenation")
    ),
    ("psa_simple", {}, lambda c, h, w: h * w * (2 * c * (c // 4) + 4 * (c // 4) ** 2)),
    *(("psanet", {"shrink": s}, lambda c, h, w, s=s: psanet(c, h, w, s)) for s in (1, 2)),
    *(("psanet", {"shrink": s, **SHORT}, lambda c, h, w, s=s: psanet(c, h, w, s, short=True)) for s in (1, 2)),
    ("sam", {}, lambda c, h, w: 2 * 49 * h * w),
    ("se", {}, lambda c, h, w: 2 * c * (c // 16)),
    ("sge", {}, lambda c, h, w: 0),
    ("shuffle", {}, lambda c, h, w: 0),
    ("simam", {}, lambda c, h, w: 0),
    ("sk", {}, lambda c, h, w: 2 * 9 * c * (c // 32) * h * w + 3 * c * 32),
    ("srm", {}, lambda c, h, w: 0),
    *(("static", {"over": over}, lambda c, h, w: 0) for over in ("channels", "positions", "both")),
    ("triplet", {}, lambda c, h, w: 98 * (h * w + c * w + c * h)),
]


def counted(name: str | None = None, **options: Any) -> cost.Counts:
    """The cost of the CNN with a module after each pool; all multiply-adds equal those that torch counts."""
    network = networks.build_backbone("cnn", 10, SHAPE).eval()
    for slot in network.slots().values():
        if name is not None and slot.site == "after_pool":
            slot.fill(attention(name, slot.channels, slot.size, **options))
    counts = cost.count(network, SHAPE)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(torch.zeros(1, *SHAPE))
    assert 2 * counts.macs == counter.get_total_flops()
    return counts


@pytest.mark.parametrize(("name", "options", "formula"), CASES, ids=lambda value: "" if callable(value) else str(value))
def test_multiply_adds_are_those_of_the_formula(
    name: str, options: dict[str, Any], formula: Callable[[int, int, int], int]
) -> None:
    assert counted(name, **options).attention_macs == sum(formula(*slot) for slot in SLOTS)


def test_every_module_has_a_formula() -> None:
    assert sorted({name for name, _, _ in CASES}) == modules.names()


@pytest.mark.parametrize(
    ("name", "options", "pools", "pooled", "by_activation", "by_channel", "by_position"),
    [
        # two pools: mean and sum of squares. Each activation: difference, square, quotient, 1/2, sigmoid, product with
        # x. Each channel: the variance and its quotients
        ("simam", {}, 2, 0, 6, 5, 0),
        # the same pools, and the sum over two statistics. Each activation: difference, square, product with the gate.
        # Each channel: two quotients, the 1e-5, the root, two weights, the norm, the sigmoid
        ("srm", {}, 2, 2, 3, 8, 0),
        # the product with x; for `static`, a sigmoid for each logit, and with `both` their products
        ("constant", {}, 0, 0, 1, 0, 0),
        ("static", {}, 0, 0, 1, 1, 0),
        ("static", {"over": "positions"}, 0, 0, 1, 0, 1),
        ("static", {"over": "both"}, 0, 0, 2, 1, 1),
    ],
)
def test_other_operations_by_hand(
    name: str, options: dict[str, Any], pools: int, pooled: int, by_activation: int, by_channel: int, by_position: int
) -> None:
    counts, plain = counted(name, **options), counted()
    activations, channels = sum(c * h * w for c, h, w in SLOTS), sum(c for c, _, _ in SLOTS)
    positions = sum(h * w for _, h, w in SLOTS)
    assert counts.pooling_operations - plain.pooling_operations == pools * activations + pooled * channels
    elementwise = counts.elementwise_operations - plain.elementwise_operations
    assert elementwise == by_activation * activations + by_channel * channels + by_position * positions
