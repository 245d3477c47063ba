"""A wrapper that starts any module as the identity, as if its slot were empty.

    y = x + a (f(x) - x)        a: a learned number that starts at 0

Most modules start far from the identity: a sigmoid gate halves its input. Training with this start separates the
effect of a module from the effect of its initialisation. At the start y equals x bit for bit and only `a` has a
gradient; the module inside begins to learn once `a` has moved. Weight decay applies to `a` as to every parameter. The
wrapper adds one parameter, and three operations for every activation.

Source: the residual weight of Bachlechner et al., ReZero, UAI 2021, arXiv:2003.04887, equation 1, here applied to the
change that the module makes.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from attnbench.networks.gates import Attention, gate_maps


class FromIdentity(Attention):
    """The formula of the header, with `module` as f."""

    def __init__(self, module: Attention) -> None:
        super().__init__()
        self.module = module
        self.amount = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return self._from_identity(x, self.module(x))

    def modulation(self, x: Tensor) -> dict[str, Tensor]:
        return self.module.modulation(x)

    def modulate(self, x: Tensor, modulation: Mapping[str, Tensor]) -> Tensor:
        return self._from_identity(x, self.module.modulate(x, modulation))

    def _from_identity(self, x: Tensor, attended: Tensor) -> Tensor:
        return x + self.amount * (attended - x)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return what is applied, where the module inside is a product, and otherwise the module's own maps.

            f(x) = x * s            1 + a (s - 1), as one gate:       every gate; `cbam`, s the product of its gates;
                                    y = x * (1 + a (s - 1))           `bam`, s = 1 + gate; `gc` with `fusion: scale`
            everything else         the maps of the module inside;    sums (`gc`, `non_local`, `psanet`), and choices
                                    they do not depend on a           between branches (`sk`): nothing scales x

        Of the two maps of `gc` with `fusion: scale`, only `channel` is a gate; `spatial` remains the module's own. The
        applied gate may leave 0..1, because a may be negative or above 1, and s may leave it.
        """
        maps, factor = self.module.maps(x), self.factor(self.modulation(x))
        return maps if factor is None else maps | gate_maps(factor, x)

    def factor(self, modulation: Mapping[str, Tensor]) -> Tensor | None:
        factor = self.module.factor(modulation)
        return None if factor is None else 1 + self.amount * (factor - 1)
