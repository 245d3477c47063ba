"""The functions that turn the logits of a gate into factors."""

from torch import nn

from attnbench.study.options import Activation, BoundedActivation

_CLASSES: dict[Activation, type[nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "hardsigmoid": nn.Hardsigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
}


def named(name: Activation | BoundedActivation) -> nn.Module:
    """Return an activation by its name.

    The hard sigmoid is max(0, min(1, logit / 6 + 1 / 2)), as in MobileNetV3. A tanh is in -1..1; a ReLU is unbounded
    and closes the gate of every negative logit.
    """
    return _CLASSES[name]()
