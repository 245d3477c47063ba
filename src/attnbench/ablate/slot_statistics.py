"""How much the modulation of a slot differs from image to image, and which of its hidden units never act."""

import torch
from torch import Tensor, nn

from attnbench.ablate.interception import ActiveUnits, Modulation
from attnbench.networks.gates import Attention
from attnbench.records.ablation import Quantity, SlotAblation

TERM = "term"  # the one part of a modulation that is no factor, and so has no ends at which it saturates
LOWEST, HIGHEST = 0.01, 0.99  # a factor outside is saturated


class SlotStatistics:
    """Statistics of one slot, collected batch by batch. `frozen` is the mean of the modulation over other images."""

    def __init__(self, module: Attention, frozen: Modulation) -> None:
        self.module = module
        factor = module.factor(frozen)
        self._quantities = {name: _Spread(mean, bounded=name != TERM) for name, mean in frozen.items()}
        self._factor = None if factor is None else _Spread(factor, bounded=False)
        self._active: dict[tuple[nn.ReLU, int], Tensor] = {}  # (d,)

    def add(self, modulation: Modulation, active: ActiveUnits, images: int) -> None:
        """Add the first `images` rows of a batch."""
        rows = {name: tensor[:images] for name, tensor in modulation.items()}
        for name, tensor in rows.items():
            self._quantities[name].add(tensor)
        factor = self.module.factor(rows)
        if self._factor is not None and factor is not None:
            self._factor.add(factor)
        for units, on in active.items():
            ever = on[:images].any(0)
            self._active[units] = ever | self._active.get(units, ever)

    def record(self, slot: str) -> SlotAblation:
        """Return the statistics of all images so far."""
        units = torch.cat(list(self._active.values())) if self._active else torch.zeros(0, dtype=torch.bool)
        return SlotAblation(
            slot=slot,
            quantities={name: spread.quantity() for name, spread in self._quantities.items()},
            factor=None if self._factor is None else self._factor.quantity(),
            hidden_units=len(units),
            dead_units=int((~units).sum()),
        )


class _Spread:
    """Mean and standard deviation over images, from deviations to a reference near the mean.

    The reference makes the spread of rows that all equal it exactly 0.
    """

    def __init__(self, reference: Tensor, *, bounded: bool) -> None:
        self.reference = reference  # (1, ...)
        self.bounded = bounded
        self.images = self.saturated = 0
        self.total = self.squares = torch.zeros((), dtype=torch.float64, device=reference.device)

    def add(self, rows: Tensor) -> None:
        deviation = rows - self.reference
        self.images += len(rows)
        self.total = self.total + deviation.sum(0, dtype=torch.float64)
        self.squares = self.squares + deviation.square().sum(0, dtype=torch.float64)
        if self.bounded:
            self.saturated += int(((rows < LOWEST) | (rows > HIGHEST)).sum())

    def quantity(self) -> Quantity:
        offset = self.total / self.images
        variance = (self.squares / self.images - offset.square()).clamp(min=0)
        return Quantity(
            mean=(self.reference[0].double() + offset).mean().item(),
            spread=variance.sqrt().mean().item(),
            saturated=self.saturated / (self.images * self.reference.numel()) if self.bounded else None,
        )
