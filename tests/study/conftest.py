"""A small valid params.yaml, to be spoilt in one place by each test."""

from collections.abc import Callable
from pathlib import Path

import pytest

from attnbench import study
from attnbench.errors import UserError

VALID = """\
study: small
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
latency: {batch_sizes: [1], rounds: 30}
views: {images: 6}
"""


@pytest.fixture
def valid() -> str:
    """Return the valid text."""
    return VALID


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes the valid file with one text replaced by another."""

    def write(old: str = "", new: str = "") -> Path:
        assert old in VALID
        path = tmp_path / "params.yaml"
        path.write_text(VALID.replace(old, new, 1) if old else VALID)
        return path

    return write


def refusal(path: Path) -> str:
    """Return the text with which the file is refused."""
    with pytest.raises(UserError) as caught:
        study.load(path)
    return str(caught.value)
