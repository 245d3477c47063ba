"""Every corruption against an independent formula, or a property that only the right one has."""

import colorsys
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from attnbench.records.robustness import CORRUPTIONS as FIELDS
from attnbench.robustness.corruptions import CORRUPTIONS

PUBLISHED = {  # constants of make_cifar_c.py, severity 1 to 5
    "gaussian_noise": (0.04, 0.06, 0.08, 0.09, 0.1),
    "gaussian_blur": (0.4, 0.6, 0.7, 0.8, 1),
    "contrast": (0.75, 0.5, 0.4, 0.3, 0.15),
    "brightness": (0.05, 0.1, 0.15, 0.2, 0.3),
    "jpeg": (80, 65, 58, 50, 40),
}
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 3, 16, 16), dtype=np.uint8)


def corrupted(name: str, severity: int, images: NDArray[np.uint8] = IMAGES) -> NDArray[np.uint8]:
    result = CORRUPTIONS[name](images, severity, np.random.default_rng(1))
    assert (result.dtype, result.shape) == (np.uint8, images.shape)
    return result


def test_every_field_of_the_record_has_a_corruption_with_the_published_constants() -> None:
    assert tuple(CORRUPTIONS) == FIELDS
    assert {name: CORRUPTIONS[name].strengths for name in PUBLISHED} == PUBLISHED


@pytest.mark.parametrize("name", FIELDS)
def test_a_higher_severity_changes_more_and_the_input_is_kept(name: str) -> None:
    smooth = np.linspace(40, 200, 32).round().astype(np.uint8)
    images = np.broadcast_to(smooth[:, None] // 2 + smooth // 2, (20, 3, 32, 32)).copy()
    images[:, :, 10:20, 12:18] = 20
    before = images.copy()
    changes = [np.abs(corrupted(name, s, images).astype(int) - images).mean() for s in range(1, 6)]
    assert changes == sorted(changes)
    assert changes[0] > 0
    assert np.array_equal(images, before)


def test_noise_has_its_standard_deviation_in_every_channel_and_no_bias() -> None:
    grey = np.full((40, 3, 32, 32), 128, dtype=np.uint8)
    noise = corrupted("gaussian_noise", 5, grey) / 255 - 128 / 255
    assert noise.std((0, 2, 3)) == pytest.approx([0.1] * 3, rel=0.02)
    assert noise.mean() == pytest.approx(-0.5 / 255, abs=0.001)  # values are rounded down


def test_blur_is_the_convolution_with_a_gaussian_that_repeats_the_edge() -> None:
    sigma = PUBLISHED["gaussian_blur"][4]
    offsets = np.arange(-4, 5)
    weights = np.exp(-(offsets**2) / (2 * sigma**2))
    padded = np.pad(IMAGES / 255, ((0, 0), (0, 0), (4, 4), (4, 4)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (9, 9), axis=(2, 3))
    expected = np.einsum("nchwij,i,j->nchw", windows, weights / weights.sum(), weights / weights.sum())
    assert np.abs(corrupted("gaussian_blur", 5) - 255 * expected).max() <= 1


def test_contrast_shrinks_every_channel_towards_its_mean() -> None:
    x = IMAGES.astype(float)
    mean = x.mean((2, 3), keepdims=True)
    assert np.array_equal(corrupted("contrast", 2), np.floor((x + mean) / 2))


def test_brightness_raises_the_value_of_hsv() -> None:
    images = IMAGES.copy()
    images[0, :, 0, 0] = 0  # black has no hue
    result = corrupted("brightness", 3, images)
    pixels = [array.transpose(0, 2, 3, 1).reshape(-1, 3) for array in (images, result)]
    for before, after in zip(*pixels, strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*(before / 255).tolist())
        expected = np.array(colorsys.hsv_to_rgb(hue, saturation, min(1, value + 0.15))) * 255
        assert np.abs(after - expected).max() <= 1 + 1e-9


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_what_pillow_makes_of_the_image(channels: int) -> None:
    images = IMAGES[:, :channels]
    stream = BytesIO()
    Image.fromarray(images[1].transpose(1, 2, 0).squeeze()).save(stream, "JPEG", quality=40)
    expected = np.asarray(Image.open(stream)).reshape(16, 16, channels).transpose(2, 0, 1)
    assert np.array_equal(corrupted("jpeg", 5, images)[1], expected)


def test_occlusion_puts_one_square_of_the_mean_colour_somewhere_inside() -> None:
    images = np.random.default_rng(2).integers(0, 256, (200, 3, 20, 30), dtype=np.uint8)
    result = corrupted("occlusion", 4, images)
    mean = images.mean((2, 3), keepdims=True).astype(np.uint8)
    covered = (result == mean).all(1) & (result != images).any(1)  # (n, h, w)
    rows, columns = covered.any(2), covered.any(1)
    assert rows.sum(1).max() == columns.sum(1).max() == 10  # 0.5 of the shorter side
    outside = ~np.broadcast_to(covered[:, None], images.shape)
    assert np.array_equal(result[outside], images[outside])
    top, left = rows.argmax(1), columns.argmax(1)
    assert (top.min(), top.max(), left.min(), left.max()) == (0, 10, 0, 20)


def test_rotation_turns_a_bar_by_its_angle_to_both_sides() -> None:
    images = np.zeros((30, 1, 65, 65), dtype=np.uint8)
    images[:, :, 31:34, 8:57] = 255
    angles = []
    for image in corrupted("rotation", 3, images)[:, 0].astype(float):
        row, column = np.indices(image.shape) - 32
        spread = [(image * a * b).sum() for a, b in ((column, column), (row, row), (row, column))]
        angles.append(np.degrees(np.arctan2(2 * spread[2], spread[0] - spread[1]) / 2))
    assert np.abs(angles) == pytest.approx([18] * 30, abs=0.5)
    assert min(angles) < 0 < max(angles)
