"""A made-up study with known answers: 8 variants and 3 seeds, whose records are written into a temporary folder.

A folder's conftest.py imports the fixtures: `from made_study import make, make_in`.
"""

import base64
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import params
import pytest
from made_records import ENVIRONMENT, make_run

from attnbench import records
from attnbench.records import (
    AblationRecord,
    Calibration,
    Corrupted,
    CostRecord,
    DataSummary,
    LatencyRecord,
    LatencyRow,
    MapsRecord,
    Quantity,
    RobustnessRecord,
    RunRecord,
    SlotAblation,
    files,
)
from attnbench.records.correct import write_correct
from attnbench.records.curves import EpochRow, write_epochs, write_iterations
from attnbench.records.maps import BlockScores, Curves, MapScores, Objects, OnObjects, StoredMaps
from attnbench.records.robustness import CORRUPTIONS
from attnbench.records.views import BlockView, GateView, Views
from attnbench.records.views import save as save_views
from attnbench.study import Study, StudyPaths

CLASSES = ["ring", "cross|bar", "star"]
DATA_SHA256 = "d" * 64
TEST_IMAGES = 400
BASE = [0.70, 0.71, 0.72]
# se is better, cam worse and sam equal by construction; the others differ by less than their own noise
DIFFERENCES = {
    "baseline": [0.0, 0.0, 0.0],
    "se": [0.0300, 0.0301, 0.0299],
    "eca": [0.004, -0.002, 0.001],
    "cbam": [0.05, -0.01, 0.02],
    "cam": [-0.0200, -0.0201, -0.0199],
    "sam": [0.0, 0.0, 0.0],
    "se_after_pool": [0.003, 0.001, -0.002],
    "cbam_before_pool": [-0.003, 0.004, 0.002],
}
# for studies with controls: se is better than `slim` and `constant`, and worse than `wide`; cbam is inconclusive
CONTROLS = {
    "slim": [0.0, 0.0, 0.0],
    "wide": [0.0600, 0.0602, 0.0598],
    "constant": [0.0100, 0.0102, 0.0098],
    "static": [0.01, -0.01, 0.03],
}
BACKBONES = {"slim": {"hidden": 513}, "wide": {"width": 40}}
ATTENTION = {"se_after_pool": "se", "cbam_before_pool": "cbam", "baseline": "none", "slim": "none", "wide": "none"}


def make_study(seeds: int = 3, variants: list[str] | None = None, **changes: Any) -> Study:
    """Return a study with the first `seeds` seeds and the named variants (default: all eight)."""
    names = variants or list(DIFFERENCES)
    values: dict[str, Any] = {
        "name": "made_up",
        "root": "../..",
        "params": "studies/made_up/params.yaml",
        "title": "A made-up study",
        "variants": {name: _variant(name) for name in names},
        "seeds": list(range(seeds)),
        "recipe": params.recipe(epochs=4, learning_rate=0.003, augmentation=["crop", "flip"]),
        "machine": {"device": "cpu", "precision": "bf16", "threads": 1},
        "latency": {"batch_sizes": [1, 64], "rounds": 30},
        "views": {"images": 2},
    }
    return params.study(**values | changes)


def _variant(name: str) -> dict[str, Any]:
    attention = ATTENTION.get(name, name)
    if attention == "none":
        return {"attention": attention, "backbone": BACKBONES.get(name, {})}
    return {"attention": attention, "site": "after_pool"}


@dataclass(frozen=True)
class MadeUp:
    """A study and its files."""

    study: Study
    paths: StudyPaths

    def run(self, variant: str, seed: int) -> RunRecord:
        """Return the record of a run as it is on disk."""
        return records.read(self.paths.record(variant, seed), RunRecord)

    def change(self, variant: str, seed: int, /, **changes: Any) -> None:
        """Overwrite values in the record of a run; `identity` may name single fields."""
        old = self.run(variant, seed)
        if "identity" in changes:
            changes["identity"] = old.identity.model_copy(update=changes["identity"])
        records.write(self.paths.record(variant, seed), old.model_copy(update=changes))


@pytest.fixture(scope="session")
def make_in() -> Callable[..., MadeUp]:
    """Return a function that makes a study with `make_study` and writes all its records under a root."""

    def make_in(
        root: Path,
        /,
        seeds: int = 3,
        variants: list[str] | None = None,
        differences: dict[str, list[float]] | None = None,
        **changes: Any,
    ) -> MadeUp:
        study = make_study(seeds, variants, **changes)
        made = MadeUp(study, StudyPaths(study.name, root))
        write_records(made, DIFFERENCES | CONTROLS | (differences or {}))
        return made

    return make_in


@pytest.fixture
def make(tmp_path: Path, make_in: Callable[..., MadeUp]) -> Callable[..., MadeUp]:
    """Return `make_in` for the folder of this test."""
    return partial(make_in, tmp_path)


