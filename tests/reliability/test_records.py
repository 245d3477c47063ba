"""Damaged records. Every value of every record is replaced by what it must not be, and every file by other bytes."""

import json
import os
import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import made_study
import numpy as np
import pytest

from attnbench import records
from attnbench.errors import UserError
from attnbench.records import (
    AblationRecord,
    CostRecord,
    DataSummary,
    LatencyRecord,
    MapsRecord,
    Quantity,
    RobustnessRecord,
    RunRecord,
    TimingRecord,
    views,
)
from attnbench.records.correct import read_correct
from attnbench.records.curves import EpochRow, read_epochs, write_epochs
from attnbench.records.identity import CodeFingerprint
from attnbench.records.io import recordable
from attnbench.records.lock import read_entries
from attnbench.records.views import Views
from attnbench.run.lost_entries import put_back
from attnbench.study import StudyPaths
from attnbench.study.packages import blamed

from .refusal import refused

STUDY = made_study.make_study(seeds=1, variants=["baseline", "cbam"])
RUN = made_study.run(STUDY, "cbam", 0, 0.75, "c" * 64)
LATENCY = made_study.latency(STUDY)
RECORDS = {
    "run": RUN,
    "ablation": made_study.ablation(RUN, "cbam"),
    "robustness": made_study.robustness(RUN),
    "maps": made_study.map_scores(RUN, 0),
    "cost": made_study.cost(STUDY, "cbam", 1),
    "latency": LATENCY.model_copy(update={"inference": LATENCY.inference[:1], "training_step": []}),
    "data": made_study.data_summary(STUDY),
    "code": CodeFingerprint(sha256="c" * 64, values={}),
    "timing": TimingRecord(
        study="s",
        variant="v",
        seed=0,
        seconds_per_epoch=[1.5],
        evaluation_seconds=[0.5],
        total_seconds=3.0,
        images_per_second=10.0,
        continued_after=0,
        load_average=0.25,
        cores=2,
        processor="p",
    ),
}
KINDS = (
    RunRecord,
    AblationRecord,
    RobustnessRecord,
    MapsRecord,
    CostRecord,
    LatencyRecord,
    DataSummary,
    CodeFingerprint,
    TimingRecord,
)
TYPED: dict[type, list[Any]] = {  # what a value of this type must not be
    int: [float("nan"), -1, 0.5, 10**40, "7", True, [], None],
    float: [float("nan"), float("inf"), -float("inf"), "0.5", True, [], None],
    str: [3, True, [], {}, None],
    list: [{}, "text", 3, None],
    dict: [[], "text", 3, None],
}
SHARES = ("accuracy", "saturated")  # 0..1, as all that end so
MAY_BE_NEGATIVE = ("mean", "untrained", "untrained_classifier")  # a module may add a term; correlations
MAPPINGS = ("quantities", "per_class_accuracy", "attention_modules", "tensors_sha256", "gates", "blocks")
OPTIONAL = ("cudnn", "driver", "frozen_accuracy", "shuffled_accuracy", "factor", "saturated", "objects")


def damages(values: Any, name: str = "") -> Iterator[Any]:
    """Yield the JSON document with one thing wrong: a value, a missing key, an unknown one."""
    if isinstance(values, dict) and name != "values":
        is_mapping = name in MAPPINGS
        if not is_mapping:
            required = [key for key, item in values.items() if item is not None]
            yield from ({key: item for key, item in values.items() if key != left_out} for left_out in required)
            yield values | {"unknown": 1}
        for key, item in values.items():
            inside = name if is_mapping and not isinstance(item, dict) else key
            yield from (values | {key: damaged} for damaged in wrong(item, inside))
            yield from (values | {key: damaged} for damaged in damages(item, inside))
    elif isinstance(values, list) and values:
        yield from ([*values[:-1], damaged] for damaged in wrong(values[-1], name))
        yield from ([*values[:-1], damaged] for damaged in damages(values[-1], name))


def wrong(value: Any, name: str) -> Iterator[Any]:
    if value is None:
        return
    yield from (item for item in TYPED[type(value)] if item is not None or name not in OPTIONAL)
    if isinstance(value, float) and name not in MAY_BE_NEGATIVE:
        yield -0.5
    if name.endswith(SHARES):
        yield 7.5
    if "sha256" in name and isinstance(value, str):
        yield from ("", "c" * 63, "C" * 64, f"{'c' * 63}\n")
    if name in ("title", "classes", "slot"):
        yield from ("", " ", "a\nb", "\x1b[2J", "\u202eabc")
    if name in ("study", "variant"):
        yield from ("", "../x", "a b", "a" * 300)


