"""FILL IN what the module does, in one sentence.

    FILL IN the formula, with shapes, for feature maps x (n, C, h, w)
    y = gate * x                                           (n, C, h, w)

Source: FILL IN the equations of the paper, or the file of the authors' code.
Parameters: FILL IN a formula, and the number at C = 64.
Differs from: FILL IN other implementations, or the text of the paper.
"""

from torch import Tensor

from attnbench.networks import Gate

PAPER = "FILL IN authors: title. Venue, year. arXiv:NNNN.NNNNN, or doi:..."


class Soft(Gate):
    """The gate of the header."""

    # Options are keyword-only, with a type and a default: `channels: int, *, start: float = 1.0`.
    def __init__(self, channels: int) -> None:
        super().__init__()

    def gate(self, x: Tensor) -> Tensor:
        raise NotImplementedError("FILL IN the gate of x: (n, C, 1, 1), (n, 1, h, w) or (n, C, h, w)")
