"""The two-layer bottleneck that channel gates share, and the rule for its width."""

from torch import nn

from attnbench.networks import initialisation
from attnbench.study.options import Init, Rounding


def hidden_width(channels: int, reduction: int, rounding: Rounding = "floor") -> int:
    """Return the width of the bottleneck, at least 1.

    floor: max(1, C // r), the authors' rule. The clamp acts only where C < r; there, the authors' width would be 0.
    div8: C / r rounded to the nearest multiple of 8, at least 8. timm's rule: at r = 16, C = 16..128 all give 8.
    """
    if rounding == "floor":
        return max(1, channels // reduction)
    return max(8, int(channels / reduction + 4) // 8 * 8)


class Bottleneck(nn.Sequential):
    """Linear(C, d) - ReLU - Linear(d, C): descriptors (n, C) to logits (n, C).

    With `init: authors` biases start at 0, so that an input of zeros gives logits of 0.
    """

    def __init__(self, channels: int, *, reduction: int, bias: bool, rounding: Rounding, init: Init) -> None:
        d = hidden_width(channels, reduction, rounding)
        super().__init__(nn.Linear(channels, d, bias=bias), nn.ReLU(), nn.Linear(d, channels, bias=bias))
        if init == "authors":
            initialisation.zero_biases(self)
