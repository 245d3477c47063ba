"""Optimiser and learning rate of the two recipes."""

from abc import ABC, abstractmethod
from typing import Any

from torch import nn
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau

from attnbench.config.schema import OneCycleRecipe, Recipe, SourceRecipe


class Schedule(ABC):
    """When the learning rate changes. `state` is numbers, texts and lists of them; `restore` goes on from it."""

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
    """Multiply the rate by `factor` when the validation loss has not fallen for more than `patience` epochs."""

    def __init__(self, optimizer: Optimizer, recipe: SourceRecipe) -> None:
        self.scheduler = ReduceLROnPlateau(optimizer, mode="min", patience=recipe.patience, factor=recipe.factor)

    def after_step(self) -> None:
        pass

    def after_epoch(self, validation_loss: float) -> None:
        self.scheduler.step(validation_loss)

    def state(self) -> dict[str, Any]:
        return self.scheduler.state_dict()

    def restore(self, state: dict[str, Any]) -> None:
        self.scheduler.load_state_dict(state)


class OneCycle(Schedule):
    """Raise the rate to its peak over the share `warmup` of all steps, then lower it to almost zero, along cosines."""

    def __init__(self, optimizer: Optimizer, recipe: OneCycleRecipe, steps: int) -> None:
        warmup = recipe.warmup
        if warmup * steps == 1:
            warmup *= 1 + 1e-9  # a rise that ends in the step it begins in would be 0 / 0
        self.scheduler = OneCycleLR(
            optimizer, recipe.learning_rate, total_steps=steps, pct_start=warmup, cycle_momentum=False
        )
        self.left = steps - 1  # the rate of the first step is already set

    def after_step(self) -> None:
        if self.left:
            self.left -= 1
            self.scheduler.step()

    def after_epoch(self, validation_loss: float) -> None:
        pass

    def state(self) -> dict[str, Any]:
        return {"left": self.left, "scheduler": self.scheduler.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        self.left = state["left"]
        self.scheduler.load_state_dict(state["scheduler"])


def optimisation(network: nn.Module, recipe: Recipe, steps: int) -> tuple[Optimizer, Schedule]:
    """Return the optimiser of the network's parameters and its schedule over `steps` steps."""
    optimizer = _optimizer(network, recipe)
    if isinstance(recipe, SourceRecipe):
        return optimizer, Plateau(optimizer, recipe)
    return optimizer, OneCycle(optimizer, recipe, steps)


def _optimizer(network: nn.Module, recipe: Recipe) -> Optimizer:
    parameters = network.parameters()
    if isinstance(recipe, OneCycleRecipe) and recipe.optimizer == "sgd":
        return SGD(
            parameters,
            lr=recipe.learning_rate,
            momentum=0.9,
            nesterov=True,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
    return Adam(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
