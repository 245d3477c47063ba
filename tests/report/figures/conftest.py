from collections.abc import Callable

import matplotlib
import numpy as np
import pandas as pd
import pytest

from attnbench.records.views import BlockView, GateView, Views

KINDS = {
    "baseline": "baseline",
    "se": "attention",
    "cbam": "attention",
    "constant": "null control",
    "wide": "no attention",
}


def made_up(
    variant: str = "cbam",
    *,
    images: int = 2,
    gates: bool = True,
    classes: tuple[str, ...] = ("cat", "dog"),
    wrong: int = -1,
) -> Views:
    """Return random views; the prediction of the image `wrong` is wrong."""
    stream = np.random.default_rng(len(variant))

    def block(side: int, channels: int) -> BlockView:
        return BlockView(
            features=stream.random((images, min(9, channels), side, side)).astype(np.float16),
            features_index=stream.permutation(channels)[:9],
            active=stream.random((images, 3, side, side)).astype(np.float16),
            active_index=np.stack([stream.permutation(channels)[:3] for _ in range(images)]),
            grad_cam=stream.random((images, side, side)).astype(np.float32),
            grad_cam_true=stream.random((images, side, side)).astype(np.float32),
        )

    labels = np.arange(images) % len(classes)
    gate = GateView(None, stream.random((images, 4, 4)).astype(np.float16))
    return Views(
        variant=variant,
        seed=5,
        classes=classes,
        index=np.arange(images),
        images=stream.integers(0, 256, (images, 3, 16, 16)).astype(np.uint8),
        labels=labels,
        predicted=np.where(np.arange(images) == wrong, (labels + 1) % len(classes), labels),
        probability=np.full(images, 0.87, np.float32),
        blocks={"block1": block(16, 12), "block2": block(8, 7)},
        gates={"block1.after_pool": gate, "block2.after_pool": gate} if gates else {},
        masks=stream.integers(0, 2, (images, 16, 16)).astype(np.uint8),
    )


@pytest.fixture
def make() -> Callable[..., Views]:
    return made_up


@pytest.fixture
def kinds() -> dict[str, str]:
    return dict(KINDS)


@pytest.fixture
def comparisons() -> pd.DataFrame:
    rows = [
        ("se", "baseline", "baseline", 0.001, -0.004, 0.006, "inconclusive"),
        ("cbam", "baseline", "baseline", 0.009, 0.006, 0.012, "better"),
        ("constant", "baseline", "baseline", -0.008, -0.011, -0.005, "worse"),
        ("cbam", "constant", "constant", 0.017, 0.012, 0.022, "better"),
        ("cbam", "wide", "parameters latency", 0.0, -0.001, 0.001, "equivalent"),
    ]
    columns = ["variant", "reference", "kind", "difference", "low", "high", "verdict"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture(autouse=True)
def settings_stay_as_they_were():
    """Drawing changes no setting of matplotlib, whatever the test does."""
    before = {name: matplotlib.rcParams[name] for name in matplotlib.rcParams if name != "backend"}
    yield
    after = {name: matplotlib.rcParams[name] for name in matplotlib.rcParams if name != "backend"}
    assert after == before
