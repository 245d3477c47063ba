"""What the images are."""

from attnbench.records.io import Record


class DataSummary(Record):
    """Summary of the prepared images; `sha256` covers every tensor and every word of it."""

    study: str
    title: str  # goes into every caption, e.g. "CIFAR-10, JPEG quality 75"
    provenance: str  # where the images come from, in a sentence or two
    classes: list[str]
    image_shape: tuple[int, int, int]  # (c, h, w)
    train: int
    validation: int
    test: int
    split_seed: int
    mean: list[float]  # per channel of the training part, 0..1
    std: list[float]
    sha256: str
    tensors_sha256: dict[str, str]
