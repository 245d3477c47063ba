"""`attnbench run`: what runs, in which order, and what is left when something fails."""

import errno
import os
import signal
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

import params
import pytest
from dvc.exceptions import CacheLinkError

from attnbench.records.lock import ENTRY, read_entries
from attnbench.run.engine import Cell, DiskFullError
from attnbench.run.jobs import run_cells
from attnbench.run.project import Project as DvcProject
from attnbench.run.reproduce import reproduce

from .conftest import Project

pytestmark = [
    pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning"),  # of a package that DVC uses
    pytest.mark.usefixtures("without_torch"),  # a run in this process would import it for stand-ins
]

RUNS = ["train@baseline-0", "train@se-0", "train@baseline-1", "train@se-1"]  # seed by seed
BY_VARIANT = [f"{stage}@{variant}" for stage in ("cost", "views") for variant in ("baseline", "se")]
EVALUATIONS = [name.replace("train", stage) for name in RUNS for stage in ("ablate", "robustness", "maps")]
ALL = sorted(["data", "ready", "latency", "analyse", "report", *BY_VARIANT, *RUNS, *EVALUATIONS])


def recorded(project: Project) -> tuple[list[str], list[str]]:
    """Return the entries of dvc.lock, sorted since they are in the order in which stages ended, and the cache."""
    text, cache = (project.root / "dvc.lock").read_text(), project.root / ".dvc/cache"
    starts = [0, *(match.start() for match in ENTRY.finditer(text)), len(text)]
    files = [path.relative_to(cache).as_posix() for path in cache.rglob("*") if path.is_file()]
    return sorted(text[start:end] for start, end in pairwise(starts)), sorted(files)


