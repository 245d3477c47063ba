"""Multiply-adds of convolutions and products: half of what `torch.utils.flop_counter` counts, exactly."""

from collections import Counter
from math import prod
from typing import Any

from attnbench.cost.handles import ELEMENTWISE, MACS, POOLING, Handle, numel
from attnbench.cost.tracer import get_shape


def product(left: int) -> Handle:
    """Return the handle of a matrix product whose left factor is input `left`: each output sums over its last axis."""

    def handle(given: list[Any], made: list[Any]) -> Counter[str]:
        return Counter({MACS: numel(made[0]) * get_shape(given[left])[-1]})

    return handle


def convolution(given: list[Any], made: list[Any]) -> Counter[str]:
    """Count a convolution; input 6 of the general operator says whether it is transposed, the others never are."""
    transposed = len(given) > 7 and bool(given[6].toIValue())
    window = prod(get_shape(given[1])[1:])  # (out, in / groups, k, k); transposed (in, out / groups, k, k)
    return Counter({MACS: window * numel(given[0] if transposed else made[0])})


def scaled_dot_product_attention(given: list[Any], made: list[Any]) -> Counter[str]:
    """Count scores = q k^T, their scale and softmax, and scores v; a mask saves nothing."""
    query, key = (get_shape(value) for value in given[:2])  # (..., l, e), (..., s, e)
    value_width = get_shape(made[0])[-1]
    scores = prod(query[:-1]) * key[-2]  # (..., l, s)
    return Counter({MACS: scores * (query[-1] + value_width), POOLING: 2 * scores, ELEMENTWISE: 3 * scores})


def einsum(given: list[Any], made: list[Any]) -> Counter[str]:
    """Count an einsum: operands from left to right, two at a time; one operand alone is a sum or a view."""
    del made
    shapes = [get_shape(value) for value in given[1].node().inputs()]
    terms, output = _terms(given[0].toIValue(), shapes)
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for axis, size in zip(term, shape, strict=True):
            sizes[axis] = max(size, sizes.get(axis, 1))  # an axis of size 1 is broadcast
    if len(terms) == 1:
        return Counter({POOLING: prod(shapes[0]) if set(terms[0]) - set(output) else 0})
    macs, held = 0, set(terms[0])
    for position, term in enumerate(terms[1:], start=2):
        joined = held | set(term)
        macs += prod(sizes[axis] for axis in joined)
        held = joined & {*output, *(axis for later in terms[position:] for axis in later)}
    return Counter({MACS: macs})


def _terms(equation: str, shapes: list[list[int]]) -> tuple[list[list[str]], list[str]]:
    """Return the axes of the operands and of the output; the axes of an ellipsis are numbered from the right."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    names = left.split(",")
    spare = [len(shape) - len(name.replace("...", "")) for name, shape in zip(names, shapes, strict=True)]
    terms = [_axes(name, count) for name, count in zip(names, spare, strict=True)]
    if arrow:
        return terms, _axes(right, max(spare))
    single = sorted(axis for axis in set(left) - set(".,") if left.count(axis) == 1)
    return terms, [*_axes("..." if "..." in left else "", max(spare)), *single]


def _axes(name: str, spare: int) -> list[str]:
    before, dots, after = name.partition("...")
    return [*before, *(str(number) for number in reversed(range(spare)) if dots), *after]
