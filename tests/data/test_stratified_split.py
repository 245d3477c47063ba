"""The validation split and the channel statistics."""

import numpy as np
import pytest

from attnbench.data import split
from attnbench.errors import UserError

LABELS = np.random.default_rng(3).permutation(np.repeat([0, 1, 2], [50, 104, 15]))


def test_a_tenth_of_each_class_rounded_to_the_nearest() -> None:
    train, validation = split.stratified(LABELS, seed=0)
    assert np.bincount(LABELS[validation]).tolist() == [5, 10, 2]
    assert np.bincount(LABELS[train]).tolist() == [45, 94, 13]


def test_every_row_is_in_one_part_in_ascending_order() -> None:
    train, validation = split.stratified(LABELS, seed=0)
    assert np.array_equal(np.sort(np.concatenate([train, validation])), np.arange(len(LABELS)))
    assert (np.diff(train) > 0).all()
    assert (np.diff(validation) > 0).all()
    assert train.dtype == validation.dtype == np.int64


def test_same_seed_same_split_other_seed_another() -> None:
    first, again, other = (split.stratified(LABELS, seed=seed)[1] for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_rows_held_out_are_drawn_from_the_whole_class() -> None:
    _, validation = split.stratified(np.zeros(1000, dtype=np.int64), seed=0)
    assert 300 < validation.mean() < 700  # not the first or the last hundred
    assert len(np.unique(np.diff(validation))) > 10  # and not every tenth


def test_small_class_keeps_one_of_two_for_validation() -> None:
    train, validation = split.stratified(np.array([0, 0, 1, 1, 1]), seed=0)
    assert len(train) == 3
    assert len(validation) == 2


def test_class_with_one_image_is_refused() -> None:
    with pytest.raises(
        UserError, match=r"class number 1 has 1 training image\(s\); the validation split needs at least 2"
    ):
        split.stratified(np.array([0, 0, 1]), seed=0)


def test_statistics_are_those_of_numpy() -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 3, 5, 7), dtype=np.uint8)
    images[:, 2] //= 4
    mean, std = split.channel_statistics(images)
    assert np.allclose(mean, images.mean((0, 2, 3)) / 255, rtol=1e-12, atol=0)
    assert np.allclose(std, images.std((0, 2, 3)) / 255, rtol=1e-12, atol=0)


def test_a_channel_with_one_value_is_divided_by_one() -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 3, 5, 7), dtype=np.uint8)
    before = split.channel_statistics(images)
    images[:, 1] = 51
    mean, std = split.channel_statistics(images)
    assert (mean[1], std[1]) == (0.2, 1.0)
    assert (mean[::2], std[::2]) == (before[0][::2], before[1][::2])


def test_images_of_a_single_colour_are_refused() -> None:
    images = np.zeros((4, 3, 3, 3), dtype=np.uint8) + np.array([51, 0, 255], dtype=np.uint8)[:, None, None]
    with pytest.raises(
        UserError, match=r"all 4 training images have the same colour \(51, 0, 255 of 255\) in every pixel"
    ):
        split.channel_statistics(images)