def test_a_share_without_the_first_seed_says_that_it_has_no_report(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    for outcome in ("done", "up to date"):
        assert reproduce(None, 2, project.root, [1])
        expected = (
            f"small is {outcome}: tables only: a report needs the networks of seed 0; `attnbench merge` brings them\n"
        )
        assert capsys.readouterr().out.endswith(expected)
    assert not (project.root / "reports/small/REPORT.md").exists()


def test_a_first_run_makes_everything_and_a_second_nothing(
    project: Project, finished: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.root / "meet").write_text(" ".join(RUNS[:2]))  # each waits for the other: fails unless in parallel
    (project.root / "reports/old").mkdir(parents=True)
    (project.root / "reports/old/results.csv").write_text("study,kind\nold,baseline\n")
    assert reproduce(None, 2, project.root)
    output = capsys.readouterr().out
    assert "warning: " in output
    assert "reports/old/results.csv is not what a report writes" in output
    assert "small: up to 2 stages at once; logs in work/small/log/" in output
    assert "done   train@se-1" in output
    assert "small is done: reports/small/REPORT.md" in output
    assert [word for line in output.splitlines() if "start  train" in line for word in line.split()[2:]] == RUNS
    spans = project.spans()
    assert sorted(name for name, _, _ in spans) == ALL
    [(began, ended)] = [span[1:] for span in spans if span[0] == "latency"]
    assert all(end <= began or begin >= ended for name, begin, end in spans if name != "latency")

    assert recorded(project) == recorded(finished)  # by `dvc repro`
    lock = (project.root / "dvc.lock").read_bytes()
    assert reproduce(None, 2, project.root)
    assert capsys.readouterr().out.endswith("small is up to date: reports/small/REPORT.md\n")
    assert project.ran() == []
    assert (project.root / "dvc.lock").read_bytes() == lock
    with monkeypatch.context() as patch:
        patch.setattr("attnbench.run.reproduce.Project", None)  # DVC is not asked again
        assert reproduce(None, 2, project.root)

    project.edit("stages/report.py", "BEGAN = time.time()", "BEGAN = time.time() - 1")
    assert reproduce("small", 2, project.root)
    assert project.ran() == ["report"]


def test_a_failing_run_stops_no_other_and_whole_seeds_can_be_reported(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (project.root / "broken").write_text("train@se-1")
    assert not reproduce(None, 2, project.root)
    output = capsys.readouterr().out
    assert "FAILED train@se-1" in output
    assert "| train@se-1 is broken on purpose" in output
    assert "failed: train@se-1  work/small/log/train@se-1.txt: train@se-1 is broken on purpose" in output
    skipped = "ablate@se-1, robustness@se-1, maps@se-1, analyse, report"
    assert f"skipped because a dependency failed: {skipped}" in output
    assert "`attnbench run small --jobs 2 --seeds 0` makes a report of the seeds that are whole" in output
    assert "small: failed: train@se-1; see work/small/log/, fix the cause and run this again" in output
    assert "is broken on purpose" in (project.root / "work/small/log/train@se-1.txt").read_text()
    needing = ["ablate@se-1", "robustness@se-1", "maps@se-1"]
    assert project.ran() == sorted(set(ALL) - {"train@se-1", *needing, "analyse", "report"})

    assert reproduce(None, 2, project.root, [0])
    assert project.ran() == ["analyse", "report"]
    (project.root / "broken").unlink()
    assert reproduce(None, 2, project.root)
    assert project.ran() == sorted(["train@se-1", *needing, "analyse", "report"])


def test_whole_seeds_are_offered_only_after_failures_of_runs(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (project.root / "broken").write_text("ablate@se-0 latency")  # no share of the seeds can do without latency
    assert not reproduce("small", None, project.root)
    assert "of the seeds that are whole" not in capsys.readouterr().out
    (project.root / "broken").write_text("ablate@se-0")
    assert not reproduce("small", None, project.root, allow_missing=True)
    assert "`attnbench run small --seeds 1 --allow-missing` makes tables of the seeds" in capsys.readouterr().out


def test_missing_or_bad_images_leave_the_record_of_the_last_ones_and_nothing_runs(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    images = {"source": "folder", "path": "pets", "title": "Pets", "provenance": "Mine.", "split_seed": 0}
    params.write(project.root, data=images)
    record = project.root / "results/small/data.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    assert not reproduce(None, 1, project.root)
    output = capsys.readouterr().out
    for word in ("FAILED", "failed:"):
        assert f"{word} data  data: path: 'pets' does not exist ({project.root}/pets). Put the images there" in output
    assert "start  data" not in output
    assert record.exists()
    (project.root / "pets").mkdir()
    (project.root / "broken").write_text("data")
    process = project.start("attnbench", "run", "--jobs", "1")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "| data is broken on purpose" in output
    assert "small: failed: data; " in output
    assert record.exists()
    assert project.ran() == []


def test_a_warning_of_a_job_that_succeeded_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["printf", "line\\nwarning: 24 files are left out\\n"]
    assert run_cells([Cell("data", command)], [{}], tmp_path, tmp_path / "logs") == []
    *_, last = capsys.readouterr().out.splitlines()
    assert last.endswith("  warning: 24 files are left out")


def test_a_stop_says_how_to_go_on_and_leaves_no_orphan(project: Project) -> None:
    (project.root / "slow").write_text(" ".join(RUNS))
    process = project.start("attnbench", "run", "--jobs", "2", "--allow-missing")
    started = [project.root / "started" / name for name in RUNS[:2]]
    deadline = time.monotonic() + 120
    while not all(path.exists() and path.read_text() for path in started):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    pids = [int(path.read_text()) for path in started]
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGINT
    assert (
        "stopped; at most 20 not finished. `attnbench run small --jobs 2 --allow-missing` goes on from here" in output
    )
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_an_invalid_study_is_refused_before_anything_runs(project: Project) -> None:
    params.write(project.root, variants={"baseline": {"attention": "none"}, "se": {"attention": "sse", "site": "x"}})
    process = project.start("attnbench", "run")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert output.startswith("error: params.yaml:")
    assert "no attention module 'sse'" in output
    assert not (project.root / "started").exists()


def test_nothing_trains_if_a_variant_cannot_be_counted(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    (project.root / "broken").write_text("cost@se")
    assert not reproduce(None, 2, project.root)
    assert project.ran() == ["cost@baseline", "data", "latency"]
    skipped = ", ".join(["ready", *RUNS[:2], *EVALUATIONS[:5]])
    assert f"skipped because a dependency failed: {skipped} and 13 more" in capsys.readouterr().out
    process = project.start("dvc", "repro")
    process.communicate(timeout=120)
    assert process.returncode != 0
    assert project.ran() == []


def test_a_dvc_command_beside_a_run_delays_only_what_it_runs_which_is_not_run_again(project: Project) -> None:
    project.call("dvc", "repro", "-q", "ready")
    project.ran()
    (project.root / "meet").write_text(" ".join(RUNS[:2]))  # the first ends when the second has started
    beside = project.start("dvc", "repro", "-q", "-s", RUNS[0])
    while not (project.root / "started" / RUNS[0]).exists():
        assert beside.poll() is None
        time.sleep(0.01)
    output = project.call("attnbench", "run", "--jobs", "2")
    said, _ = beside.communicate()
    assert beside.returncode == 0, said
    assert "waiting: another DVC command has to end first (process " in output
    assert f"start  {RUNS[0]}" not in output
    assert [name for name in project.ran() if name.startswith("train")] == sorted(RUNS)


def test_a_full_disk_stops_what_has_not_started(project: Project) -> None:
    (project.root / "full").write_text(RUNS[1])
    message = r"^a disk is full, so nothing more was started \(No space left on device: '\.dvc.*stopped ones resume$"
    with pytest.raises(DiskFullError, match=message):
        reproduce(None, 1, project.root)
    assert [name for name in project.ran() if name.startswith("train")] == RUNS[:1]
    recorded_runs = [name for name in read_entries(project.root / "dvc.lock") if name.startswith("train")]
    assert recorded_runs == RUNS[:1]  # it is not trained again


def test_a_full_disk_that_no_log_can_name_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**arguments: Any) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(DiskFullError, match=r"nothing more was started \(No space left on device: .*logs\)\. Free"):
        run_cells([Cell("first", ["false"]), Cell("second", ["touch", "started"])], [{}], tmp_path, tmp_path / "logs")
    assert not (tmp_path / "started").exists()


def test_a_full_disk_that_dvc_takes_for_one_without_links_is_noticed(
    finished: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any, **options: Any) -> NoReturn:
        raise CacheLinkError(["runs/small"])

    def full(**arguments: Any) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("dvc.stage.Stage.save", fail)
    with DvcProject(finished.root, "dvc.yaml") as opened:
        assert "No possible cache link types" in opened.record(["cost@se"])["cost@se"]
        monkeypatch.setattr(tempfile, "TemporaryFile", full)
        with pytest.raises(DiskFullError, match=r"No space left on device: .*results/small"):
            opened.record(["cost@se"])


def test_a_lock_file_with_a_conflict_is_left_as_it_is(project: Project) -> None:
    text = "schema: '2.0'\nstages:\n<<<<<<< HEAD\n  data:\n    cmd: x\n=======\n  code:\n"
    (project.root / "dvc.lock").write_text(text)
    process = project.start("attnbench", "run")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "dvc.lock cannot be read: git left a conflict in it, first in line 3. Where the two sides have" in output
    assert output.count("\n") == 1
