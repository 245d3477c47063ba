"""One small valid study for all tests: as the text of a params.yaml, as values, as a file, as a `Study`.

A test changes what it is about: `study(seeds=[0], backbone={"name": "resnet"})` replaces whole keys at the top.
"""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from attnbench.study import Study

TEXT = """\
name: small
root: .
params: params.yaml
title: A small study
data: {source: shapes, train_images: 200, test_images: 50, seed: 0, split_seed: 0}
backbone:
  name: cnn
baseline: baseline
variants:
  baseline: {attention: none}
  se:
    attention: se
    site: before_pool
seeds: [0, 1]
recipe:
  name: onecycle
  optimizer: adam
  epochs: 1
  batch_size: 64
  learning_rate: 1e-3
  weight_decay: 0
  warmup: 0.3
  label_smoothing: 0.0
  augmentation: [flip]
machine: {device: cpu, precision: float32, threads: 1}
confidence: 0.95
latency: {batch_sizes: [1], rounds: 30, processes: 2}
views: {images: 6}
"""


def values(**changes: Any) -> dict[str, Any]:
    """Return the values of the small study, with keys at the top replaced."""
    return {**YAML(typ="safe").load(TEXT), **changes}


def study(**changes: Any) -> Study:
    """Return the small study, with keys at the top replaced."""
    return Study.model_validate(values(**changes))


def write(folder: Path, **changes: Any) -> Path:
    """Write the small study, with keys at the top replaced, as params.yaml into a folder; return its path."""
    path = folder / "params.yaml"
    YAML().dump(values(**changes), path)
    return path


def recipe(**changes: Any) -> dict[str, Any]:
    """Return the recipe of the small study, with keys replaced."""
    return {**values()["recipe"], **changes}
