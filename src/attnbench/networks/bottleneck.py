"""The two-layer bottleneck that channel gates share, and the rule for its width."""

from torch import Tensor, nn

from attnbench.study.options import Rounding


def hidden_width(channels: int, reduction: int, rounding: Rounding) -> int:
    """Return the width of the bottleneck, never 0.

    floor: max(1, C // r), the authors' rule; the clamp only acts where C < r, where theirs would be 0 or fail.
    div8: C / r to the nearest multiple of 8, at least 8: timm's rule, which makes C = 16..128 all 8 at r = 16.
    """
    if rounding == "floor":
        return max(1, channels // reduction)
    return max(8, int(channels / reduction + 4) // 8 * 8)


class Bottleneck(nn.Sequential):
    """Linear(C, d) - ReLU - Linear(d, C) on descriptors (n, C), to logits (n, C)."""

    def __init__(self, channels: int, *, reduction: int, bias: bool, rounding: Rounding) -> None:
        d = hidden_width(channels, reduction, rounding)
        super().__init__(nn.Linear(channels, d, bias=bias), nn.ReLU(), nn.Linear(d, channels, bias=bias))


def as_gate(logits: Tensor) -> Tensor:
    """Return sigmoid(logits) (n, c) as a channel gate (n, c, 1, 1)."""
    return logits.sigmoid()[:, :, None, None]
