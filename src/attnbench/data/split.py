"""The validation split, and the channel statistics of the training images."""

import numpy as np
from numpy.typing import NDArray

from attnbench.errors import UserError

VALIDATION_SHARE = 10  # one image in ten


def stratified(labels: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows to train on and the rows to hold out, both ascending.

    A tenth of each class is held out, rounded to the nearest image, but at least one. The same labels and seed give the
    same rows.

    Raises:
        UserError: a class has fewer than two images.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    train, validation = [], []
    for label, count in enumerate(np.bincount(labels)):
        if count < 2:
            raise UserError(
                f"class number {label} has {count} training image(s); the validation split needs at least 2 of each"
            )
        rows = generator.permutation(np.flatnonzero(labels == label))
        held_out = max(1, (int(count) + VALIDATION_SHARE // 2) // VALIDATION_SHARE)
        validation.append(rows[:held_out])
        train.append(rows[held_out:])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(validation))


def channel_statistics(images: NDArray[np.uint8]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel of (n, c, h, w), on the scale 0..1.

    They are computed from integer histograms, so they are the same on every machine. A channel with one value in all
    images, such as a blank one, gets the deviation 1: standardised it is 0, and the others are trained on.

    Raises:
        UserError: no channel has more than one value, so the images show nothing.
    """
    values = np.arange(256)
    means, deviations = [], []
    for channel in range(images.shape[1]):
        counts = np.bincount(images[:, channel].ravel(), minlength=256)
        total, first, second = (int((counts * values**power).sum()) for power in (0, 1, 2))
        means.append(first / total / 255)
        deviations.append((total * second - first**2) ** 0.5 / total / 255)
    if not any(deviations):
        colour = ", ".join(f"{mean * 255:g}" for mean in means)
        raise UserError(
            f"all {len(images)} training images have the same colour ({colour} of 255) in every pixel, so there is "
            "nothing to learn; check the files that `data:` in params.yaml names"
        )
    return tuple(means), tuple(deviation or 1.0 for deviation in deviations)
