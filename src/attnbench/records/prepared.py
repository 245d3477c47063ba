"""The prepared data set: one file of uint8 images, labels and the split, with a description.

It is all that later stages read of the data.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from attnbench.errors import UserError
from attnbench.records import files, tensors

_TENSORS = ("train_images", "train_labels", "test_images", "test_labels", "train_index", "validation_index")
_MASKS = ("train_masks", "test_masks")


@dataclass(frozen=True)
class Description:
    """What the images are."""

    title: str  # short, for captions: "CIFAR-10, JPEG quality 75"
    provenance: str  # where the images come from, in one to three sentences
    classes: tuple[str, ...]
    split_seed: int
    mean: tuple[float, ...]  # per channel of the training images, 0..1
    std: tuple[float, ...]  # 1 for a channel with a single value


@dataclass(frozen=True)
class Prepared:
    """A data set ready for training. `train_images` contains the training and the validation images."""

    description: Description
    train_images: Tensor  # uint8 (n, c, h, w)
    train_labels: Tensor  # int64 (n,)
    test_images: Tensor  # uint8 (m, c, h, w)
    test_labels: Tensor  # int64 (m,)
    train_index: Tensor  # int64, rows of train_images to train on, ascending
    validation_index: Tensor  # int64, rows of train_images held out, ascending
    train_masks: Tensor | None = None  # uint8 0/1 (n, h, w): 1 inside the object; only for generated images
    test_masks: Tensor | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.description.classes

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        channels, height, width = self.train_images.shape[1:]
        return channels, height, width

    def arrays(self) -> dict[str, tensors.Array]:
        """Return all tensors by name, as numpy arrays."""
        values = {name: getattr(self, name) for name in (*_TENSORS, *_MASKS)}
        return {name: tensor.numpy() for name, tensor in values.items() if tensor is not None}

    def tensors_sha256(self) -> dict[str, str]:
        """Return the SHA-256 of each tensor: its dtype, shape and bytes."""
        return {name: tensors.sha256(array) for name, array in self.arrays().items()}

    def sha256(self) -> str:
        """Return the SHA-256 over every tensor and every word of the description."""
        return files.sha256_of_json({"description": asdict(self.description), "tensors": self.tensors_sha256()})


def save(path: Path, data: Prepared) -> None:
    """Write the data set, all or nothing."""
    tensors.write(path, data.arrays(), asdict(data.description))


def load(path: Path) -> Prepared:
    """Read the data set written by `save`.

    Raises:
        UserError: the file is missing or is not a prepared data set.
    """
    try:
        arrays, fields = tensors.read(path)
        for name in ("classes", "mean", "std"):
            fields[name] = tuple(fields[name])
        return Prepared(Description(**fields), **{name: torch.from_numpy(array) for name, array in arrays.items()})
    except FileNotFoundError:
        raise UserError(
            f"the prepared images {path} are missing; run `dvc repro data` (or `dvc pull` with a remote)"
        ) from None
    except (tensors.DamagedError, KeyError, TypeError) as error:
        raise UserError(f"{path} is not a prepared data set ({error}); delete it and run `dvc repro data`") from None
