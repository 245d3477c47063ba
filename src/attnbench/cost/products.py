"""Multiply-adds of convolutions and products: half of what `torch.utils.flop_counter` counts, exactly."""

from collections import Counter
from math import prod
from typing import Any

from attnbench.cost.handles import ELEMENTWISE, MACS, POOLING, Handle, numel
from attnbench.cost.tracer import get_shape


def product(left: int) -> Handle:
    """Return the handle of a matrix product. Its left factor is input `left`; every output sums over its last axis."""

    def handle(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
        return Counter({MACS: numel(outputs[0]) * get_shape(inputs[left])[-1]})

    return handle


def convolution(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """Count a convolution; input 6, which only the general operator has, says whether it is transposed."""
    transposed = len(inputs) > 7 and bool(inputs[6].toIValue())
    window = prod(get_shape(inputs[1])[1:])  # (out, in / groups, k, k); transposed (in, out / groups, k, k)
    return Counter({MACS: window * numel(inputs[0] if transposed else outputs[0])})


def scaled_dot_product_attention(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """Count scores = q k^T, their scale and softmax, and scores v; a mask reduces nothing."""
    query, key = (get_shape(value) for value in inputs[:2])  # (..., l, e), (..., s, e)
    value_width = get_shape(outputs[0])[-1]
    scores = prod(query[:-1]) * key[-2]  # (..., l, s)
    return Counter({MACS: scores * (query[-1] + value_width), POOLING: 2 * scores, ELEMENTWISE: 3 * scores})


def einsum(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """Count an einsum: operands from left to right, two at a time; a single operand is a sum or a view."""
    del outputs
    shapes = [get_shape(value) for value in inputs[1].node().inputs()]
    terms, output = _terms(inputs[0].toIValue(), shapes)
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for axis, size in zip(term, shape, strict=True):
            sizes[axis] = max(size, sizes.get(axis, 1))  # an axis of size 1 is broadcast
    if len(terms) == 1:
        return Counter({POOLING: prod(shapes[0]) if set(terms[0]) - set(output) else 0})
    macs, axes = 0, set(terms[0])
    for position, term in enumerate(terms[1:], start=2):
        joined = axes | set(term)
        macs += prod(sizes[axis] for axis in joined)
        axes = joined & {*output, *(axis for later in terms[position:] for axis in later)}
    return Counter({MACS: macs})


def _terms(equation: str, shapes: list[list[int]]) -> tuple[list[list[str]], list[str]]:
    """Return the axes of the operands and of the output; the axes of an ellipsis are numbered from the right."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    names = left.split(",")
    extra = [len(shape) - len(name.replace("...", "")) for name, shape in zip(names, shapes, strict=True)]
    terms = [_axes(name, count) for name, count in zip(names, extra, strict=True)]
    if arrow:
        return terms, _axes(right, max(extra))
    single = sorted(axis for axis in set(left) - set(".,") if left.count(axis) == 1)
    return terms, [*_axes("..." if "..." in left else "", max(extra)), *single]


def _axes(name: str, extra: int) -> list[str]:
    before, dots, after = name.partition("...")
    return [*before, *(str(number) for number in reversed(range(extra)) if dots), *after]