@pytest.mark.parametrize("name", RECORDS)
def test_no_wrong_value_of_a_record_is_read(tmp_path: Path, name: str) -> None:
    path, kind = tmp_path / "record.json", type(RECORDS[name])
    document = RECORDS[name].model_dump(mode="json")
    path.write_text(json.dumps(document))
    assert records.read(path, kind) == RECORDS[name]
    for damaged in damages(document):
        path.write_text(json.dumps(damaged))
        refused(lambda: records.read(path, kind), tmp_path, f"record.json is not a {kind.__name__}: ")


@pytest.mark.parametrize(
    ("name", "keys", "value", "problem"),
    [
        ("run", ["best_validation_epoch"], 5, "best_validation_epoch is 5, more than epochs, 4"),
        ("run", ["best_validation_accuracy"], 0.5, "validation_accuracy is 0.755, more than best_validation_accuracy"),
        ("ablation", ["slots", 0, "dead_units"], 3, "slots.0: Value error, dead_units is 3, more than hidden_units, 2"),
        ("cost", ["attention_parameters"], 2_000_000, "attention_parameters is 2000000, more than parameters, 1148914"),
        ("cost", ["attention_macs"], 20_000_000, "attention_macs is 20000000, more than macs, 12060000"),
        ("latency", ["inference", 0, "p90_ms"], 0.1, "median_ms is 0.8, more than p90_ms, 0.1"),
        (
            "maps",
            ["scores", "blocks", "block1", "objects"],
            None,
            "either all blocks and the other maps have scores on",
        ),
        ("data", ["mean"], [0.5], "1 means and 3 stds of 3 channels"),
    ],
)
def test_values_of_a_record_fit_together(tmp_path: Path, name: str, keys: list[Any], value: Any, problem: str) -> None:
    document = values = RECORDS[name].model_dump(mode="json")
    for key in keys[:-1]:
        values = values[key]
    values[keys[-1]] = value
    path = tmp_path / "record.json"
    path.write_text(json.dumps(document))
    with pytest.raises(UserError, match=re.escape(problem)):
        records.read(path, type(RECORDS[name]))


def test_every_kind_of_record_is_tried_many_times() -> None:
    assert {type(record) for record in RECORDS.values()} == set(KINDS)
    tried = {name: len(list(damages(record.model_dump(mode="json")))) for name, record in RECORDS.items()}
    assert sum(tried.values()) > 800, tried


READERS: dict[str, Callable[[Path], object]] = {
    **{kind.__name__: lambda path, kind=kind: records.read(path, kind) for kind in KINDS},
    "views": lambda path: views.load(path, variant="cbam", seed=0, classes=made_study.CLASSES),
    "correct": lambda path: read_correct(path, 999),
    "epochs": lambda path: read_epochs(path, 2),
    "dvc.lock": read_entries,
}
CONTENTS = {
    "nothing": b"",
    "random bytes": bytes(range(256)),
    "null bytes": bytes(100),
    "a word": b"word",
    "an open brace": b"{",
    "a list": b"[]",
    "null": b"null",
    "a number": b"1",
    "UTF-16": '{"study": "s"}'.encode("utf-16"),
    "ten thousand brackets": b"[" * 10_000,
    "ten thousand keys": b'{"a":' * 10_000,
    "a conflict in git": b"<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> x\n",
    "a Python object": b"a: !!python/object/apply:os.system ['touch P']\n",
    "a pickle": b"cos\nsystem\n(S'touch P'\ntR.",
}


@pytest.mark.parametrize("reader", READERS)
def test_other_bytes_are_refused(tmp_path: Path, reader: str) -> None:
    path = tmp_path / "file"
    for content in CONTENTS.values():
        path.write_bytes(content)
        refused(lambda: READERS[reader](path), tmp_path, str(path))


@pytest.mark.parametrize("reader", [name for name in READERS if name != "dvc.lock"])
def test_what_is_no_file_is_refused(tmp_path: Path, reader: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "broken").symlink_to("nothing")
    for name in ("missing", "folder", "pipe", "device", "loop", "broken", "folder/missing", "missing/file"):
        refused(lambda name=name: READERS[reader](tmp_path / name), tmp_path, name)


