"""The description of the prepared images."""

from attnbench.records.io import Record


class DataSummary(Record):
    """Summary of the prepared images; `sha256` covers all tensors and the description."""

    study: str
    title: str  # goes into every caption, e.g. "CIFAR-10, JPEG quality 75"
    provenance: str  # where the images come from, in one to three sentences
    classes: list[str]
    image_shape: tuple[int, int, int]  # (c, h, w)
    train: int
    validation: int
    test: int
    split_seed: int
    mean: list[float]  # per channel of the training images, 0..1
    std: list[float]  # 1 for a channel with a single value
    sha256: str
    tensors_sha256: dict[str, str]
