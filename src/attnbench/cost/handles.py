"""The counting rule of every operator that a traced network may contain.

    macs          multiply-adds of convolutions, linear layers and matrix products; biases are not counted
    pooling       additions or comparisons of operators that shrink a map: one per element of the input, also where
                  windows overlap
    elementwise   one per element of the output, whatever the function: a ReLU, a sigmoid, a product with a gate

Some operators combine these, so that an operator costs as much as its parts written out:

    mean, average pools               1 pooling per element of the input, 1 elementwise per element of the output
    softmax, log_softmax              2 pooling (maximum, sum) and 2 elementwise (exponential, quotient) per element
    group, layer, instance norm       2 pooling (mean, squares) and 1 elementwise (scale and shift) per element
    batch norm                        1 elementwise: at inference its mean and variance are constants
    var, std                          2 pooling (mean, squares)
    vector norms                      1 pooling and 1 elementwise (the power) per element of the input
    scaled dot-product attention      macs of both products; on the scores a softmax and 1 elementwise (the scale)
    linear, bilinear, trilinear, bicubic interpolation, grid sampling     2, 4, 8, 16, 4 elementwise
    glu                               2 elementwise (sigmoid, product);  fold: 1 per element of the input

Operators that only move, reshape, create or measure tensors are free; `MOVES` lists them. Integer arithmetic, as in
`x.shape[2] // 2`, is free too, and so is arithmetic on tensors without axes, which `1 / (h * w)` becomes when it is
traced. An operator in none of these tables is an error, never free.
"""

from collections import Counter
from collections.abc import Callable
from math import prod
from typing import Any

from attnbench.cost.tracer import get_shape

Handle = Callable[[list[Any], list[Any]], Counter[str]]  # torch._C.Value of the inputs and outputs of one operator

MACS, POOLING, ELEMENTWISE = "macs", "pooling", "elementwise"

# Names as the tracer writes them, without the prefix `aten::`.
ELEMENTWISE_OPERATORS = """
    abs add addcdiv addcmul atan batch_norm bitwise_and bitwise_not bitwise_or bitwise_xor ceil celu clamp
    clamp_max clamp_min cos cosh cumprod cumsum div elu eq erf exp expm1 floor floor_divide fmod ge gelu gt hardshrink
    hardsigmoid hardswish hardtanh le leaky_relu lerp log log10 log1p log2 log_sigmoid logical_and logical_not
    logical_or logical_xor logit lt masked_fill maximum minimum mish mul ne neg pow prelu reciprocal relu relu6
    remainder round rrelu rsqrt rsub selu sigmoid sign silu sin sinh softplus softshrink softsign sqrt square sub tan
    tanh threshold true_divide where __and__ __or__ __xor__
"""

POOLING_OPERATORS = """
    adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d all amax amin aminmax any argmax argmin count_nonzero
    logsumexp max_pool1d max_pool1d_with_indices max_pool2d max_pool2d_with_indices max_pool3d max_pool3d_with_indices
    nansum prod sum
"""

AVERAGES = """
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d avg_pool1d avg_pool2d avg_pool3d mean nanmean
"""

MOVES = """
    Bool Float FloatImplicit Int IntImplicit ScalarImplicit alias arange as_strided atleast_1d atleast_2d atleast_3d
    block_diag broadcast_tensors broadcast_to cat channel_shuffle chunk clone complex concat constant_pad_nd contiguous
    copy copy_ detach diag diag_embed diagonal dim dsplit dstack embedding empty empty_like expand expand_as eye fill
    fill_ flatten flip full full_like gather hsplit hstack im2col index index_put index_put_ index_select item lift
    lift_fresh linspace mT masked_select matrix_H meshgrid moveaxis movedim narrow new_empty new_full new_ones new_zeros
    nonzero numel numpy_T one_hot ones ones_like pad permute pixel_shuffle pixel_unshuffle ravel reflection_pad1d
    reflection_pad2d reflection_pad3d repeat repeat_interleave replication_pad1d replication_pad2d replication_pad3d
    reshape reshape_as resolve_conj resolve_neg roll rot90 scalar_tensor scatter select size slice split
    split_with_sizes squeeze stack swapaxes swapdims t take take_along_dim tensor_split tile to transpose tril triu
    type_as unbind unflatten unfold unsafe_chunk unsafe_split unsqueeze upsample_nearest1d upsample_nearest2d
    upsample_nearest3d _upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d view view_as vsplit
    vstack zero_ zeros zeros_like
"""

DROPOUTS = "dropout feature_dropout alpha_dropout feature_alpha_dropout"


def numel(value: Any) -> int:
    """Return the number of elements of a traced tensor; 0 for any other value."""
    shape = get_shape(value)
    return 0 if shape is None else prod(shape)


def is_float(value: Any) -> bool:
    """Return whether a traced value is a tensor of floating-point numbers."""
    return bool(value.isCompleteTensor()) and bool(value.type().dtype().is_floating_point)


def rule(*, per_input: dict[str, int] | None = None, per_output: dict[str, int] | None = None) -> Handle:
    """Return a handle that counts these operations per element of the first input, and of the first output."""

    def handle(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
        counts: Counter[str] = Counter()
        if any(is_float(value) for value in (*inputs, *outputs)):
            counts.update({name: scale * numel(inputs[0]) for name, scale in (per_input or {}).items()})
            counts.update({name: scale * numel(outputs[0]) for name, scale in (per_output or {}).items()})
        return counts

    return handle


def free(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """Count nothing: the operator moves, reshapes, creates or measures tensors."""
    del inputs, outputs
    return Counter()


POOL = rule(per_input={POOLING: 1})
AVERAGE = rule(per_input={POOLING: 1}, per_output={ELEMENTWISE: 1})  # the sum and its quotient
SOFTMAX = rule(per_input={POOLING: 2}, per_output={ELEMENTWISE: 2})
STATISTICS_NORM = rule(per_input={POOLING: 2}, per_output={ELEMENTWISE: 1})


def elementwise(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """Count one per element of the output; nothing where the output has no axes."""
    return Counter() if get_shape(outputs[0]) == [] else rule(per_output={ELEMENTWISE: 1})(inputs, outputs)


def maximum(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """Count `x.max()` and `x.max(dim)` as pools, and `torch.max(x, y)` as element-wise."""
    return elementwise(inputs, outputs) if len(inputs) == 2 else POOL(inputs, outputs)


def dropout(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """Count dropout as element-wise where it is on even at inference; usually it is off and free."""
    return elementwise(inputs, outputs) if inputs[2].toIValue() else Counter()


def interpolation(taps: int) -> Handle:
    """Return the handle of an interpolation that mixes `taps` elements of the input into one of the output."""
    return rule(per_output={ELEMENTWISE: taps})
