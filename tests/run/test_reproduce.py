"""`attnbench run` on a small graph: what runs, in which order, and what is left when something fails."""

import os
import signal
import time
from pathlib import Path
from typing import Protocol

import pytest
from processor_time import cpu_seconds

from attnbench.run import reproduce as pipeline

RUNS = ["train@baseline-0", "train@baseline-1", "train@se-0", "train@se-1"]
ALL = sorted(
    [
        *("code@baseline", "code@se", "data", "cost@baseline", "cost@se"),
        *("latency", "views@baseline", "views@se", "report"),
        *RUNS,
    ]
)


class Project(Protocol):
    root: Path

    def ran(self) -> list[str]: ...
    def spans(self) -> list[tuple[str, float, float]]: ...
    def command(self, *arguments: str): ...  # type: ignore[no-untyped-def]


def test_a_first_run_makes_everything_and_a_second_nothing(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (project.root / "meet").write_text(" ".join(RUNS[:2]))  # each waits for the other: fails unless side by side
    assert pipeline.reproduce(None, 2, project.root)
    said = capsys.readouterr().out
    assert "small: 2 side by side; output goes to work/small/log/" in said
    assert "done   train@se-1" in said
    assert "(6 of 6)" in said
    assert "small is done: reports/small/REPORT.md" in said
    spans = project.spans()
    assert sorted(name for name, _, _ in spans) == ALL
    [(began, ended)] = [span[1:] for span in spans if span[0] == "latency"]
    assert all(end <= began or begin >= ended for name, begin, end in spans if name != "latency")

    lock = (project.root / "dvc.lock").read_bytes()
    began = cpu_seconds()
    process = project.command("run")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.endswith("small is up to date: reports/small/REPORT.md\n")
    assert cpu_seconds() - began < 2.5
    assert project.ran() == []
    assert (project.root / "dvc.lock").read_bytes() == lock

    (project.root / "words").write_text("b")
    assert pipeline.reproduce("small", 2, project.root)
    assert project.ran() == ["report"]


def test_a_failing_run_stops_no_other(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    (project.root / "broken").write_text("train@se-0")
    assert not pipeline.reproduce(None, 2, project.root)
    said = capsys.readouterr().out
    assert "FAILED train@se-0" in said
    assert "| train@se-0 is broken on purpose" in said
    assert "views@se is skipped: what it needs failed" in said
    assert "small: failed: train@se-0; see work/small/log/" in said
    assert "is broken on purpose" in (project.root / "work/small/log/train@se-0.txt").read_text()
    assert project.ran() == sorted(set(ALL) - {"train@se-0", "views@se", "latency", "report"})

    (project.root / "broken").unlink()
    assert pipeline.reproduce(None, 2, project.root)
    assert project.ran() == ["latency", "report", "train@se-0", "views@se"]


def test_nothing_runs_when_the_preparation_fails(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    (project.root / "broken").write_text("data")
    process = project.command("run", "--jobs", "1")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "| data is broken on purpose" in out
    assert "small: failed: preparation" in out
    assert set(project.ran()) <= {"code@baseline", "code@se"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_no_orphan(project: Project, number: signal.Signals) -> None:
    (project.root / "slow").write_text(" ".join(RUNS))
    process = project.command("run", "--jobs", "2")
    started = [project.root / "started" / name for name in RUNS[:2]]
    deadline = time.monotonic() + 60
    while not all(path.exists() and path.read_text() for path in started):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    pids = [int(path.read_text()) for path in started]
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert "stopped; 6 not finished" in out
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_wrong_study_is_refused_before_anything_runs(project: Project) -> None:
    path = project.root / "params.yaml"
    path.write_text(path.read_text().replace("attention: se", "attention: sse"))
    began = cpu_seconds()
    process = project.command("run")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out.startswith("error: params.yaml:10:8: variants.se.attention: no attention module 'sse'")
    assert cpu_seconds() - began < 2
    assert not (project.root / "started").exists()


def test_a_lock_file_cut_short_is_named_with_its_remedy(project: Project) -> None:
    (project.root / "dvc.lock").write_text("schema: '2.0'\nstages:\n  data:\n    cm")
    process = project.command("run")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out.startswith("error: DVC cannot read dvc.yaml: ")
    assert out.endswith("Take back the last good one with `git checkout` of that dvc.lock\n")
