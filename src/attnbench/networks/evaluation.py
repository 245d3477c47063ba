"""Logits of held-out images, in float32 whatever the precision of training.

The size of a batch follows from the size of the images alone; the last batch is padded with black images whose logits
are dropped. So the logits of an image do not depend on which other images, or how many, are evaluated with it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from attnbench.networks.normalisation import Normalisation

LARGEST_BATCH = 256
PIXELS = LARGEST_BATCH * 32 * 32  # in a batch, at most, unless a single image has more


@dataclass(frozen=True)
class Score:
    """Mean cross entropy in nats, and top-1 accuracy 0..1."""

    loss: float
    accuracy: float


def logits_of(network: nn.Module, images: Tensor, normalise: Normalisation) -> Tensor:
    """Return the float32 logits (n, classes) of uint8 images (n, c, h, w), in eval mode."""
    was_training = network.training
    network.eval()
    size = batch_size(*images.shape[-2:])
    with torch.inference_mode():
        logits = [network(_input(batch, size, normalise)) for batch in torch.split(images, size)]
    network.train(was_training)
    return torch.cat(logits)[: len(images)]


def batch_size(height: int, width: int) -> int:
    """Return how many images of this size are evaluated together: 256 up to 32 x 32, 4 of 224 x 224.

    It is a power of two: 256 is a multiple of the vector widths of processors, so no image is computed as a remainder.
    """
    largest = max(1, PIXELS // (height * width))
    return min(LARGEST_BATCH, 1 << (largest.bit_length() - 1))


def _input(images: Tensor, batch: int, normalise: Normalisation) -> Tensor:
    padded = pad(images, (0, 0, 0, 0, 0, 0, 0, batch - len(images)))
    return normalise(padded.float() / 255).contiguous(memory_format=torch.channels_last)


def score(logits: Tensor, labels: Tensor) -> Score:
    """Return loss and accuracy of logits (n, classes) against labels (n,)."""
    accuracy = (logits.argmax(1) == labels).double().mean()
    return Score(loss=cross_entropy(logits.double(), labels).item(), accuracy=accuracy.item())


def accuracy_by_class(logits: Tensor, labels: Tensor, classes: tuple[str, ...]) -> dict[str, float]:
    """Return the top-1 accuracy 0..1 of each class that has images."""
    correct = logits.argmax(1) == labels
    return {
        name: correct[labels == number].double().mean().item()
        for number, name in enumerate(classes)
        if (labels == number).any()
    }
