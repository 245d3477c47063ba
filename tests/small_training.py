"""A training of less than a second for the tests of every folder: edges that a network of width 8 learns at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import params
import torch
from ruamel.yaml import YAML

from attnbench import networks
from attnbench.networks import arithmetic
from attnbench.records.prepared import Description, Prepared
from attnbench.study import Study
from attnbench.train.loop import Training
from attnbench.train.observers import Observer
from attnbench.train.unfinished import Unfinished
from attnbench.train.variant import Outcome, train_variant

CLASSES = ("left", "right", "top")
CHANGES = {  # from the small study of all tests
    "backbone": {"name": "cnn", "options": {"width": 8, "hidden": 16}},
    "variants": {
        "baseline": {"attention": "none"},
        "cbam": {"attention": "cbam", "site": "after_pool", "options": {"reduction": 4}},
    },
    "recipe": params.recipe(epochs=2, batch_size=32, learning_rate=0.01, augmentation=["crop"]),
}


def small_study(**changes: Any) -> Study:
    """Return the study with the changes that `values` takes."""
    return Study.model_validate(values(**changes))


def write_params(folder: Path, **changes: Any) -> None:
    """Write the study's params.yaml into a folder, with the changes that `values` takes."""
    YAML().dump(values(**changes), folder / "params.yaml")


def values(
    *, machine: dict[str, Any] | None = None, variants: dict[str, Any] | None = None, **recipe: Any
) -> dict[str, Any]:
    """Return the values of the study, with keys of its recipe and machine replaced, and variants added."""
    study = params.values(**CHANGES)
    study["recipe"] = recipe if recipe.get("name") == "source" else study["recipe"] | recipe
    study["machine"] |= machine or {}
    study["variants"] = study["variants"] | (variants or {})
    return study


def edges(train: int = 120, validation: int = 30, test: int = 45, seed: int = 0) -> Prepared:
    """Return images of noise, 16 x 16, with a bright edge on the side that the class names."""
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


def run(
    study: Study,
    variant: str,
    seed: int,
    data: Prepared,
    observers: Sequence[Observer] = (),
    unfinished: Unfinished | None = None,
) -> Outcome:
    """Train a variant as the stage does, without its files."""
    return train_variant(study, variant, seed, data, arithmetic.set_up(study.machine), observers, unfinished)


def new_training(study: Study, variant: str, data: Prepared, device: str = "cpu") -> Training:
    """Return a training before its first step."""
    network = networks.build(study, variant, data, seed=0)
    return Training(network, data, study.recipe, study.machine, seed=0, device=torch.device(device))
