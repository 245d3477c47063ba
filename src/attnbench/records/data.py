"""The description of the prepared images."""

from typing import Annotated

from pydantic import Field

from attnbench.records.io import AtLeastOne, Count, ImageShape, Record, Share
from attnbench.study.schema import Line, Name, Paragraph, Seed, Sha256


class DataSummary(Record):
    """Summary of the prepared images; `sha256` covers all tensors and the description."""

    study: Name
    title: Line  # goes into every caption, e.g. "CIFAR-10, JPEG quality 75"
    provenance: Paragraph  # where the images come from, in one to three sentences
    classes: Annotated[list[Line], Field(min_length=1)]
    image_shape: ImageShape
    train: AtLeastOne
    validation: Count
    test: AtLeastOne
    split_seed: Seed
    mean: list[Share]  # per channel of the training images, 0..1
    std: list[Annotated[float, Field(gt=0, le=1)]]  # 1 for a channel with a single value
    sha256: Sha256
    tensors_sha256: dict[str, Sha256]
