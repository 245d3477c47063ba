"""Generated images are reproducible and balanced, their masks fit, and only the shape shows the class."""

import random

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from attnbench.data import shapes
from attnbench.data.outlines import AREA, OUTLINES
from attnbench.data.prepare import prepare
from attnbench.data.source_images import SourceImages
from attnbench.study.schema import ShapesData


def data(seed: int = 0, train_images: int = 1500) -> ShapesData:
    return ShapesData(source="shapes", train_images=train_images, test_images=205, seed=seed, split_seed=0)


@pytest.fixture(scope="module")
def images() -> SourceImages:
    return shapes.generate(data())


def masks(images: SourceImages) -> NDArray[np.uint8]:
    assert images.train.masks is not None
    return images.train.masks


def test_same_seed_same_bytes_other_seed_others(tmp_path_factory: pytest.TempPathFactory) -> None:
    first, again, other = (prepare(data(seed, 100), tmp_path_factory.getbasetemp()) for seed in (0, 0, 1))
    assert first.sha256() == again.sha256()
    assert first.tensors_sha256()["train_images"] != other.tensors_sha256()["train_images"]
    assert first.tensors_sha256()["test_images"] != other.tensors_sha256()["test_images"]


def test_global_random_numbers_are_left_alone() -> None:
    before = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # type: ignore[index]  # noqa: NPY002
    shapes.generate(data(train_images=100))
    after = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # type: ignore[index]  # noqa: NPY002
    assert before == after


def test_training_and_test_images_use_separate_streams(images: SourceImages) -> None:
    equally_many = shapes.generate(data(train_images=205))
    assert np.array_equal(equally_many.test.images, images.test.images)
    assert not np.array_equal(equally_many.train.images, images.test.images)


def test_types_and_shapes(images: SourceImages) -> None:
    assert images.train.images.shape == (1500, 3, 32, 32)
    assert images.train.images.dtype == np.uint8
    assert masks(images).shape == (1500, 32, 32)
    assert set(np.unique(masks(images))) == {0, 1}
    assert len(images.classes) == 10


def test_classes_are_balanced_and_in_no_order(images: SourceImages) -> None:
    assert np.bincount(images.train.labels).tolist() == [150] * 10
    assert np.ptp(np.bincount(images.test.labels)) == 1  # 205 images
    assert len(np.unique(images.train.labels[:50])) == 10


def test_masks_lie_wholly_inside(images: SourceImages) -> None:
    inside = masks(images)
    assert inside.sum((1, 2)).min() > 40
    border = np.concatenate([inside[:, 0], inside[:, -1], inside[:, :, 0], inside[:, :, -1]], axis=1)
    assert border.sum() == 0


def test_image_is_brighter_where_the_mask_is(images: SourceImages) -> None:
    """On average over the images, the object is brighter than its background by tens of levels."""
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


def test_colour_position_and_area_do_not_show_the_class(images: SourceImages) -> None:
    mask, pictures = masks(images)[:, None], images.train.images
    area = mask.sum((1, 2, 3))
    inside = (pictures * mask).sum((2, 3)) / area[:, None]
    overall = pictures.mean((2, 3))
    rows, columns = np.mgrid[:32, :32]
    centre = np.stack([(mask[:, 0] * axis).sum((1, 2)) / area for axis in (rows, columns)], axis=1)
    assert nearest_class_mean(overall, images.train.labels) < 0.17
    assert nearest_class_mean(centre, images.train.labels) < 0.17
    assert nearest_class_mean(area[:, None].astype(float), images.train.labels) < 0.17
    assert nearest_class_mean(inside, images.train.labels) < 0.2


def test_the_shape_shows_the_class(images: SourceImages) -> None:
    """The control of the test above: the centred mask predicts the class."""
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
    """A mirror image must be of the same class, since training flips images."""
    axis = np.linspace(-2, 2, 81, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    distance = OUTLINES[name](x[None], y[None])
    assert np.allclose(distance, OUTLINES[name](-x[None], y[None]), atol=1e-5) or np.allclose(
        distance, OUTLINES[name](x[None], -y[None]), atol=1e-5
    )


@pytest.mark.parametrize("name", OUTLINES)
def test_distance_never_overstates(name: str) -> None:
    """It changes by at most the distance between two points; else edges would be too soft or too hard."""
    axis = np.linspace(-2, 2, 401, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    distance = OUTLINES[name](x[None], y[None])[0]
    assert np.abs(np.diff(distance, axis=0)).max() <= 0.01 * 1.001
    assert np.abs(np.diff(distance, axis=1)).max() <= 0.01 * 1.001
