"""Decoding an image file to RGB pixels of a fixed size."""

import io
import re
import struct
import warnings
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

COMMENTS = 100  # of a PPM file whose pixels are text; Pillow copies the rest of it for each
PIXELS = 50_000_000  # of an image, which then takes at most 1 GB while it is decoded
# Each format, and how its files begin. No others: some that Pillow knows run a program, such as Ghostscript.
_SIGNATURES = {
    "BMP": rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0",  # the sizes of its headers
    "GIF": rb"GIF8[79]a",
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "PPM": rb"P[1-6]\s+(#|\d+\s+\d+\s)",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "WEBP": rb"RIFF.{4}WEBP",
}
FORMATS = tuple(_SIGNATURES)
# What Pillow raises on damaged files; it differs by format.
_DAMAGE = (
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError, MemoryError),
    *(struct.error, zlib.error),
)
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Decoded:
    """The pixels, and how they differ from those of the file."""

    pixels: NDArray[np.uint8]  # (3, size, size), RGB
    changes: tuple[str, ...]


def is_image(head: bytes) -> bool:
    """Return whether a file that begins with these bytes, 32 or all, is an image in a format that `decode` reads."""
    return any(re.match(signature, head, re.DOTALL) for signature in _SIGNATURES.values())


def decode(content: bytes, size: int, limit: int = PIXELS) -> Decoded:
    """Decode an image of at most `limit` pixels; of several frames, the first.

    Raises:
        ValueError: the content is not an image, is damaged or is too large; the text says which.
    """
    if re.match(rb"P[1-3]", content) and (comments := content.count(b"#")) > COMMENTS:
        raise ValueError(f"it has {comments:,} comments; at most {COMMENTS} are read")
    try:
        with (
            warnings.catch_warnings(action="ignore"),  # of images that are large, or have damaged metadata
            Image.open(io.BytesIO(content), formats=FORMATS) as image,
        ):
            width, height = image.size
            if width * height > limit:
                raise ValueError(f"it has {width:,} x {height:,} pixels; at most {limit:,} are read, save it smaller")
            image.load()
            return _converted(image, size)
    except Image.DecompressionBombError:  # of more pixels than Pillow opens
        raise ValueError(f"it has more than {limit:,} pixels, the most that are read; save it smaller") from None
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
