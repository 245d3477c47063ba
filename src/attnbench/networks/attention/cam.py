"""CBAM's channel attention alone: a gate for each channel from its mean and its maximum.

    s = sigmoid(MLP(mean of x over (h, w)) + MLP(max of x over (h, w)))    (n, C)
    MLP(z) = W2 relu(W1 z + b1) + b2                                       W1: (d, C), W2: (C, d), d = max(1, C // r)
    y = s * x                                                              (n, C, h, w)

`squeeze: avg` or `max` keeps one of the two terms, as in the paper's first ablation; `avg` is the gate of `se`. The
authors' code has two more pools: `lp`, sqrt(sum of x^2 over (h, w)), and `lse`, log(sum of exp(x) over (h, w)).
`activation` replaces the sigmoid, as in `se`.
Below C = r the bottleneck has one unit. Maps may have any size; at 1x1 both terms are MLP(x). bfloat16 stays bfloat16;
pools are rounded once.

Source: Woo et al., equation 2 and table 1; the authors' code, which has both biases (the second enters the sum twice).
Start: torch's weights, and biases of 0, as in the authors' ResNet.
Parameters: 2Cd + d + C; without biases 2Cd. C = 64, r = 16: 580, 512. The same for every `squeeze`.
Differs from: tutorials, which keep torch's biases (`init: torch`); timm's ChannelAttn, which has no biases (`bias:
false`, 512) and rounds C / r to the nearest integer instead of down; a tutorial whose "max pool" is an average:
`squeeze: avg` with every logit doubled.
"""

from torch import Tensor

from attnbench.networks import activations
from attnbench.networks.bottleneck import Bottleneck
from attnbench.networks.gates import Gate
from attnbench.networks.pooling import (
    logsumexp_over_positions,
    max_over_positions,
    mean_and_max_over_positions,
    mean_over_positions,
    norm_over_positions,
)
from attnbench.study.options import Activation, Init, PositiveInt, Rounding, Squeeze

PAPER = "Woo, Park, Lee, Kweon: CBAM: Convolutional Block Attention Module. ECCV 2018. arXiv:1807.06521"


class ChannelAttention(Gate):
    """The gate of the header; `reduction` is r."""

    def __init__(
        self,
        channels: int,
        *,
        reduction: PositiveInt = 16,
        bias: bool = True,
        rounding: Rounding = "floor",
        squeeze: Squeeze = "both",
        activation: Activation = "sigmoid",
        init: Init = "authors",
    ) -> None:
        super().__init__()
        self.mlp = Bottleneck(channels, reduction=reduction, bias=bias, rounding=rounding, init=init)
        self.squeeze = squeeze
        self.activation = activations.named(activation)

    def gate(self, x: Tensor) -> Tensor:
        gate: Tensor = self.activation(self._logits(x))  # (n, c)
        return gate[:, :, None, None]

    def _logits(self, x: Tensor) -> Tensor:
        logits: Tensor
        match self.squeeze:
            case "avg":
                logits = self.mlp(mean_over_positions(x))
            case "max":
                logits = self.mlp(max_over_positions(x))
            case "lp":
                logits = self.mlp(norm_over_positions(x))
            case "lse":
                logits = self.mlp(logsumexp_over_positions(x))
            case "both":
                mean, largest = mean_and_max_over_positions(x)  # (n, c), (n, c)
                logits = self.mlp(mean) + self.mlp(largest)
        return logits