def write_records(made: MadeUp, differences: dict[str, list[float]]) -> None:
    """Write every record that `analyse` and `report` read."""
    study, paths = made.study, made.paths
    records.write(paths.data_summary, data_summary(study))
    for position, variant in enumerate(study.variants):
        code = {"sha256": files.sha256_of_json(["code", variant]), "values": {}}
        files.write_json(paths.code("train", variant), code)
        records.write(paths.cost(variant), cost(study, variant, position))
        save_views(paths.view(variant), views(study, variant))
        for seed in study.seeds:
            accuracy = BASE[seed] + differences[variant][seed]
            record = run(study, variant, seed, accuracy, code["sha256"])
            records.write(paths.record(variant, seed), record)
            records.write(paths.ablation(variant, seed), ablation(record, study.variants[variant].attention))
            records.write(paths.robust(variant, seed), robustness(record))
            records.write(paths.map_scores(variant, seed), map_scores(record, position))
            # the same images are easy for every run
            write_correct(paths.correct(variant, seed), np.arange(TEST_IMAGES) < round(accuracy * TEST_IMAGES))
            write_curves(paths, variant, seed, study.recipe.epochs)
    records.write(paths.latency, latency(study))


def data_summary(study: Study) -> DataSummary:
    return DataSummary(
        study=study.name,
        title="Made-up shapes",
        provenance="Drawn for a test. They show nothing.",
        classes=CLASSES,
        image_shape=(3, 32, 32),
        train=900,
        validation=100,
        test=TEST_IMAGES,
        split_seed=0,
        mean=[0.4, 0.5, 0.6],
        std=[0.2, 0.2, 0.2],
        sha256=DATA_SHA256,
        tensors_sha256={"test_images": "e" * 64, "train_images": "f" * 64},
    )


def run(study: Study, variant: str, seed: int, accuracy: float, code: str) -> RunRecord:
    return make_run(
        variant,
        seed,
        accuracy,
        study=study.name,
        epochs=study.recipe.epochs,
        per_class_accuracy=dict(zip(CLASSES, (accuracy, accuracy - 0.1, accuracy + 0.1), strict=True)),
        validation_accuracy=accuracy + 0.005,
        best_validation_accuracy=accuracy + 0.01,
        train_accuracy=accuracy + 0.05,
        parameters=1_147_914,
        data=DATA_SHA256,
        code=code,
        params=records.params_sha256(study, variant),
    )


def cost(study: Study, variant: str, position: int) -> CostRecord:
    return CostRecord(
        study=study.name,
        variant=variant,
        image_shape=(3, 32, 32),
        parameters=1_147_914 + 1000 * position,
        attention_parameters=990 * position,  # a variant may change more than its attention
        macs=12_000_000 + 60_000 * position,
        attention_macs=60_000 * position,
        pooling_operations=50_000 + position,
        elementwise_operations=400_000 + position,
        activation_bytes=2**20 + position,
        attention_modules={f"block{i}.after_pool": 500 * i for i in (1, 2)} if position else {},
    )


def latency(study: Study) -> LatencyRecord:
    return LatencyRecord(
        study=study.name,
        environment=ENVIRONMENT,
        cores=2,
        load_average=0.4,
        inference=[row for size in study.latency.batch_sizes for row in times(study, size, scale=1)],
        training_step=times(study, study.recipe.batch_size, scale=3),
    )


def times(study: Study, size: int, *, scale: float) -> list[LatencyRow]:
    """Return one row per variant; each costs a tenth more than the one before it, or three tenths at `scale` 3.

    The more it costs, the more the five processes differ: by 0.005 `scale` (-1, -0.5, 0, 0.5, 1) in the logarithm.
    """
    rows = []
    for position, variant in enumerate(study.variants):
        median = 0.8 * size**0.7 * (1 + 0.1 * scale * position)
        processes = [median * math.exp(0.005 * scale * position * z) for z in (-1, -0.5, 0, 0.5, 1)]
        rows.append(
            LatencyRow(
                variant=variant,
                batch_size=size,
                median_ms=median,
                iqr_ms=0.02,
                p90_ms=0.9 * size**0.7 * (1 + 0.1 * scale * position),
                # a slow second of the machine affects all variants of a round alike
                round_ms=[[own * (1 + number % 5) for number in range(6)] for own in processes],
            )
        )
    return rows


def ablation(run: RunRecord, attention: str) -> AblationRecord:
    """Frozen, se loses and eca does not change; the others change by more or less than their own noise."""
    frozen = {"se": [-0.2, -0.201, -0.199], "eca": [0.0, 0.0, 0.0], "cam": [0.12, 0.121, 0.119]}
    change = frozen.get(attention, [0.01, -0.01, 0.02])[run.seed]
    is_blind = attention == "none"
    return AblationRecord(
        study=run.study,
        variant=run.variant,
        seed=run.seed,
        checkpoint_sha256=run.checkpoint_sha256,
        accuracy=run.accuracy,
        frozen_accuracy=None if is_blind else run.accuracy + change,
        shuffled_accuracy=None if is_blind else run.accuracy + 2 * change,
        slots=[] if is_blind else [slot(f"block{i}.after_pool", i, attention) for i in (1, 2)],
    )


