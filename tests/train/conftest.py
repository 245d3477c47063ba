"""A study of seconds: eight-pixel patterns that a network of width 8 learns at once."""

import pytest
import torch

from attnbench.records.prepared import Description, Prepared
from attnbench.study.schema import Study

CLASSES = ("left", "right", "top")


def prepared(train: int = 120, validation: int = 30, test: int = 45, seed: int = 0) -> Prepared:
    """Noise with a bright edge on the side that the class names."""
    generator = torch.Generator().manual_seed(seed)

    def part(n: int) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.arange(n) % 3
        images = torch.randint(0, 100, (n, 3, 16, 16), dtype=torch.uint8, generator=generator)
        images[labels == 0, :, :, :5] += 140
        images[labels == 1, :, :, 11:] += 140
        images[labels == 2, :, :5, :] += 140
        return images, labels

    train_images, train_labels = part(train + validation)
    test_images, test_labels = part(test)
    order = torch.randperm(train + validation, generator=generator)
    return Prepared(
        Description("edges", "made in the test", CLASSES, 0, (0.3, 0.3, 0.3), (0.2, 0.2, 0.2)),
        train_images,
        train_labels,
        test_images,
        test_labels,
        train_index=order[:train].sort().values,
        validation_index=order[train:].sort().values,
    )


@pytest.fixture
def data() -> Prepared:
    return prepared()


@pytest.fixture(scope="module")
def module_data() -> Prepared:
    return prepared()


@pytest.fixture
def study() -> Study:
    return tiny()


@pytest.fixture(scope="module")
def module_study() -> Study:
    return tiny()


def tiny() -> Study:
    return Study.model_validate(
        {
            "study": "tiny",
            "root": ".",
            "params": "params.yaml",
            "title": "Edges",
            "data": {"source": "shapes", "train_images": 150, "test_images": 45, "seed": 0, "split_seed": 0},
            "backbone": {"name": "cnn", "options": {"width": 8, "hidden": 16}},
            "baseline": "baseline",
            "variants": {
                "baseline": {"attention": "none"},
                "cbam": {"attention": "cbam", "site": "after_pool", "options": {"reduction": 4}},
            },
            "seeds": [0, 1],
            "recipe": {
                "name": "onecycle",
                "optimizer": "adam",
                "epochs": 2,
                "batch_size": 32,
                "learning_rate": 0.01,
                "weight_decay": 0.0,
                "warmup": 0.3,
                "label_smoothing": 0.0,
                "augmentation": ["crop"],
            },
            "machine": {"device": "cpu", "precision": "float32", "threads": 1},
            "confidence": 0.95,
            "latency": {"batch_sizes": [1], "rounds": 5},
            "views": {"images": 2},
        }
    )
