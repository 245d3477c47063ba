"""No more runs start at once than fit into memory, and what is expected is said."""

from pathlib import Path

import params
import pytest
from made_study import data_summary

from attnbench import records
from attnbench.records import CostRecord
from attnbench.run import memory
from attnbench.study import StudyPaths

GIB = 2**30
STUDY = params.study()


@pytest.fixture
def paths(tmp_path: Path) -> StudyPaths:
    """Return a study whose run of `se` takes 6 GiB in activations and 0.7 GiB else."""
    paths = StudyPaths(STUDY.name, tmp_path)
    records.write(paths.data_summary, data_summary(STUDY))
    for variant, size in (("baseline", 2**20), ("se", 2**26)):
        cost = CostRecord(
            study=STUDY.name,
            variant=variant,
            image_shape=(3, 32, 32),
            parameters=1000,
            attention_parameters=0,
            macs=1,
            attention_macs=0,
            pooling_operations=0,
            elementwise_operations=0,
            activation_bytes=size,
            attention_modules={},
        )
        records.write(paths.cost(variant), cost)
    return paths


@pytest.mark.parametrize(
    ("free", "chosen", "count", "text"),
    [
        (20, None, 2, "a run takes about 6.7 GiB of memory; 20.0 GiB are free\n"),
        (13, None, 1, "6.7 GiB of memory; 13.0 GiB are free, so 1 at once instead of 2\n"),
        (1, None, 1, "1.0 GiB are free, so 1 at once instead of 2\n"),
        (
            13,
            2,
            2,
            "warning: a run takes about 6.7 GiB of memory; 13.0 GiB are free, so 2 at once may not fit; --jobs 1",
        ),
    ],
)
def test_as_many_runs_start_as_fit(
    paths: StudyPaths,
    monkeypatch: pytest.MonkeyPatch,
    free: int,
    chosen: int | None,
    count: int,
    text: str,
) -> None:
    monkeypatch.setattr("attnbench.machine.available_memory", lambda: free * GIB)
    said: list[str] = []
    assert memory.runs_at_once(memory.estimate(STUDY, paths, {"baseline", "se"}), 2, chosen, said.append) == count
    assert text in said[0] + "\n"


def test_what_trains_nothing_is_not_estimated(paths: StudyPaths) -> None:
    assert memory.estimate(STUDY, paths, []) is None
    assert memory.estimate(STUDY, StudyPaths("other"), ["se"]) is None
