"""Decoding an image file to RGB pixels of a fixed size."""

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

# What Pillow raises on damaged files; it differs by format.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)
_TOO_LARGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Decoded:
    """The pixels, and how they differ from those of the file."""

    pixels: NDArray[np.uint8]  # (3, size, size), RGB
    changes: tuple[str, ...]


def decode(content: bytes, size: int) -> Decoded:
    """Decode an image in any format that Pillow reads; of several frames, the first.

    Raises:
        ValueError: the content is not an image, is damaged or is too large; the text says which.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            return _converted(image, size)
    except _TOO_LARGE as error:
        raise ValueError(str(error)) from None
    except _DAMAGE as error:
        reason = str(error) or type(error).__name__
        raise ValueError("it is not an image" if "BytesIO" in reason else reason) from None


def _converted(image: Image.Image, size: int) -> Decoded:
    changes = []
    if image.getexif().get(_ORIENTATION, 1) != 1:
        image = ImageOps.exif_transpose(image)
        changes.append("rotated as their EXIF orientation says")
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
        changes.append("put on a white background where transparent")
    elif image.mode in ("1", "L"):
        changes.append("converted from grey to RGB")
    elif image.mode.startswith(("I", "F")):  # convert() would clip them at 255
        raise ValueError(f"its pixels have more than 8 bits (mode {image.mode}); save it with 8 bits per channel")
    image = image.convert("RGB")
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BILINEAR)  # antialiased when it shrinks
        changes.append(f"resized to {size} x {size} (bilinear, antialiased)")
    pixels = np.asarray(image).transpose(2, 0, 1)  # (size, size, 3) -> (3, size, size)
    return Decoded(np.ascontiguousarray(pixels), tuple(changes))
