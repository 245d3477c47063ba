"""Large separable kernel attention: a factor for every activation from a large window, by four depth-wise strips.

    u = V2 H2 V1 H1 x                                      (n, C, h, w),  depth-wise convolutions with biases
        H1, V1: 1 x a and a x 1,  H2, V2: 1 x m and m x 1 of dilation d
    s = W u + b                                            (n, C, h, w),  W: 1x1 convolution C -> C
    y = s * x                                              (n, C, h, w)

    kernel     7          11         23         35         41         53         a + d (m - 1), the reach of the window
    a, d, m    3, 2, 3    3, 2, 5    5, 3, 7    5, 3, 11   5, 3, 13   5, 3, 17

There is no activation: s is unbounded and may be negative, so maps leave 0..1, and y grows with the square of x. The
paper's network keeps that small: a batch norm, a 1x1 convolution and a GELU precede the module, another 1x1 convolution
follows it, a shortcut adds what the norm gave, and the result is added to the input with a learned weight that starts
at 0.01. A slot has the module alone, which is an adaptation. In a network without norms, such as `cnn`, it may diverge;
`activation: sigmoid` or `hardsigmoid` bounds s.
Any C. Maps may have any size; padding is 0, and on maps smaller than the window only its centre sees the map. bfloat16
stays bfloat16.

Source: Lau, Po and Rehman, equation 3; the authors' code. `kernel` is their k_size.
Start: weights from He's normal distribution, standard deviations sqrt(2 / length) of a strip and sqrt(2 / C) of W, and
biases of 0, as in the authors' network; `init: torch` has torch's.
Parameters: C^2 + C (2a + 2m + 5). C = 64, kernel 7, 23: 5,184, 5,952.
Differs from: the authors' network, only in what surrounds the module; the LKA of Guo et al.'s VAN, which has square
kernels, a^2 + m^2 in place of 2a + 2m. timm has none.
"""

from typing import Literal

from torch import Tensor, nn

from attnbench.networks import activations, initialisation
from attnbench.networks.gates import Gate
from attnbench.study.options import Init

PAPER = (
    "Lau, Po, Rehman: Large Separable Kernel Attention: Rethinking the Large Kernel Attention Design in CNN. Expert "
    "Systems with Applications 236, 2024. arXiv:2309.01439"
)


class LargeSeparableKernelAttention(Gate):
    """The factor of the header, as a gate; without an activation it leaves 0..1."""

    def __init__(
        self,
        channels: int,
        *,
        kernel: Literal[7, 11, 23, 35, 41, 53] = 7,
        activation: Literal["none", "sigmoid", "hardsigmoid"] = "none",
        init: Init = "authors",
    ) -> None:
        super().__init__()
        dilation = 2 if kernel <= 11 else 3
        near, far = 2 * dilation - 1, kernel // dilation  # a and m
        self.window = nn.Sequential(
            _strip(channels, (1, near), 1),
            _strip(channels, (near, 1), 1),
            _strip(channels, (1, far), dilation),
            _strip(channels, (far, 1), dilation),
            nn.Conv2d(channels, channels, 1),
        )
        if init == "authors":  # they count the fan out by group; of these layers it is the fan in
            initialisation.he_normal(self.window, "fan_in")
        self.activation = nn.Identity() if activation == "none" else activations.named(activation)

    def gate(self, x: Tensor) -> Tensor:
        factor: Tensor = self.activation(self.window(x))
        return factor.to(x.dtype)


def _strip(channels: int, kernel: tuple[int, int], dilation: int) -> nn.Conv2d:
    """Return a depth-wise convolution whose kernel has one row or one column, and which keeps the size of the map."""
    padding = (dilation * (kernel[0] // 2), dilation * (kernel[1] // 2))
    return nn.Conv2d(channels, channels, kernel, padding=padding, dilation=dilation, groups=channels)
