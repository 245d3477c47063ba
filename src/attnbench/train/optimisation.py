"""Optimiser and learning rate of the two recipes."""

from abc import ABC, abstractmethod
from math import cos, inf, pi
from typing import Any

from torch import nn

from attnbench.study.schema import OneCycleRecipe, Recipe, SourceRecipe
from attnbench.train.optimizers import SGD, Adam, Optimizer


class Schedule(ABC):
    """Sets the rate of an optimiser. `state` is numbers by name, all that changes; `restore` goes on from it."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer

    @abstractmethod
    def after_step(self) -> None:
        """A step was made."""

    @abstractmethod
    def after_epoch(self, validation_loss: float) -> None:
        """An epoch was made."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return all that changes, as values that JSON can hold."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Be as the schedule was that returned `state`."""


class Plateau(Schedule):
    """Multiply the rate by `factor` when the validation loss has not fallen for more than `patience` epochs.

    It has fallen when it is below the best by more than one in ten thousand, as in torch's ReduceLROnPlateau.
    """

    def __init__(self, optimizer: Optimizer, recipe: SourceRecipe) -> None:
        super().__init__(optimizer)
        self.patience = recipe.patience
        self.factor = recipe.factor
        self.best = inf
        self.waited = 0  # epochs

    def after_step(self) -> None:
        pass

    def after_epoch(self, validation_loss: float) -> None:
        if validation_loss < self.best * (1 - 1e-4):
            self.best, self.waited = validation_loss, 0
        else:
            self.waited += 1
        if self.waited > self.patience:
            self.optimizer.rate *= self.factor
            self.waited = 0

    def state(self) -> dict[str, Any]:
        return {"best": self.best, "waited": self.waited}

    def restore(self, state: dict[str, Any]) -> None:
        self.best, self.waited = state["best"], state["waited"]


class OneCycle(Schedule):
    """Raise the rate to its peak over the share `warmup` of all steps, then lower it to almost zero, along cosines.

    Smith and Topin 2018, with the cosines and the ends of torch's OneCycleLR: from 1/25 of the peak up, then down to
    1/250,000 of it.
    """

    def __init__(self, optimizer: Optimizer, recipe: OneCycleRecipe, steps: int) -> None:
        super().__init__(optimizer)
        self.peak = recipe.learning_rate
        self.last = steps - 1
        self.top = recipe.warmup * steps - 1  # the step of the peak, not always a whole number
        self.made = 0
        optimizer.rate = self.rate(0)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, 0 to the number of steps - 1."""
        start = self.peak / 25
        if step <= self.top:
            return _between(start, self.peak, step / self.top if self.top else 0.0)
        return _between(self.peak, start / 1e4, (step - self.top) / (self.last - self.top))

    def after_step(self) -> None:
        self.made += 1
        self.optimizer.rate = self.rate(min(self.made, self.last))  # behind the last step it stays

    def after_epoch(self, validation_loss: float) -> None:
        pass

    def state(self) -> dict[str, Any]:
        return {"made": self.made}

    def restore(self, state: dict[str, Any]) -> None:
        self.made = state["made"]


def _between(start: float, end: float, share: float) -> float:
    """Go from `start` (share 0) to `end` (share 1) along half a cosine."""
    return end + (start - end) / 2.0 * (cos(pi * share) + 1)


def optimisation(network: nn.Module, recipe: Recipe, steps: int) -> tuple[Optimizer, Schedule]:
    """Return the optimiser of the network's parameters and its schedule over `steps` steps."""
    kind = SGD if isinstance(recipe, OneCycleRecipe) and recipe.optimizer == "sgd" else Adam
    optimizer: Optimizer = kind(network.parameters(), recipe.learning_rate, recipe.weight_decay)
    if isinstance(recipe, SourceRecipe):
        return optimizer, Plateau(optimizer, recipe)
    return optimizer, OneCycle(optimizer, recipe, steps)
