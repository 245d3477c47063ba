"""A wrapper that starts any module as the identity, as if its slot were empty.

    y = x + a (f(x) - x)        a: a learned number that starts at 0

Most modules start far from the identity: a sigmoid gate halves its input. Training with this start separates the
effect of a module from the effect of its initialisation. At the start y equals x bit for bit and only `a` has a
gradient; the module inside begins to learn once `a` has moved. Weight decay applies to `a` as to every parameter. The
wrapper adds one parameter, and three operations for every activation.

Source: the residual weight of Bachlechner et al., ReZero, UAI 2021, arXiv:2003.04887, equation 1, here applied to the
change that the module makes.
"""

import torch
from torch import Tensor, nn

from attnbench.networks.gates import Attention


class FromIdentity(Attention):
    """The formula of the header, with `module` as f."""

    def __init__(self, module: Attention) -> None:
        super().__init__()
        self.module = module
        self.amount = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        attended: Tensor = x + self.amount * (self.module(x) - x)
        return attended

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return the maps of the module inside; they do not depend on `amount`."""
        return self.module.maps(x)
