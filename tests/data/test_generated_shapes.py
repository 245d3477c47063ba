"""The generated images: repeatable, balanced, with masks that fit, and with no way around looking at the shape."""

import random

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from attnbench.data import shapes
from attnbench.data.images import Images
from attnbench.data.outlines import AREA, OUTLINES
from attnbench.data.prepare import prepare
from attnbench.study.schema import ShapesData


def config(seed: int = 0, train_images: int = 1500) -> ShapesData:
    return ShapesData(source="shapes", train_images=train_images, test_images=205, seed=seed, split_seed=0)


@pytest.fixture(scope="module")
def images() -> Images:
    return shapes.generate(config())


def masks(images: Images) -> NDArray[np.uint8]:
    assert images.train.masks is not None
    return images.train.masks


def test_same_seed_same_bytes_other_seed_others(tmp_path_factory: pytest.TempPathFactory) -> None:
    first, again, other = (prepare(config(seed, 100), tmp_path_factory.getbasetemp()) for seed in (0, 0, 1))
    assert first.sha256() == again.sha256()
    assert first.tensors_sha256()["train_images"] != other.tensors_sha256()["train_images"]
    assert first.tensors_sha256()["test_images"] != other.tensors_sha256()["test_images"]


def test_global_random_numbers_are_left_alone() -> None:
    before = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # type: ignore[index]  # noqa: NPY002
    shapes.generate(config(train_images=100))
    after = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # type: ignore[index]  # noqa: NPY002
    assert before == after


def test_training_and_test_images_have_streams_of_their_own(images: Images) -> None:
    equally_many = shapes.generate(config(train_images=205))
    assert np.array_equal(equally_many.test.images, images.test.images)
    assert not np.array_equal(equally_many.train.images, images.test.images)


def test_types_and_shapes(images: Images) -> None:
    assert images.train.images.shape == (1500, 3, 32, 32)
    assert images.train.images.dtype == np.uint8
    assert masks(images).shape == (1500, 32, 32)
    assert set(np.unique(masks(images))) == {0, 1}
    assert len(images.classes) == 10


def test_classes_are_balanced_and_in_no_order(images: Images) -> None:
    assert np.bincount(images.train.labels).tolist() == [150] * 10
    assert np.ptp(np.bincount(images.test.labels)) == 1  # 205 images
    assert len(np.unique(images.train.labels[:50])) == 10


def test_masks_lie_wholly_inside(images: Images) -> None:
    found = masks(images)
    assert found.sum((1, 2)).min() > 40
    border = np.concatenate([found[:, 0], found[:, -1], found[:, :, 0], found[:, :, -1]], axis=1)
    assert border.sum() == 0


def test_image_is_brighter_where_the_mask_is(images: Images) -> None:
    """On average over the images, the object stands out from its ground by tens of levels."""
    grey = images.train.images.mean(1)  # (n, h, w)
    inside = (grey * masks(images)).sum((1, 2)) / masks(images).sum((1, 2))
    outside = (grey * (1 - masks(images))).sum((1, 2)) / (1 - masks(images)).sum((1, 2))
    assert (inside - outside).mean() > 20
    shifted = np.roll(masks(images), 1, axis=0)  # the mask of another image
    other = (grey * shifted).sum((1, 2)) / shifted.sum((1, 2))
    assert (other - outside).mean() < 0.6 * (inside - outside).mean()  # masks overlap: all shapes are near the middle


def nearest_class_mean(features: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """Accuracy on every second image of the classifier by class means made from the others."""
    scaled = (features - features.mean(0)) / features.std(0)
    means = np.stack([scaled[::2][labels[::2] == label].mean(0) for label in range(10)])
    guesses = ((scaled[1::2, None] - means) ** 2).sum(2).argmin(1)
    return float((guesses == labels[1::2]).mean())


def test_class_cannot_be_told_from_colour_place_or_area(images: Images) -> None:
    found, pictures = masks(images)[:, None], images.train.images
    area = found.sum((1, 2, 3))
    inside = (pictures * found).sum((2, 3)) / area[:, None]
    overall = pictures.mean((2, 3))
    rows, columns = np.mgrid[:32, :32]
    place = np.stack([(found[:, 0] * axis).sum((1, 2)) / area for axis in (rows, columns)], axis=1)
    assert nearest_class_mean(overall, images.train.labels) < 0.17
    assert nearest_class_mean(place, images.train.labels) < 0.17
    assert nearest_class_mean(area[:, None].astype(float), images.train.labels) < 0.17
    assert nearest_class_mean(inside, images.train.labels) < 0.2


def test_shape_itself_can_be_told(images: Images) -> None:
    """The control of the test above: the mask, moved to the middle, gives the class away."""
    rows, columns = np.mgrid[:32, :32]
    area = masks(images).sum((1, 2))
    shift = [(15.5 - (masks(images) * axis).sum((1, 2)) / area).round().astype(int) for axis in (rows, columns)]
    centred = np.stack([np.roll(m, (y, x), (0, 1)) for m, y, x in zip(masks(images), *shift, strict=True)])
    middle = centred[:, 4:28, 4:28].reshape(len(centred), -1)
    assert nearest_class_mean(middle[:, middle.std(0) > 0.1].astype(float), images.train.labels) > 0.4


@pytest.mark.parametrize("name", OUTLINES)
def test_outline_has_its_area_and_fits(name: str) -> None:
    axis = np.linspace(-2, 2, 801, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    inside = OUTLINES[name](x[None], y[None])[0] < 0
    assert inside.mean() * 16 == pytest.approx(AREA, rel=0.015)
    assert np.hypot(x, y)[inside].max() < shapes.REACH


@pytest.mark.parametrize("name", OUTLINES)
def test_outline_is_its_own_mirror_image_or_a_turned_one(name: str) -> None:
    """Mirroring must not make another class, since training flips images."""
    axis = np.linspace(-2, 2, 81, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    there = OUTLINES[name](x[None], y[None])
    assert np.allclose(there, OUTLINES[name](-x[None], y[None]), atol=1e-5) or np.allclose(
        there, OUTLINES[name](x[None], -y[None]), atol=1e-5
    )


@pytest.mark.parametrize("name", OUTLINES)
def test_distance_never_overstates(name: str) -> None:
    """A signed distance changes by no more than the way gone; else edges would be drawn too soft or too hard."""
    axis = np.linspace(-2, 2, 401, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    distance = OUTLINES[name](x[None], y[None])[0]
    assert np.abs(np.diff(distance, axis=0)).max() <= 0.01 * 1.001
    assert np.abs(np.diff(distance, axis=1)).max() <= 0.01 * 1.001
