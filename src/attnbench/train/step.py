"""One training step."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from attnbench.networks import arithmetic
from attnbench.study.schema import Machine, Recipe


class Step:
    """Forward pass, backward pass, optimiser step. Nothing is read back from the device."""

    def __init__(self, network: nn.Module, optimizer: Optimizer, recipe: Recipe, machine: Machine) -> None:
        self.network = network
        self.optimizer = optimizer
        self.label_smoothing = recipe.label_smoothing
        self.machine = machine

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Train on normalised images (n, c, h, w) and labels (n,); return mean loss () and number correct ()."""
        self.optimizer.zero_grad()
        with arithmetic.autocast(self.machine):
            logits = self.network(images)  # (n, classes)
        loss = cross_entropy(logits.float(), labels, label_smoothing=self.label_smoothing)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        with torch.no_grad():
            return loss.detach(), (logits.argmax(1) == labels).sum()