ROW = EpochRow(1, 0.1, 2.0, 0.5, 1.0, 0.25)
HEADER = "epoch,learning_rate,train_loss,train_accuracy,validation_loss,validation_accuracy\n"
TABLES = {
    "no row": "",
    "one row": "1,0.1,2,0.5,1,0.25\n",
    "a row twice": "1,0.1,2,0.5,1,0.25\n" * 2,
    "a third row": "1,0.1,2,0.5,1,0.25\n2,0.1,2,0.5,1,0.25\n3,0.1,2,0.5,1,0.25\n",
    "rows in another order": "2,0.1,2,0.5,1,0.25\n1,0.1,2,0.5,1,0.25\n",
    "NaN": "1,0.1,2,0.5,1,0.25\n2,0.1,nan,0.5,1,0.25\n",
    "infinity": "1,0.1,2,0.5,1,0.25\n2,0.1,2,0.5,inf,0.25\n",
    "an accuracy in percent": "1,0.1,2,50,1,25\n2,0.1,2,0.5,1,0.25\n",
    "a negative loss": "1,0.1,-2,0.5,1,0.25\n2,0.1,2,0.5,1,0.25\n",
    "a cell too few": "1,0.1,2,0.5,1,0.25\n2,0.1,2,0.5,1\n",
    "a cell too many": "1,0.1,2,0.5,1,0.25\n2,0.1,2,0.5,1,0.25,7\n",
    "text": "1,0.1,2,0.5,1,0.25\n2,0.1,two,0.5,1,0.25\n",
    "an open quote": '1,0.1,2,0.5,1,0.25\n2,0.1,"2,0.5,1,0.25\n',
}


@pytest.mark.parametrize("name", TABLES)
def test_a_damaged_curve(tmp_path: Path, name: str) -> None:
    path = tmp_path / "results/small/curves/se-0/epochs.csv"
    write_epochs(path, [ROW])
    assert read_epochs(path, 1) == [ROW]
    path.write_text(HEADER + TABLES[name])
    refused(lambda: read_epochs(path, 2), tmp_path, "epochs.csv")
    with pytest.raises(UserError, match=r"; delete it and train the run again with `attnbench run small`$"):
        read_epochs(path, 2)


def changed(name: str, change: Callable[[np.ndarray], np.ndarray], part: str = "") -> Callable[[Views], None]:
    """Return a function that changes one array of views, or of their block or gate `part`."""

    def apply(made: Views) -> None:
        owner = made.blocks.get(part) or made.gates.get(part) or made
        vars(owner)[name] = change(getattr(owner, name))

    return apply


