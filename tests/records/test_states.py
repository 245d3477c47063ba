"""The state of a finished run stays until a dvc.lock names the run, and dvc.lock's entry stays in its place."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_records import IDENTITY, make_run
from ruamel.yaml import YAML

from attnbench import records
from attnbench.records import TimingRecord, tensors
from attnbench.records.lock import Entry, md5_of
from attnbench.records.states import Finished, StateHeader, describes_files, release_recorded
from attnbench.study import StudyPaths

RECORD = make_run("se", 0, 0.5, study="small")
TIMING = TimingRecord(
    study="small", variant="se", seed=0, seconds_per_epoch=[1.5], evaluation_seconds=[0.5], total_seconds=2.5,
    images_per_second=100.0, continued_after=0, load_average=0.5, cores=2, processor="Example CPU @ 2.0 GHz",
)  # fmt: skip
FINISHED = Finished(record=RECORD, timing=TIMING)


@pytest.fixture
def paths(tmp_path: Path) -> StudyPaths:
    """The files of a study with one run that has finished."""
    paths = StudyPaths("small", tmp_path)
    for path in paths.outputs("se", 0):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    records.write(paths.record("se", 0), RECORD)
    records.write(paths.timing("se", 0), TIMING)
    save(paths, FINISHED)
    return paths


def save(paths: StudyPaths, finished: Finished | None) -> None:
    header = StateHeader(run="se-0", format=1, identity=IDENTITY, values={}, finished=finished, sha256="")
    tensors.write(paths.unfinished("se", 0), {"weights": np.zeros(3)}, header.model_dump(mode="json"))


def entry(paths: StudyPaths) -> Entry:
    """Return what DVC writes for the run into dvc.lock."""
    outs = [{"path": path.relative_to(paths.root).as_posix(), "md5": md5_of(path)} for path in paths.outputs("se", 0)]
    return {"cmd": "python stages/train.py params.yaml se 0", "outs": outs}


def release(paths: StudyPaths, recorded: Any) -> bool:
    """Write a dvc.lock, or none; return whether the state is gone then."""
    lock = paths.root / "dvc.lock"
    if recorded is not None:
        YAML().dump({"schema": "2.0", "stages": {"train@se-0": recorded}}, lock)
    release_recorded(paths, lock)
    return not paths.unfinished("se", 0).exists()


def test_a_recorded_run_needs_no_state_and_its_entry_is_kept(paths: StudyPaths) -> None:
    assert not release(paths, None)
    assert release(paths, entry(paths))
    assert json.loads(paths.lock_entry("se-0").read_text()) == entry(paths)
    assert describes_files(entry(paths), paths, "se-0")
    assert release(paths, entry(paths))  # without a state this does nothing


def of_another_run(entry: Entry) -> None:
    entry["outs"][0]["md5"] = "0" * 32


def of_another_timing(entry: Entry) -> None:
    entry["outs"][1]["md5"] = "0" * 32


def cut_after_a_file(entry: Entry) -> None:
    del entry["outs"][-1]


def cut_in_a_hash(entry: Entry) -> None:
    entry["outs"][-1]["md5"] = "a" * 8


@pytest.mark.parametrize("change", [of_another_run, of_another_timing, cut_after_a_file, cut_in_a_hash])
def test_an_entry_of_another_run_or_cut_short_releases_nothing(
    paths: StudyPaths, change: Callable[[Entry], None]
) -> None:
    other = copy.deepcopy(entry(paths))
    change(other)
    assert not release(paths, other)
    assert not describes_files(other, paths, "se-0")
    assert not paths.lock_entries.exists()


def test_a_state_in_training_or_damaged_stays(paths: StudyPaths) -> None:
    save(paths, None)
    assert not release(paths, entry(paths))
    paths.unfinished("se", 0).write_bytes(b"half")
    assert not release(paths, entry(paths))
