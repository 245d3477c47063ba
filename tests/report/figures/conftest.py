from collections.abc import Callable
from dataclasses import replace

import matplotlib
import numpy as np
import pandas as pd
import pytest

from attnbench.records.views import BlockView, GateView, Views

VARIANTS = ("baseline", "se", "cbam")


def made_up(variant: str = "cbam", *, images: int = 2, channel: bool = True, spatial: bool = True) -> Views:
    stream = np.random.default_rng(len(variant))

    def block(side: int, channels: int) -> BlockView:
        return BlockView(
            features=stream.random((images, min(9, channels), side, side)).astype(np.float16),
            active=stream.random((images, 3, side, side)).astype(np.float16),
            active_index=np.stack([stream.permutation(channels)[:3] for _ in range(images)]).astype(np.int64),
            grad_cam=stream.random((images, side, side)).astype(np.float32),
        )

    def gate(side: int, channels: int) -> GateView:
        return GateView(
            stream.random((images, channels)).astype(np.float16) if channel else None,
            stream.random((images, side, side)).astype(np.float16) if spatial else None,
        )

    return Views(
        variant=variant,
        seed=5,
        classes=("cat", "dog", "a class with a rather long name"),
        index=np.arange(images),
        images=stream.integers(0, 256, (images, 3, 16, 16)).astype(np.uint8),
        labels=np.arange(images) % 3,
        predicted=np.zeros(images, np.int64),
        probability=np.full(images, 0.87, np.float32),
        blocks={"block1": block(16, 12), "block2": block(8, 7)},
        gates={"block1.after_pool": gate(8, 12), "block2.after_pool": gate(4, 7)} if channel or spatial else {},
        masks=stream.integers(0, 2, (images, 16, 16)).astype(np.uint8),
    )


@pytest.fixture
def make() -> Callable[..., Views]:
    return made_up


@pytest.fixture
def views() -> Views:
    return made_up()


@pytest.fixture
def no_gates() -> Views:
    return replace(made_up("baseline"), gates={})


@pytest.fixture
def epochs() -> pd.DataFrame:
    stream = np.random.default_rng(0)
    rows = [
        (variant, seed, epoch, 2 / epoch, 30.0, 2.2 / epoch, 40 + 5 * epoch + stream.random() + 9 * (variant == "se"))
        for variant in VARIANTS
        for seed in range(3)
        for epoch in range(1, 6)
    ]
    columns = "variant seed epoch train_loss train_accuracy validation_loss validation_accuracy"
    return pd.DataFrame(rows, columns=columns.split())


@pytest.fixture
def iterations() -> pd.DataFrame:
    stream = np.random.default_rng(0)
    steps = np.arange(1, 1001)
    runs = [
        pd.DataFrame({"variant": variant, "seed": seed, "step": steps, "loss": 2 / steps**0.3 + stream.random(1000)})
        for variant in VARIANTS
        for seed in range(2)
    ]
    return pd.concat(runs, ignore_index=True)


@pytest.fixture
def costs() -> pd.DataFrame:
    """Twelve variants that lie as close together as the real ones."""
    names = ["baseline", "se", "eca", "cbam", "cam", "sam", "se_after_pool", "cbam_before_pool"]
    names += ["se_first", "se_last", "cbam_first", "cbam_last"]
    parameters = [1147914, 1149258, 1147925, 1150896, 1150750, 1148208, 1149258, 1150896, 1147978, 1148938, 1148140]
    return pd.DataFrame(
        {
            "variant": names,
            "accuracy": [78.0 + 0.1 * (index * 5 % 7) for index in range(12)],
            "std": [0.3] * 12,
            "macs": [10.52e6 + 4e3 * index**2 for index in range(12)],
            "parameters": [*parameters, 1149060],
            "latency_ratio_1": [1 + 0.01 * index for index in range(12)],
        }
    )


@pytest.fixture(autouse=True)
def settings_stay_as_they_were():
    """Drawing changes no setting of matplotlib, whatever the test does."""
    before = {name: matplotlib.rcParams[name] for name in matplotlib.rcParams if name != "backend"}
    yield
    after = {name: matplotlib.rcParams[name] for name in matplotlib.rcParams if name != "backend"}
    assert after == before
