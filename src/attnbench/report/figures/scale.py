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
    """Colours for values from `low` to `high`; `root` takes square roots, which spreads the small values."""

    low: float
    high: float
    root: bool = False

    def norm(self) -> Normalize:
        """Return the scale as a norm of matplotlib."""
        return PowerNorm(0.5, self.low, self.high) if self.root else Normalize(self.low, self.high)

    def ticks(self) -> list[float]:
        """Return five values, evenly spaced along the colour bar."""
        shares = np.linspace(0, 1, 5)
        return [float(self.low + (self.high - self.low) * share) for share in (shares**2 if self.root else shares)]


def from_zero(maps: Iterable[Array], *, root: bool = False) -> Scale:
    """Return the scale from 0 to the largest value of all maps; 0 to 1 where all are 0."""
    highest = max(float(np.max(array)) for array in maps)
    return Scale(0.0, highest if highest > 0 else 1.0, root)


def over_range(maps: Iterable[Array]) -> Scale:
    """Return the scale from the smallest to the largest value of all maps.

    Where all are equal, the scale is 0 to 1, extended to that value if it lies outside.
    """
    maps = list(maps)
    lowest, highest = min(float(np.min(array)) for array in maps), max(float(np.max(array)) for array in maps)
    return Scale(lowest, highest) if highest > lowest else Scale(min(lowest, 0.0), max(highest, 1.0))
