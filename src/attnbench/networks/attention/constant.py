"""A null control: the same constant gate for every channel, position and image.

    y = v * x                                              (n, C, h, w),  v: `value`, in (0, 1]

It is what a gate does that never looks at its input. Every sigmoid gate begins near a constant, and a network can
profit from that constant alone, for example where no norm follows it. A module has an effect beyond its scale only as
far as it differs from this control, at the same site and with the value at which its own gates start: 0.5 for one
sigmoid gate, 0.25 for the two of `cbam`.
Any C. Maps may have any size. `value: 1.0` is the identity. bfloat16 stays bfloat16, and v is rounded to it.

Source: none; it is a control. Huang et al. observe that trained channel attention tends to constants, although not to
one constant for all channels: see `static`.
Start: no weights.
Parameters: 0.
Differs from: `static`, whose gates are learned; `start: identity`, which begins at y = x.
"""

from torch import Tensor

from attnbench.networks.gates import Gate
from attnbench.study.options import Factor

PAPER = (
    "Null control, without a paper; for the observation behind it: Huang, Zhong, Wen, Qin, Lin: Stripe Observation "
    "Guided Inference Cost-free Attention Mechanism. ECCV 2024. arXiv:2304.06345"
)


class Constant(Gate):
    """The gate of the header; `value` is v."""

    def __init__(self, channels: int, *, value: Factor = 0.5) -> None:
        super().__init__()
        self.value = value

    def gate(self, x: Tensor) -> Tensor:
        return x.new_full((*x.shape[:2], 1, 1), self.value)