def with_first(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array = array.copy()
        array.flat[0] = value
        return array

    return change


VIEWS: dict[str, tuple[Callable[[Views], None], str]] = {
    "labels out of range": (changed("labels", with_first(3)), "labels reach from"),
    "a negative label": (changed("labels", with_first(-1)), "labels reach from -1"),
    "a prediction out of range": (changed("predicted", with_first(10)), "predicted reach from"),
    "a probability of two": (changed("probability", with_first(2)), "probability reach from"),
    "an infinite probability": (changed("probability", with_first(np.inf)), "probability reach from"),
    "a probability that is no number": (changed("probability", with_first(np.nan)), "probability contains NaN"),
    "a negative row": (changed("index", with_first(-5)), "index reach from -5"),
    "no image": (changed("images", lambda array: array[:0]), "images has the shape (0,"),
    "fewer images than labels": (changed("images", lambda array: array[:1]), "images has the shape (1,"),
    "images without channels": (changed("images", lambda array: array[:, 0]), "images is uint8"),
    "images as numbers": (changed("images", lambda array: array.astype(np.float32)), "images is float32"),
    "labels in 32 bits": (changed("labels", lambda array: array.astype(np.int32)), "labels is int32"),
    "heat maps of another size": (
        changed("grad_cam", lambda array: array[:, :3], "block1"),
        "blocks/block1/grad_cam has the shape",
    ),
    "heat maps that are no numbers": (
        changed("grad_cam", with_first(np.nan), "block2"),
        "blocks/block2/grad_cam contains NaN",
    ),
    "feature maps of fewer images": (
        changed("features", lambda array: array[:1], "block1"),
        "blocks/block1/features has the shape",
    ),
    "a gate of another rank": (
        changed("channel", lambda array: array[..., None], "block1.after_pool"),
        "gates/block1.after_pool/channel is float16",
    ),
    "a gate that is no number": (
        changed("spatial", with_first(np.nan), "block1.after_pool"),
        "gates/block1.after_pool/spatial contains NaN",
    ),
}


@pytest.mark.parametrize("name", VIEWS)
def test_damaged_views_are_neither_written_nor_read(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    change, expected = VIEWS[name]
    made, path = made_study.views(STUDY, "cbam"), tmp_path / "cbam.safetensors"
    change(made)
    refused(lambda: views.save(path, made), tmp_path, expected)
    with monkeypatch.context() as patched:
        patched.setattr(views, "_problem", lambda _: None)
        views.save(path, made)
    refused(lambda: views.load(path, variant="cbam", seed=0, classes=made_study.CLASSES), tmp_path, expected)


@pytest.mark.parametrize(
    "owner", [{"variant": "se"}, {"seed": 1}, {"classes": ["a", "b", "c"]}, {"classes": made_study.CLASSES[:2]}]
)
def test_the_views_of_another_run_or_other_images(tmp_path: Path, owner: dict[str, Any]) -> None:
    path = tmp_path / "cbam.safetensors"
    views.save(path, made_study.views(STUDY, "cbam"))
    right: dict[str, Any] = {"variant": "cbam", "seed": 0, "classes": made_study.CLASSES}
    assert views.load(path, **right).variant == "cbam"
    refused(lambda: views.load(path, **right | owner), tmp_path, "belongs to variant 'cbam', seed 0, 3 classes")


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b'{"outs": 3}', b'{"outs": [3]}', b"[" * 10_000])
def test_what_was_kept_of_a_lock_is_ignored_if_it_is_damaged(tmp_path: Path, content: bytes) -> None:
    paths, lock = StudyPaths("small", tmp_path), tmp_path / "dvc.lock"
    lock.write_text("schema: '2.0'\nstages: {}\n")
    for run in ("se-0", "se", "se-x"):
        paths.lock_entry(run).parent.mkdir(parents=True, exist_ok=True)
        paths.lock_entry(run).write_bytes(content)
    assert put_back(tmp_path, lock, paths) is None


@pytest.mark.parametrize("field", ["mean", "spread"])
def test_what_no_record_can_hold_is_not_recorded(tmp_path: Path, field: str) -> None:
    """As from a checkpoint whose weights are NaN."""

    def compute() -> None:
        with recordable("ablate"):
            Quantity(**{"mean": 0.5, "spread": 0.1, "saturated": None} | {field: float("nan")})

    refused(compute, tmp_path, f"stage ablate computed what no Quantity can hold: {field}: Input should be a finite")


@pytest.mark.parametrize(
    "call", ["import sys\nsys.exit()", "exit(0)", "raise SystemExit", "1 / 0", "import sys; sys.exit(3)"]
)
def test_a_module_that_ends_python(tmp_path: Path, call: str) -> None:
    path = tmp_path / "gate.py"
    path.write_text(call)

    def load() -> None:
        with blamed(path, "cannot be imported"):
            runpy.run_path(str(path))

    refused(load, tmp_path, "cannot be imported: ")


LOCKS = {
    "a list of stages": "stages: [1, 2]\n",
    "no stages": "schema: '2.0'\n",
    "a stage without a mapping": "stages: {data: 3}\n",
    "outputs without a list": "stages: {data: {outs: 3}}\n",
    "an output without a path": "stages: {data: {outs: [{md5: x}]}}\n",
    "a hash that is a number": "stages: {data: {outs: [{path: a, md5: 3}]}}\n",
    "one side of a conflict": "stages:\n  data:\n    cmd: x\n>>>>>>> theirs\n",
    "an alias to itself": "stages: &a [*a]\n",
}


@pytest.mark.parametrize("name", LOCKS)
def test_a_damaged_lock(tmp_path: Path, name: str) -> None:
    path = tmp_path / "dvc.lock"
    path.write_text(LOCKS[name])
    refused(lambda: read_entries(path), tmp_path, f"git checkout HEAD -- {path}")
