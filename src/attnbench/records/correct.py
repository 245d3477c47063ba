"""Which test images a run classified correctly: one bit per image, small enough for git.

The images are in the order of the prepared test images; the first one is the highest bit of the first byte. So two runs
can be compared image by image without their predictions.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attnbench.errors import UserError
from attnbench.records import files


def write_correct(path: Path, correct: NDArray[np.bool_]) -> None:
    """Write booleans (m,), all or nothing; the last byte is filled up with zeros."""
    with files.replacing(path) as temporary:
        temporary.write_bytes(np.packbits(correct).tobytes())


def read_correct(path: Path, images: int) -> NDArray[np.bool_]:
    """Return the booleans (m,) of `images` test images.

    Raises:
        UserError: the file is missing, or has not one bit for each image.
    """
    packed = np.frombuffer(files.content(path), dtype=np.uint8)
    if len(packed) != -(-images // 8):
        raise UserError(
            f"{path} has {len(packed)} bytes, but the {images} test images take {-(-images // 8)}; delete it and run "
            f"{files.run_command(path)}"
        )
    bits = np.unpackbits(packed).astype(np.bool_)
    if bits[images:].any():
        raise UserError(
            f"{path} has bits after those of the {images} test images; delete it and run {files.run_command(path)}"
        )
    return bits[:images]
