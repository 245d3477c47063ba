"""One colour scale for all panels of a figure, so that panels can be compared with each other."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.colors import Normalize, PowerNorm
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` get the colours from first to last; `root` spreads the small ones."""

    low: float
    high: float
    root: bool = False

    def norm(self) -> Normalize:
        """Return the scale as matplotlib wants it."""
        return PowerNorm(0.5, self.low, self.high) if self.root else Normalize(self.low, self.high)

    def ticks(self) -> list[float]:
        """Return five values that lie evenly along the colour bar."""
        shares = np.linspace(0, 1, 5)
        return [float(self.low + (self.high - self.low) * share) for share in (shares**2 if self.root else shares)]

    def sentence(self) -> str:
        """Return what a caption has to say about the scale."""
        steps = " in square-root steps" if self.root else ""
        return f"All panels share one colour scale, from {self.low:.3g} to {self.high:.3g}{steps}."


def from_zero(maps: Iterable[Array], *, root: bool = False) -> Scale:
    """Return the scale from 0 to the largest value of all maps; 0 to 1 where all are 0."""
    highest = max(float(np.max(each)) for each in maps)
    return Scale(0.0, highest if highest > 0 else 1.0, root)


def over_range(maps: Iterable[Array]) -> Scale:
    """Return the scale from the smallest to the largest value of all maps; 0 to 1 where all are equal."""
    maps = list(maps)
    lowest, highest = min(float(np.min(each)) for each in maps), max(float(np.max(each)) for each in maps)
    return Scale(lowest, highest) if highest > lowest else Scale(0.0, 1.0)
