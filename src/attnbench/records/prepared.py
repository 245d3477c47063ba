"""The prepared data set: one safetensors file of uint8 images, labels and the split, with its description.

Every later stage reads this file and nothing else of the data. Its single metadata entry is a JSON text, because
safetensors orders several entries at random, and equal data must give equal bytes.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from attnbench.errors import UserError
from attnbench.records import files


@dataclass(frozen=True)
class Description:
    """What the images are, in words and numbers."""

    title: str  # short, for captions: "CIFAR-10, JPEG quality 75"
    provenance: str  # where they come from, one to three sentences
    classes: tuple[str, ...]
    split_seed: int
    mean: tuple[float, ...]  # per channel of the training part, 0..1
    std: tuple[float, ...]


@dataclass(frozen=True)
class Prepared:
    """A data set ready for training. `train_images` holds the training and the validation part."""

    description: Description
    train_images: Tensor  # uint8 (n, c, h, w)
    train_labels: Tensor  # int64 (n,)
    test_images: Tensor  # uint8 (m, c, h, w)
    test_labels: Tensor  # int64 (m,)
    train_index: Tensor  # int64, rows of train_images that are trained on, ascending
    validation_index: Tensor  # int64, rows of train_images held out, ascending
    train_masks: Tensor | None = None  # uint8 0/1 (n, h, w): where the object is, known for generated images only
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

    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors by name, contiguous."""
        names = ("train_images", "train_labels", "test_images", "test_labels", "train_index", "validation_index")
        found = {name: getattr(self, name).contiguous() for name in names}
        if self.train_masks is not None and self.test_masks is not None:
            found |= {"train_masks": self.train_masks.contiguous(), "test_masks": self.test_masks.contiguous()}
        return found

    def tensors_sha256(self) -> dict[str, str]:
        """Return the SHA-256 of each tensor: its dtype, shape and bytes."""
        return {name: _sha256_of_tensor(tensor) for name, tensor in self.tensors().items()}

    def sha256(self) -> str:
        """Return the SHA-256 over every tensor and every word of the description."""
        return files.sha256_of_json({"description": self.description.__dict__, "tensors": self.tensors_sha256()})


def _sha256_of_tensor(tensor: Tensor) -> str:
    digest = hashlib.sha256(f"{tensor.dtype} {tuple(tensor.shape)} ".encode())
    digest.update(memoryview(tensor.numpy()).cast("B"))  # type: ignore[arg-type] # numpy types its buffers from 3.12 on
    return digest.hexdigest()


def save(path: Path, data: Prepared) -> None:
    """Write the data set, all or nothing."""
    description = json.dumps(data.description.__dict__, sort_keys=True, ensure_ascii=False)
    with files.replacing(path) as temporary:
        save_file(data.tensors(), temporary, metadata={"description": description})


def load(path: Path) -> Prepared:
    """Read the data set written by `save`.

    Raises:
        UserError: the file is missing or is not a prepared data set.
    """
    if not path.is_file():
        raise UserError(f"the prepared images {path} are missing; run `dvc repro data` (or `dvc pull` with a remote)")
    try:
        with safe_open(path, framework="pt") as stream:
            fields = json.loads((stream.metadata() or {})["description"])
            tensors: dict[str, torch.Tensor] = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
        for name in ("classes", "mean", "std"):
            fields[name] = tuple(fields[name])
        return Prepared(description=Description(**fields), **tensors)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is not a prepared data set ({error}); delete it and run `dvc repro data`") from None
