"""Image files and arrays of any kind, as the pixels that a network was trained on.

The conversion is that of `attnbench.data.decode`, which prepares the images of a study; a test holds the two equal. In
addition, images may be larger, have 16 bits of grey, or be in memory.
"""

import io
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from attnbench.data.decode import FORMATS, decode
from attnbench.errors import UserError
from attnbench.records import files

# a file, an image in memory, or an array (h, w), (h, w, 3) or, with opacity, (h, w, 4)
Picture = str | Path | Image.Image | NDArray[np.uint8]

PIXELS = 178_956_970  # of an image, as many as Pillow opens; those of a study, of unknown origin, may have fewer
_DEEPER = "more than 8 bits"  # what `decode` says of an image that is otherwise sound
_MODES = {1: "L", 3: "RGB"}  # by channels of the network


def read(path: Path) -> Image.Image:
    """Return the image in a file: any format that a study accepts; of several frames, the first.

    Raises:
        UserError: the file is missing, is no image, is damaged, or has too many pixels.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder; name its images, as in {path / '*.png'}")
    content = files.content(path, "give the path of an image")
    try:
        decode(content, 1, PIXELS)
    except ValueError as error:
        if _DEEPER not in str(error):
            raise UserError(f"{path} cannot be read: {error}; the formats are {', '.join(FORMATS)}") from None
    with warnings.catch_warnings(action="ignore"):  # of damaged metadata, as in `decode`
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        image.load()
    return image


def pixels(picture: Picture, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return an image as pixels of `shape` (c, h, w), c = 1 or 3.

    The image is rotated as its EXIF orientation says, put on white where it is transparent, and resized without
    keeping its proportions (bilinear, antialiased).

    Raises:
        UserError: a file cannot be read, an array is not uint8 or has another shape, or pixels have more than 16 bits.
    """
    channels, height, width = shape
    if isinstance(picture, str | Path):
        name, image = f"{picture}", read(Path(picture))
    else:
        name, image = "an image", picture if isinstance(picture, Image.Image) else _image(picture)
    is_deep = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM")  # Pillow scales to 65535
    with warnings.catch_warnings(action="ignore"):
        image = ImageOps.exif_transpose(image)
    if is_deep:
        image = Image.fromarray(((np.asarray(image).astype(np.uint32) + 128) // 257).astype(np.uint8))
    elif image.mode.startswith(("I", "F")):
        raise UserError(f"{name} has 32 bits per pixel (mode {image.mode}), of unknown range; save it with 8 or 16")
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    image = image.convert("RGB").convert(_MODES[channels])
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(height, width, channels).transpose(2, 0, 1)


def _image(array: object) -> Image.Image:
    if not isinstance(array, np.ndarray):
        raise UserError(f"given {type(array).__name__}; an image is a path, an image of Pillow or an array")
    is_image = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if array.dtype != np.uint8 or not is_image or array.size == 0:
        raise UserError(
            f"given an array {array.dtype} {array.shape}; an image is a uint8 array (h, w), (h, w, 3) or (h, w, 4)"
        )
    return Image.fromarray(array)
