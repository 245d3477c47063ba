"""The prediction for an image depends on that image only."""

from dataclasses import replace

import params
import pytest
import torch

from attnbench import networks
from attnbench.networks.evaluation import accuracy_by_class, batch_size, logits_of, score
from attnbench.networks.normalisation import Normalisation
from attnbench.records.prepared import Prepared
from attnbench.study import attention

BATCH_SIZE = 256  # of images of 16 x 16
NORMALISE = Normalisation((0.5, 0.5, 0.5), (0.25, 0.25, 0.25), torch.device("cpu"))


def network_with(name: str, data: Prepared) -> torch.nn.Module:
    variant = {"attention": name} | ({} if name == "none" else {"site": "before_pool"})
    study = params.study(variants=params.values()["variants"] | {"other": variant})
    network = networks.build(study, "other", data, seed=0)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # weights that start at 0 would make a gate constant
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    return network.to(memory_format=torch.channels_last)


def random_images(n: int, side: int = 16) -> torch.Tensor:
    return torch.randint(0, 256, (n, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", ["none", *attention.names()])
def test_logits_are_the_same_bits_whatever_is_evaluated_with_them(name, data):
    network, images = network_with(name, data), random_images(BATCH_SIZE + 70)
    together = logits_of(network, images, NORMALISE)
    assert together.shape == (BATCH_SIZE + 70, 3)
    assert torch.equal(logits_of(network, images[:1], NORMALISE), together[:1])
    others = images[:64].clone()
    others[1::2] = 255 - others[1::2]
    assert torch.equal(logits_of(network, others, NORMALISE)[::2], together[:64:2])


@pytest.mark.parametrize(
    ("height", "width", "images"),
    [
        (1, 1, 256),
        (16, 16, 256),
        (32, 32, 256),
        (32, 33, 128),
        (64, 64, 64),
        (96, 96, 16),
        (224, 224, 4),
        (600, 600, 1),
    ],
)
def test_the_batch_follows_from_the_size_of_the_images(height, width, images):
    assert batch_size(height, width) == images


@pytest.mark.parametrize(("side", "batch"), [(16, 256), (64, 64), (224, 4)])
def test_the_network_sees_batches_of_that_size_alone(side, batch):
    shapes = []

    class Watching(torch.nn.Module):
        def forward(self, x):
            shapes.append(tuple(x.shape))
            return x.mean((2, 3))

    images = random_images(batch + 1, side)
    logits = logits_of(Watching(), images, NORMALISE)
    assert shapes == [(batch, 3, side, side)] * 2
    torch.testing.assert_close(logits, ((images.float() / 255 - 0.5) / 0.25).mean((2, 3)))


def test_logits_of_larger_images_are_the_same_bits_too(data):
    larger = replace(data, test_images=random_images(70, 64), train_images=random_images(150, 64))
    network, images = network_with("cbam", larger), larger.test_images
    together = logits_of(network, images, NORMALISE)
    for count in (1, 3, 64, 65):
        assert torch.equal(logits_of(network, images[:count], NORMALISE), together[:count]), count


def test_the_order_of_the_images_changes_no_prediction(data):
    network, images = network_with("cbam", data), random_images(BATCH_SIZE + 70)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(2))
    together, shuffled = logits_of(network, images, NORMALISE), logits_of(network, images[order], NORMALISE)
    assert torch.equal(shuffled.argmax(1), together[order].argmax(1))
    torch.testing.assert_close(shuffled, together[order], rtol=0, atol=1e-6)


def test_other_batch_sizes_predict_the_same(data):
    """As a user evaluates a checkpoint, without our padding: other last bits, equal classes and accuracy."""
    network, images = network_with("cbam", data).eval(), random_images(320)
    ours = logits_of(network, images, NORMALISE)
    labels = torch.arange(320) % 3
    for size in (1, 7, 64, 320):
        with torch.inference_mode():
            theirs = torch.cat([network(NORMALISE(batch.float() / 255)) for batch in images.split(size)])
        assert torch.equal(ours.argmax(1), theirs.argmax(1)), size
        assert score(ours, labels).accuracy == score(theirs, labels).accuracy, size


def test_evaluation_is_in_float32_and_changes_neither_mode_nor_images(data):
    network, images = network_with("none", data), random_images(5)
    before = images.clone()
    for training in (True, False):
        network.train(training)
        assert logits_of(network, images, NORMALISE).dtype == torch.float32
        assert network.training == training
    assert torch.equal(images, before)


def test_score_by_hand():
    logits = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 3.0], [1.0, 0.0]])
    labels = torch.tensor([1, 0, 1, 1])
    losses = [
        torch.tensor(2.0).log(),
        (1 + torch.tensor(-2.0).exp()).log(),
        (1 + torch.tensor(-3.0).exp()).log(),
        (1 + torch.tensor(1.0).exp()).log(),
    ]
    assert score(logits, labels).accuracy == 0.5
    assert score(logits, labels).loss == pytest.approx(sum(losses).item() / 4)
    assert accuracy_by_class(logits, labels, ("a", "b", "c")) == {"a": 1.0, "b": pytest.approx(1 / 3)}
