"""What other test images add to the variance of a difference: a table by hand, and the interval that follows."""

import math

import numpy as np
import pytest

from attnbench.analyse.statistics import (
    block_comparisons,
    critical_value,
    for_other_images,
    image_variances,
    pair_contrasts,
)

PAIRS = [("a", "b"), ("c", "b")]
CONTRASTS = pair_contrasts(["a", "b", "c"], PAIRS)
VALUES = [[0.72, 0.74, 0.75], [0.70, 0.71, 0.72], [0.71, 0.70, 0.72]]


def test_variances_by_hand():
    a, b = [[1, 1, 0, 1], [1, 0, 0, 1]], [[0, 1, 0, 1], [0, 0, 0, 0]]
    correct = np.array([a, b, b], dtype=bool)  # (3 variants, 2 seeds, 4 images)
    # a - b: [[1, 0, 0, 0], [1, 0, 0, 1]]; means of images 1, 0, 0, 1/2, of seeds 1/4, 1/2, of all 3/8
    between_images = 2 * (25 + 9 + 9 + 1) / 64 / 3
    # residuals of the first seed 1/8, 1/8, 1/8, -3/8, of the second the same with the other sign
    error = 2 * (1 + 1 + 1 + 9) / 64 / 3
    assert image_variances(correct, CONTRASTS) == pytest.approx([(between_images - error) / (2 * 4), 0])


def test_a_variance_is_never_negative_and_needs_two_seeds_and_two_images():
    correct = np.random.default_rng(0).random((3, 4, 50)) > 0.5  # no image is favoured
    assert (image_variances(correct, CONTRASTS) >= 0).all()
    assert 0 in image_variances(correct, CONTRASTS)
    assert np.isnan(image_variances(correct[:, :1], CONTRASTS)).all()
    assert np.isnan(image_variances(correct[..., :1], CONTRASTS)).all()
    assert np.isfinite(image_variances(correct[:, :2, :2], CONTRASTS)).all()


def test_the_interval_has_satterthwaites_degrees_of_freedom():
    seeds = block_comparisons(VALUES, CONTRASTS, 0.95)[0]
    both = for_other_images(seeds, 3 * seeds.standard_error**2, CONTRASTS, 0.95)
    half = 2 * seeds.standard_error * critical_value(CONTRASTS, math.floor(16 * seeds.degrees_of_freedom), 0.95)
    assert (both.low, both.high) == pytest.approx((seeds.difference - half, seeds.difference + half))
    assert both.standard_error == pytest.approx(2 * seeds.standard_error)


def test_the_verdict_follows_from_the_wider_interval():
    seeds = block_comparisons(VALUES, CONTRASTS, 0.95)[0]
    variance = 15 * seeds.standard_error**2
    assert seeds.verdict == "better"
    assert for_other_images(seeds, variance, CONTRASTS, 0.95).verdict == "inconclusive"
    assert for_other_images(seeds, variance, CONTRASTS, 0.95, margin=0.2).verdict == "equivalent"


def test_the_interval_is_never_shorter_than_that_for_other_seeds():
    pair = pair_contrasts(["a", "b"], [("a", "b")])
    seeds = block_comparisons([[0.72, 0.74], [0.70, 0.71]], pair, 0.95)[0]  # t with one degree of freedom: 12.7
    assert for_other_images(seeds, 0.5 * seeds.standard_error**2, pair, 0.95).high == seeds.high
    assert for_other_images(seeds, 0.0, pair, 0.95) == seeds


def test_without_an_interval_there_is_nothing_to_widen():
    alone = block_comparisons([[0.7], [0.6], [0.6]], CONTRASTS, 0.95)[0]
    assert for_other_images(alone, math.nan, CONTRASTS, 0.95) is alone
