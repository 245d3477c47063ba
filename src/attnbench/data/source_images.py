"""Images and labels as a source provides them, before the validation split."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LabelledImages:
    """The training or the test images of a source."""

    images: NDArray[np.uint8]  # (n, 3, h, w), RGB
    labels: NDArray[np.int64]  # (n,), index into the classes
    masks: NDArray[np.uint8] | None = None  # (n, h, w), 1 inside the object; only for generated images


@dataclass(frozen=True)
class SourceImages:
    """The images of a source and what they are."""

    title: str  # short, for captions
    provenance: str  # where the images come from, in one to three sentences
    classes: tuple[str, ...]
    train: LabelledImages
    test: LabelledImages
