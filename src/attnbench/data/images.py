"""Images and labels as a source gives them, before they are split."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Part:
    """The training or the test images of a source."""

    images: NDArray[np.uint8]  # (n, 3, h, w), RGB
    labels: NDArray[np.int64]  # (n,), index into the classes
    masks: NDArray[np.uint8] | None = None  # (n, h, w), 1 where the object is; of generated images only


@dataclass(frozen=True)
class Images:
    """Everything a source knows of its images."""

    title: str  # short, for captions
    provenance: str  # where they come from, in sentences
    classes: tuple[str, ...]
    train: Part
    test: Part
