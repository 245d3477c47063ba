"""The description of the prepared images."""

from typing import Annotated, Self

from pydantic import Field, model_validator

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

    @model_validator(mode="after")
    def _has_a_mean_and_std_of_each_channel(self) -> Self:
        if not len(self.mean) == len(self.std) == self.image_shape[0]:
            raise ValueError(f"{len(self.mean)} means and {len(self.std)} stds of {self.image_shape[0]} channels")
        return self
