"""What is predicted for an image depends on the image alone."""

import pytest
import torch

from attnbench.networks import build as placement
from attnbench.networks.normalisation import Normalisation
from attnbench.study import attention
from attnbench.study.schema import Backbone, Variant
from attnbench.train.evaluation import BATCH_SIZE, logits_of, score

NORMALISE = Normalisation((0.5, 0.5, 0.5), (0.25, 0.25, 0.25), torch.device("cpu"))


def network(name: str, side: int = 32) -> torch.nn.Module:
    variant = Variant(attention=name, site=None if name == "none" else "before_pool")
    found = placement.build(Backbone(name="cnn"), variant, classes=10, image_shape=(3, side, side), seed=0)
    for module in found.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # weights that start at 0 would make a gate constant
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    return found.to(memory_format=torch.channels_last)


def images(n: int, side: int = 32) -> torch.Tensor:
    return torch.randint(0, 256, (n, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", ["none", *attention.names()])
def test_logits_are_the_same_bits_whatever_is_evaluated_with_them(name):
    found, pictures = network(name, 16), images(BATCH_SIZE + 70, 16)  # some compare all pairs of positions
    together = logits_of(found, pictures, NORMALISE)
    assert together.shape == (BATCH_SIZE + 70, 10)
    for count in (1, 7, 64, BATCH_SIZE, BATCH_SIZE + 1):
        assert torch.equal(logits_of(found, pictures[:count], NORMALISE), together[:count])
    others = pictures.clone()
    others[1::2] = 255 - others[1::2]
    assert torch.equal(logits_of(found, others, NORMALISE)[::2], together[::2])


def test_the_order_of_the_images_changes_no_prediction():
    found, pictures = network("cbam"), images(BATCH_SIZE + 70)
    order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(2))
    together, moved = logits_of(found, pictures, NORMALISE), logits_of(found, pictures[order], NORMALISE)
    assert torch.equal(moved.argmax(1), together[order].argmax(1))
    torch.testing.assert_close(moved, together[order], rtol=0, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 7, 64, 320])
def test_other_batch_sizes_predict_the_same(batch_size):
    """As a user would evaluate a checkpoint, without our filling up: other last bits, equal classes and accuracy."""
    found, pictures = network("cbam").eval(), images(320)
    ours = logits_of(found, pictures, NORMALISE)
    with torch.inference_mode():
        theirs = torch.cat([found(NORMALISE(batch.float() / 255)) for batch in pictures.split(batch_size)])
    labels = torch.arange(320) % 10
    assert torch.equal(ours.argmax(1), theirs.argmax(1))
    assert score(ours, labels).accuracy == score(theirs, labels).accuracy


def test_evaluation_is_in_float32_and_leaves_the_mode():
    found, pictures = network("none"), images(5)
    for training in (True, False):
        found.train(training)
        assert logits_of(found, pictures, NORMALISE).dtype == torch.float32
        assert found.training == training


def test_images_given_stay_as_they_are():
    pictures = images(5)
    before = pictures.clone()
    logits_of(network("none"), pictures, NORMALISE)
    assert torch.equal(pictures, before)
