"""The counting rule of every operator that a traced network may hold.

    macs          multiply-adds of convolutions, linear layers and matrix products; biases are not counted
    pooling       adds or comparisons of what shrinks a map: one for each element of the input; where windows overlap,
                  an element still counts once
    elementwise   one for each element of the output, whatever the function: a ReLU, a sigmoid, a product with a gate

Some operators are several of these at once, so that a spelling in parts costs the same:

    mean, average pools               1 pooling for each element of the input, 1 elementwise of the output (quotient)
    softmax, log_softmax              2 pooling (maximum, sum) and 2 elementwise (exponential, quotient) an element
    group, layer, instance norm       2 pooling (mean, squares) and 1 elementwise (scale and shift) an element
    batch norm                        1 elementwise: at inference its mean and variance are constants
    var, std                          2 pooling (mean, squares)
    vector norms                      1 pooling and 1 elementwise (the power) for each element of the input
    scaled dot-product attention      macs of both products; on the scores a softmax and 1 elementwise (the scale)
    linear, bilinear, trilinear, bicubic interpolation, grid sampling     2, 4, 8, 16, 4 elementwise
    glu                               2 elementwise (sigmoid, product);  fold: 1 for each element of the input

What only moves, reshapes, makes or measures tensors is free, and `MOVES` lists it. Integer arithmetic, as in
`x.shape[2] // 2`, is free too, and so is arithmetic on tensors without axes, which is what `1 / (h * w)` turns into
when it is traced. An operator that is in none of these tables is never taken for free.
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
    """Return the number of elements of a traced tensor; 0 for what is no tensor."""
    shape = get_shape(value)
    return 0 if shape is None else prod(shape)


def is_float(value: Any) -> bool:
    """Say whether a traced value is a tensor of floating-point numbers."""
    return bool(value.isCompleteTensor()) and bool(value.type().dtype().is_floating_point)


def rule(*, inputs: dict[str, int] | None = None, outputs: dict[str, int] | None = None) -> Handle:
    """Return a handle that counts so many operations for each element of the first input, and of the first output."""

    def handle(given: list[Any], made: list[Any]) -> Counter[str]:
        counted: Counter[str] = Counter()
        if any(is_float(value) for value in (*given, *made)):
            counted.update({name: scale * numel(given[0]) for name, scale in (inputs or {}).items()})
            counted.update({name: scale * numel(made[0]) for name, scale in (outputs or {}).items()})
        return counted

    return handle


def free(given: list[Any], made: list[Any]) -> Counter[str]:
    """Count nothing: the operator moves, reshapes, makes or measures tensors."""
    del given, made
    return Counter()


POOL = rule(inputs={POOLING: 1})
AVERAGE = rule(inputs={POOLING: 1}, outputs={ELEMENTWISE: 1})
SOFTMAX = rule(inputs={POOLING: 2}, outputs={ELEMENTWISE: 2})
STATISTICS_NORM = rule(inputs={POOLING: 2}, outputs={ELEMENTWISE: 1})


def each(given: list[Any], made: list[Any]) -> Counter[str]:
    """Count one for each element of the output; nothing where the output has no axes."""
    return Counter() if get_shape(made[0]) == [] else rule(outputs={ELEMENTWISE: 1})(given, made)


def maximum(given: list[Any], made: list[Any]) -> Counter[str]:
    """Count `x.max()` and `x.max(dim)` as pools, and `torch.max(x, y)` as element-wise."""
    return each(given, made) if len(given) == 2 else POOL(given, made)


def dropout(given: list[Any], made: list[Any]) -> Counter[str]:
    """Count dropout that is on even at inference as element-wise; usually it is off and free."""
    return each(given, made) if given[2].toIValue() else Counter()


def interpolation(taps: int) -> Handle:
    """Return the handle of an interpolation that mixes `taps` elements of the input into one of the output."""
    return rule(outputs={ELEMENTWISE: taps})
