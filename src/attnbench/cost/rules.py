"""All counting rules by operator, as the tracer names them."""

from collections import Counter
from typing import Any

from attnbench.cost import handles, products
from attnbench.cost.handles import ELEMENTWISE, POOLING, Handle, rule
from attnbench.cost.tracer import SKIPPED

UNCOUNTED = "uncounted "  # the prefix that marks an operator without a rule in the counts

SPECIAL: dict[str, Handle] = {
    "max": handles.maximum,
    "min": handles.maximum,
    "softmax": handles.SOFTMAX,
    "_softmax": handles.SOFTMAX,
    "log_softmax": handles.SOFTMAX,
    "group_norm": handles.STATISTICS_NORM,
    "layer_norm": handles.STATISTICS_NORM,
    "instance_norm": handles.STATISTICS_NORM,
    "var": rule(per_input={POOLING: 2}),
    "std": rule(per_input={POOLING: 2}),
    "var_mean": rule(per_input={POOLING: 2}),
    "std_mean": rule(per_input={POOLING: 2}),
    "norm": rule(per_input={POOLING: 1, ELEMENTWISE: 1}),
    "linalg_vector_norm": rule(per_input={POOLING: 1, ELEMENTWISE: 1}),
    "glu": rule(per_output={ELEMENTWISE: 2}),
    "col2im": rule(per_input={ELEMENTWISE: 1}),
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

# The tracer inlines scripted modules. If a call or a branch remained, fvcore would skip it silently.
OPAQUE = ("prim::CallMethod", "prim::CallFunction", "prim::If", "prim::Loop")


def counted() -> dict[str, Handle]:
    """Return the rule of every operator that has one, under the tracer's names, in-place operators included."""
    named = (
        dict.fromkeys(handles.ELEMENTWISE_OPERATORS.split(), handles.elementwise)
        | dict.fromkeys(handles.POOLING_OPERATORS.split(), handles.POOL)
        | dict.fromkeys(handles.AVERAGES.split(), handles.AVERAGE)
        | dict.fromkeys(handles.MOVES.split(), handles.free)
        | dict.fromkeys(handles.DROPOUTS.split(), handles.dropout)
        | SPECIAL
    )
    in_place = {f"{name}_": handle for name, handle in named.items() if not name.endswith("_")}
    return {f"aten::{name}": handle for name, handle in (in_place | named).items()}


def all_handles() -> dict[str, Handle]:
    """Return `counted`, and handles that leave a mark for operators that fvcore would skip silently."""
    skipped = {*SKIPPED, *OPAQUE}
    return {name: _mark(name) for name in skipped} | counted()


def _mark(operator: str) -> Handle:
    def handle(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
        del inputs, outputs
        return Counter({f"{UNCOUNTED}{operator}": 1})

    return handle
