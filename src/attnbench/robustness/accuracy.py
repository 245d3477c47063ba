"""Accuracy on corrupted test images, at a fifth of the cost of CIFAR-10-C.

There every image is corrupted at all five severities. Here it is corrupted once in every way: the images are in a fixed
random order, and image j has severity (j + k) mod 5 + 1 in the k-th way. So every severity has another fifth of the
images under each corruption, and a mean over severities has all of them. Choice and corruption depend on the images
alone: all runs with the same versions of numpy, SciPy and Pillow see the same bytes.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnbench.networks import seeding
from attnbench.networks.evaluation import batch_size, logits_of
from attnbench.networks.normalisation import Normalisation
from attnbench.networks.slots import Network
from attnbench.records.prepared import Prepared
from attnbench.records.robustness import SEVERITIES, Corrupted
from attnbench.robustness.corruptions import CORRUPTIONS

SEED = 0  # of the order of the images and of every corruption


def rows_of(data: Prepared, images: int) -> NDArray[np.int64]:
    """Return the rows of at most `images` test images, in a random order; as many for every severity.

    They are distinct, unless there are fewer test images than severities.
    """
    order = torch.randperm(len(data.test_labels), generator=seeding.generator(SEED, "robustness")).numpy()
    largest = min(images, len(order)) // SEVERITIES * SEVERITIES
    return np.resize(order, max(SEVERITIES, largest))


def clean_accuracy(logits: Tensor, data: Prepared, rows: NDArray[np.int64]) -> float:
    """Return the accuracy on these test images without corruption, from the logits (m, classes) of all."""
    return float(_correct(logits[rows], data.test_labels[rows]).mean())


def corrupted_accuracy(network: Network, data: Prepared, rows: NDArray[np.int64]) -> Corrupted:
    """Return the accuracy of a trained network under every corruption and severity.

    It is evaluated on its own device, in eval mode; afterwards it is as it was.
    """
    device = next(network.parameters()).device
    normalise = Normalisation(data.description.mean, data.description.std, device)
    labels = data.test_labels[rows]
    accuracies = {}
    for k, name in enumerate(CORRUPTIONS):
        severities = (np.arange(len(rows)) + k) % SEVERITIES + 1
        images = torch.from_numpy(corrupted(name, data.test_images.numpy()[rows], severities))
        correct = _correct(logits_of(network, images.to(device), normalise).cpu(), labels)
        accuracies[name] = tuple(float(correct[severities == s].mean()) for s in range(1, SEVERITIES + 1))
    return Corrupted.model_validate(accuracies)


def corrupted(name: str, images: NDArray[np.uint8], severities: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return images (n, c, h, w) corrupted in one way, each at its severity (n,); equal inputs give equal bytes."""
    random = np.random.Generator(np.random.PCG64(seeding.derive(SEED, f"robustness/{name}")))
    result = np.empty_like(images)
    for severity in range(1, SEVERITIES + 1):
        (of_severity,) = np.nonzero(severities == severity)
        size = batch_size(*images.shape[2:])  # large images take much memory in float64
        for rows in np.split(of_severity, range(size, len(of_severity), size)):
            result[rows] = CORRUPTIONS[name](images[rows], severity, random)
    return result


def _correct(logits: Tensor, labels: Tensor) -> NDArray[np.float64]:
    """Return 1 for every image that is classified correctly, and 0 for the others (n,)."""
    return (logits.argmax(1) == labels).numpy().astype(np.float64)
