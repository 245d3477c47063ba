"""Those who watch a training run. They are told what happens and cannot change it."""

from collections.abc import Sequence
from typing import Protocol

from attnbench.records.curves import EpochRow


class Observer(Protocol):
    """Told of every step and of every epoch."""

    def note(self, text: str) -> None:
        """Something that a person should know of the run, said before its first step."""

    def step(self, epoch: int, step: int) -> None:
        """Step `step` of the epoch is under way; both are counted from 1."""

    def epoch(self, row: EpochRow, losses: Sequence[float], seconds: float) -> None:
        """An epoch is over: its row, the loss of each of its steps, and the seconds it trained."""

    def close(self) -> None:
        """The run is over, well or not."""