def robustness(run: RunRecord) -> RobustnessRecord:
    """Every severity costs 0.02 more, so every corruption loses 0.06 in the mean; the ECE is 0.9 - accuracy."""
    by_severity = tuple(run.accuracy - 0.02 * severity for severity in range(1, 6))
    return RobustnessRecord(
        study=run.study,
        variant=run.variant,
        seed=run.seed,
        checkpoint_sha256=run.checkpoint_sha256,
        images=400,
        accuracy=run.accuracy,
        corrupted=Corrupted.model_validate(dict.fromkeys(CORRUPTIONS, by_severity)),
        calibration=Calibration(ece=0.9 - run.accuracy, brier=0.4, nll=1.0),
    )


def map_scores(run: RunRecord, position: int) -> MapsRecord:
    """Random maps lose 0.9 - accuracy to the Grad-CAM of the last block in deletion, and nothing to that of the first.

    Its maps depend much more on variants than on seeds.
    """
    random = Curves(deletion=0.9, insertion=0.3)
    order = (np.arange(64) * (2 * position + 1) + run.seed) % 64
    objects = OnObjects(energy=0.2, pointing=0.5, precision=run.accuracy)
    centre = objects.model_copy(update={"precision": 0.5})
    block = BlockScores(
        grad_cam=Curves(deletion=run.accuracy, insertion=0.4),
        random=random,
        infidelity=1 - run.accuracy,
        sensitivity=0.1,
        untrained_classifier=0.05,
        untrained=-0.01,
        objects=objects,
    )
    return MapsRecord(
        study=run.study,
        variant=run.variant,
        seed=run.seed,
        checkpoint_sha256=run.checkpoint_sha256,
        scores=MapScores(
            images=400,
            checked=100,
            blocks={"block1": block.model_copy(update={"grad_cam": random}), "block2": block},
            centre=Curves(deletion=0.2, insertion=0.6),
            objects=Objects(area=0.15, centre=centre, gates={"block1.after_pool": objects}),
            maps=StoredMaps(images=1, values=base64.b64encode(order.astype(np.uint8).tobytes())),
        ),
    )


def slot(name: str, number: int, attention: str) -> SlotAblation:
    """CBAM has two gates, and sam stands for a module that adds a term."""
    gate = Quantity(mean=0.5, spread=0.1 * number, saturated=0.02 * number)
    term = Quantity(mean=-0.5, spread=0.1, saturated=None)
    quantities = {"cbam": {"channel": gate, "spatial": gate}, "sam": {"term": term}}.get(attention, {"gate": gate})
    factor = {"cbam": gate.model_copy(update={"mean": 0.25}), "sam": None}.get(attention, gate)
    units = 0 if attention in ("eca", "sam") else 2 * number
    return SlotAblation(slot=name, quantities=quantities, factor=factor, hidden_units=units, dead_units=units // 4)


def write_curves(paths: StudyPaths, variant: str, seed: int, epochs: int) -> None:
    """Write the two curves of a run as the training stage does."""
    rows = [
        EpochRow(epoch, 0.003 / epoch, 1.5 / epoch, 0.4 + 0.05 * epoch, 1.4 / epoch, 0.45 + 0.05 * epoch + 0.01 * seed)
        for epoch in range(1, epochs + 1)
    ]
    write_epochs(paths.epochs(variant, seed), rows)
    write_iterations(paths.iterations(variant, seed), [2.0 / step for step in range(1, 15 * epochs + 1)])


def views(study: Study, variant: str) -> Views:
    """Return random arrays of the right shapes, with gates where the variant's module has them."""
    random = np.random.default_rng(len(variant))
    n, attention = study.views.images, study.variants[variant].attention

    def random_array(*shape: int, kind: type = np.float16) -> np.ndarray:
        return random.random(shape).astype(kind)

    blocks = {
        f"block{i}": BlockView(
            features=random_array(n, 9, 16 // i, 16 // i),
            features_index=random.permutation(32)[:9],
            active=random_array(n, 3, 16 // i, 16 // i),
            active_index=random.integers(0, 32, (n, 3)),
            grad_cam=random_array(n, 16 // i, 16 // i, kind=np.float32),
            grad_cam_true=random_array(n, 16 // i, 16 // i, kind=np.float32),
        )
        for i in (1, 2)
    }
    gate = GateView(
        channel=None if attention == "sam" else random_array(n, 32),
        spatial=random_array(n, 8, 8) if attention in ("sam", "cbam") else None,
    )
    return Views(
        variant=variant,
        seed=study.seeds[0],
        classes=tuple(CLASSES),
        index=np.arange(n),
        images=random.integers(0, 256, (n, 3, 32, 32)).astype(np.uint8),
        labels=np.arange(n),
        predicted=np.zeros(n, dtype=np.int64),
        probability=random_array(n, kind=np.float32),
        blocks=blocks,
        gates={} if attention == "none" else {"block1.after_pool": gate},
    )
