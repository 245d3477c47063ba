"""A training step to be timed."""

from torch import nn

from attnbench.study import Study
from attnbench.train.optimizer import build_optimizer
from attnbench.train.step import Step


def timed_step(study: Study, network: nn.Module) -> Step:
    """Return the step of the train stage, at a learning rate of 0: every step starts from the same weights."""
    recipe = study.recipe.model_copy(update={"learning_rate": 0.0})
    return Step(network, build_optimizer(network, recipe), recipe, study.machine)
