"""Triplet attention: the spatial gate of `sam` on each of the three pairs of axes, averaged.

    g(u) = sigmoid(BN(conv_kxk([max of u over its axis 1; mean of u over its axis 1])))    padding (k - 1) / 2, no bias
    s = (g(x) + g(x turned to (n, h, w, C)) + g(x turned to (n, w, h, C))) / 3             (n, C, h, w)
    y = s * x                                                                              (n, C, h, w)

Turned back, the three gates are (n, 1, h, w), (n, C, 1, w) and (n, C, h, 1); each has its own weights.
`spatial: false` omits the first and divides by 2 (the authors' `no_spatial`). `activation: hardsigmoid` replaces the
sigmoids.
Any C, an axis like the others. Maps may have any size (1x1 with batch 1: see `sam`). bfloat16 stays bfloat16; pools are
rounded once. Equal maxima share the gradient, as in `sam`.

Source: Misra et al.; the authors' module, whose norms have a `momentum` of 0.01.
Start: as in the authors' ResNet. The kernels come from He's normal distribution by fan out, a standard deviation of
sqrt(2) / k; the weight of a norm is 1, but 0 for the gate over (h, w), which is then the constant 0.5.
Parameters: 3 (2k^2 + 2); without the spatial gate 2 (2k^2 + 2). k = 7: 300, 200, for any C.
Differs from: the authors' module in another network, where all three norms start at 1 and the kernels are torch's
(`init: torch`); pytorch-attention's, which has a ReLU before the sigmoid, so that no gate is below 0.5, and a bias in
each convolution (303). timm has none.
"""

from torch import Tensor

from attnbench.networks.attention.sam import SpatialAttention
from attnbench.networks.gates import Gate
from attnbench.study.options import BoundedActivation, Factor, Init, OddInt

PAPER = (
    "Misra, Nalamada, Arasanipalai, Hou: Rotate to Attend: Convolutional Triplet Attention Module. WACV 2021. "
    "arXiv:2010.03045"
)


class TripletAttention(Gate):
    """The gate of the header; `kernel_size` is k, odd."""

    def __init__(
        self,
        channels: int,
        *,
        kernel_size: OddInt = 7,
        spatial: bool = True,
        momentum: Factor = 0.01,
        activation: BoundedActivation = "sigmoid",
        init: Init = "authors",
    ) -> None:
        super().__init__()

        def gate(norm_weight: float) -> SpatialAttention:
            return SpatialAttention(
                channels,
                kernel_size=kernel_size,
                norm_weight=norm_weight,
                momentum=momentum,
                activation=activation,
                init=init,
            )

        self.rows = gate(1.0)
        self.columns = gate(1.0)
        self.positions = gate(0.0 if init == "authors" else 1.0) if spatial else None

    def gate(self, x: Tensor) -> Tensor:
        last = x.permute(0, 2, 3, 1)  # (n, h, w, c), the memory order of channels_last: pools over h and w are fast
        of_columns = self.columns.gate(last)  # (n, 1, w, c)
        of_rows = self.rows.gate(last.transpose(1, 2)).transpose(1, 2)  # (n, h, 1, c)
        gates = [of_columns, of_rows]
        if self.positions is not None:
            gates.append(self.positions.gate(x).permute(0, 2, 3, 1))  # (n, h, w, 1)
        mean: Tensor = sum(gates[1:], start=gates[0]) * (1 / len(gates))  # (n, h, w, c)
        return mean.permute(0, 3, 1, 2)
