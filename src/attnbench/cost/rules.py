"""All counting rules by operator, as the tracer names them."""

from collections import Counter
from typing import Any

from attnbench.cost import handles, products
from attnbench.cost.handles import ELEMENTWISE, POOLING, Handle, rule
from attnbench.cost.tracer import SKIPPED

UNCOUNTED = "uncounted "  # prefix of the mark that an operator without a rule leaves in the counts

SPECIAL: dict[str, Handle] = {
    "max": handles.maximum,
    "min": handles.maximum,
    "softmax": handles.SOFTMAX,
    "_softmax": handles.SOFTMAX,
    "log_softmax": handles.SOFTMAX,
    "group_norm": handles.STATISTICS_NORM,
    "layer_norm": handles.STATISTICS_NORM,
    "instance_norm": handles.STATISTICS_NORM,
    "var": rule(inputs={POOLING: 2}),
    "std": rule(inputs={POOLING: 2}),
    "var_mean": rule(inputs={POOLING: 2}),
    "std_mean": rule(inputs={POOLING: 2}),
    "norm": rule(inputs={POOLING: 1, ELEMENTWISE: 1}),
    "linalg_vector_norm": rule(inputs={POOLING: 1, ELEMENTWISE: 1}),
    "glu": rule(outputs={ELEMENTWISE: 2}),
    "col2im": rule(inputs={ELEMENTWISE: 1}),
    "upsample_linear1d": handles.interpolation(2),
    "upsample_bilinear2d": handles.interpolation(4),
    "upsample_trilinear3d": handles.interpolation(8),
    "upsample_bicubic2d": handles.interpolation(16),
    "grid_sampler": handles.interpolation(4),
    "linear": products.product(0),
    "matmul": products.product(0),
    "mm": products.product(0),
    "bmm": products.product(0),
    "mv": products.product(0),
    "dot": products.product(0),
    "addmm": products.product(1),
    "baddbmm": products.product(1),
    "addbmm": products.product(1),
    "addmv": products.product(1),
    "einsum": products.einsum,
    "scaled_dot_product_attention": products.scaled_dot_product_attention,
} | dict.fromkeys(
    ("_convolution", "_convolution_mode", "convolution", "conv1d", "conv2d", "conv3d"),
    products.convolution,
)

# The tracer inlines scripted modules; were one to stay a call, or a branch to stay open, fvcore would skip it unseen.
OPAQUE = ("prim::CallMethod", "prim::CallFunction", "prim::If", "prim::Loop")


def counted() -> dict[str, Handle]:
    """Return the rule of every operator that has one, under the tracer's names; in-place spellings included."""
    named = (
        dict.fromkeys(handles.ELEMENTWISE_OPERATORS.split(), handles.each)
        | dict.fromkeys(handles.POOLING_OPERATORS.split(), handles.POOL)
        | dict.fromkeys(handles.AVERAGES.split(), handles.AVERAGE)
        | dict.fromkeys(handles.MOVES.split(), handles.free)
        | dict.fromkeys(handles.DROPOUTS.split(), handles.dropout)
        | SPECIAL
    )
    in_place = {f"{name}_": handle for name, handle in named.items() if not name.endswith("_")}
    return {f"aten::{name}": handle for name, handle in (in_place | named).items()}


def all_handles() -> dict[str, Handle]:
    """Return `counted` and, for operators that fvcore would skip without a word, handles that leave a mark."""
    skipped = {*SKIPPED, *OPAQUE}
    return {name: _mark(name) for name in skipped} | counted()


def _mark(operator: str) -> Handle:
    def handle(given: list[Any], made: list[Any]) -> Counter[str]:
        del given, made
        return Counter({f"{UNCOUNTED}{operator}": 1})

    return handle
