"""Callbacks that observe training and cannot change it."""

from collections.abc import Sequence

from attnbench.records.curves import EpochRow


class Observer:
    """Base of all observers: every method does nothing unless it is overridden."""

    def on_message(self, text: str) -> None:
        """Called before the first step with something the user should know about the run."""

    def on_step_end(self, epoch: int, step: int) -> None:
        """Called after each step is launched; epoch and step within the epoch are counted from 1."""

    def on_epoch_end(self, row: EpochRow, losses: Sequence[float], seconds: float) -> None:
        """Called after each epoch with its row, the loss of each of its steps, and its training time."""

    def on_run_end(self) -> None:
        """Called once when the run ends, also after an error."""
