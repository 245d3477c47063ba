"""Logits of held-out images, in float32 whatever the training's precision.

The network sees batches of one size alone; the last is filled up with black images whose logits are dropped. So the
logits of an image do not depend on how many others are evaluated with it, or on which.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from attnbench.networks.normalisation import Normalisation

BATCH_SIZE = 256  # a multiple of what processors take at once: no image is computed as a remainder


@dataclass(frozen=True)
class Score:
    """Mean cross entropy in nats, and top-1 accuracy 0..1."""

    loss: float
    accuracy: float


def logits_of(network: nn.Module, images: Tensor, normalise: Normalisation) -> Tensor:
    """Return the float32 logits (n, classes) of uint8 images (n, c, h, w), in eval mode."""
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        found = [network(normalise(_filled(batch).float() / 255)) for batch in torch.split(images, BATCH_SIZE)]
    network.train(was_training)
    return torch.cat(found)[: len(images)]


def _filled(images: Tensor) -> Tensor:
    return pad(images, (0, 0, 0, 0, 0, 0, 0, BATCH_SIZE - len(images)))


def score(logits: Tensor, labels: Tensor) -> Score:
    """Return loss and accuracy of logits (n, classes) against labels (n,)."""
    correct = (logits.argmax(1) == labels).double().mean()
    return Score(loss=cross_entropy(logits.double(), labels).item(), accuracy=correct.item())


def accuracy_by_class(logits: Tensor, labels: Tensor, classes: tuple[str, ...]) -> dict[str, float]:
    """Return top-1 accuracy 0..1 of the images of each class that has any."""
    correct = logits.argmax(1) == labels
    return {
        name: correct[labels == number].double().mean().item()
        for number, name in enumerate(classes)
        if (labels == number).any()
    }
