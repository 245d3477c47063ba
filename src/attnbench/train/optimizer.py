"""Optimiser and learning-rate schedule of the two recipes, from torch.optim."""

import torch
from torch import nn
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau

from attnbench.study.schema import OneCycleRecipe, Recipe, SourceRecipe

Schedule = OneCycleLR | ReduceLROnPlateau


def build_optimizer(network: nn.Module, recipe: Recipe) -> Optimizer:
    """Return the fused optimiser of a recipe: Adam, or SGD with Nesterov momentum 0.9; both add weight decay (L2)."""
    rate, decay = recipe.learning_rate, recipe.weight_decay
    if not (isinstance(recipe, OneCycleRecipe) and recipe.optimizer == "sgd"):
        return Adam(network.parameters(), lr=rate, weight_decay=decay, fused=True)
    optimizer = SGD(network.parameters(), lr=rate, momentum=0.9, nesterov=True, weight_decay=decay, fused=True)
    for parameter in network.parameters():
        # The fused step fails if some parameters have momentum and others none yet, as after a first gradient that
        # comes late. Zeros give the same first step.
        optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return optimizer


def build_schedule(optimizer: Optimizer, recipe: Recipe, steps: int) -> Schedule:
    """Return the schedule of a recipe for a training of `steps` steps: one cycle, or a decay at plateaus."""
    if isinstance(recipe, SourceRecipe):
        # eps=0: torch's default stops lowering the rate once a change is below 1e-8
        return ReduceLROnPlateau(optimizer, factor=recipe.factor, patience=recipe.patience, eps=0.0)
    warmup = recipe.warmup
    if warmup * steps == 1:  # a rise of one step: torch divides by its length less one
        warmup *= 1 + 1e-9
    return OneCycleLR(optimizer, recipe.learning_rate, total_steps=steps, pct_start=warmup, cycle_momentum=False)


def after_step(schedule: Schedule) -> None:
    """Advance a schedule over steps. After the last step the rate stays as it is."""
    if isinstance(schedule, OneCycleLR) and schedule.last_epoch < schedule.total_steps - 1:
        schedule.step()


def after_epoch(schedule: Schedule, validation_loss: float) -> None:
    """Advance a schedule that follows the validation loss."""
    if isinstance(schedule, ReduceLROnPlateau):
        schedule.step(validation_loss)


def learning_rate(optimizer: Optimizer) -> float:
    """Return the learning rate of the next step; all parameters share it."""
    return float(optimizer.param_groups[0]["lr"])
