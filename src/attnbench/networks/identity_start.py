"""Any module, started as if its slot were empty.

    y = x + a (f(x) - x)        a: a learned number that starts at 0

Most modules start far from the identity: a sigmoid gate halves its input. What a module gains and what it loses by its
start are told apart by training it from here. At the start y is x to the bit, `a` alone has a gradient, and the module
inside begins to learn once `a` has moved; weight decay acts on `a` as on every parameter. One parameter and three
operations for every activation more.

Source: the residual weight of Bachlechner et al., ReZero, UAI 2021, arXiv:2003.04887, equation 1, here around what the
module changes.
"""

import torch
from torch import Tensor, nn

from attnbench.networks.gates import Attention


class FromIdentity(Attention):
    """The formula of the header around `module`, f."""

    def __init__(self, module: Attention) -> None:
        super().__init__()
        self.module = module
        self.amount = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        attended: Tensor = x + self.amount * (self.module(x) - x)
        return attended

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return the maps of the module inside, whatever amount of it is applied."""
        return self.module.maps(x)
