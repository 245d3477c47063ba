"""Image files and arrays of every kind become the pixels that a study would train on."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from attnbench.data.decode import decode
from attnbench.errors import UserError
from attnbench.use import images

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 14, 3), dtype=np.uint8)
PHOTO = Image.fromarray(PIXELS)
ROTATED = Image.Exif()
ROTATED[0x0112] = 6
OPACITY = Image.fromarray(PIXELS[..., 0])


def translucent() -> Image.Image:
    image = PHOTO.copy()
    image.putalpha(OPACITY)
    return image


KINDS: dict[str, tuple[Image.Image, dict[str, Any]]] = {
    "colour": (PHOTO, {"format": "PNG"}),
    "JPEG, rotated": (PHOTO, {"format": "JPEG", "exif": ROTATED}),
    "grey": (PHOTO.convert("L"), {"format": "PNG"}),
    "palette, a colour transparent": (PHOTO.quantize(8), {"format": "PNG", "transparency": 3}),
    "opacity": (translucent(), {"format": "PNG"}),
    "CMYK": (PHOTO.convert("CMYK"), {"format": "JPEG"}),
    "black and white": (PHOTO.convert("1"), {"format": "TIFF"}),
    "GIF": (PHOTO.quantize(8), {"format": "GIF"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_becomes_what_it_would_be_in_a_study(kind: str, tmp_path: Path) -> None:
    image, how = KINDS[kind]
    path = tmp_path / "image"  # the suffix does not matter
    image.save(path, **how)
    assert np.array_equal(images.pixels(images.read(path), (3, 8, 8)), decode(path.read_bytes(), 8).pixels)


def test_16_bits_are_scaled_to_8(tmp_path: Path) -> None:
    deep = np.arange(9 * 14, dtype=np.uint16).reshape(9, 14) * 520
    Image.fromarray(deep).save(tmp_path / "deep.png")
    pixels = images.pixels(images.read(tmp_path / "deep.png"), (3, 9, 14))
    assert np.array_equal(pixels, np.broadcast_to((deep / 257).round(), (3, 9, 14)))
    (tmp_path / "deep.pgm").write_bytes(b"P5 14 9 65535\n" + deep.astype(">u2").tobytes())
    assert np.array_equal(images.pixels(images.read(tmp_path / "deep.pgm"), (3, 9, 14)), pixels)


def test_an_array_and_a_network_for_grey_images() -> None:
    assert np.array_equal(images.pixels(PIXELS, (3, 9, 14)), PIXELS.transpose(2, 0, 1))
    grey = images.pixels(PIXELS, (1, 9, 14))
    assert np.array_equal(grey[0], np.asarray(PHOTO.convert("L")))
    assert np.array_equal(images.pixels(grey[0], (1, 9, 14)), grey)


@pytest.mark.parametrize(
    "array", [PIXELS / 255, PIXELS.transpose(2, 0, 1), PIXELS[None], np.zeros((0, 4), np.uint8)], ids=lambda a: a.shape
)
def test_an_array_that_is_no_image_is_refused(array: Any) -> None:
    with pytest.raises(UserError, match=r"an image is a uint8 array \(h, w\)"):
        images.pixels(array, (3, 8, 8))


def test_an_image_may_be_larger_than_those_of_a_study(tmp_path: Path) -> None:
    Image.new("1", (10_000, 5001), 1).save(tmp_path / "large.png")
    with pytest.raises(ValueError, match=r"10,000 x 5,001 pixels; at most 50,000,000"):
        decode((tmp_path / "large.png").read_bytes(), 8)
    assert images.pixels(tmp_path / "large.png", (1, 2, 2)).min() == 255
    Image.new("1", (20_000, 9000)).save(tmp_path / "huge.png")
    with pytest.raises(UserError, match=r"huge\.png cannot be read: it has more than 178,956,970 pixels"):
        images.read(tmp_path / "huge.png")


def test_a_file_that_is_no_image_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    PHOTO.save(buffer, "PNG")
    contents = {"text": b"no image", "cut": buffer.getvalue()[:300], "empty": b""}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=rf"{name} cannot be read: .*; the formats are BMP, "):
            images.read(tmp_path / name)
    with pytest.raises(UserError, match=r"is a folder; name its images"):
        images.read(tmp_path)
    with pytest.raises(UserError, match=r"none is missing; give the path of an image"):
        images.read(tmp_path / "none")
    with pytest.raises(UserError, match=r"/dev/zero is a device or a pipe, not a file; give the path of an image"):
        images.read(Path("/dev/zero"))
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "float.tiff")
    with pytest.raises(UserError, match=r"float\.tiff has 32 bits per pixel \(mode F\)"):
        images.pixels(tmp_path / "float.tiff", (3, 4, 4))
    with pytest.raises(UserError, match=r"^an image has 32 bits per pixel \(mode F\)"):
        images.pixels(images.read(tmp_path / "float.tiff"), (3, 4, 4))
