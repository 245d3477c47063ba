"""Processes of a run are killed at random moments; then one command ends the study as if nothing had happened.

KILLS=60 SEED=0 python -m pytest tests/run/test_kills.py -n0 -s -m slow
"""

import os
import random
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from .conftest import Project, is_alive, new_project, processes_in

KILLS, SEED = int(os.environ.get("KILLS", "60")), int(os.environ.get("SEED", "0"))
WRITTEN = {
    "dvc.lock": 20,
    ".dvc/cache": 60,
    "rwlock": 80,
    ".dvc/tmp": 100,
    "results/small/": 30,
    "work/small/": 30,
}  # which write
WRITTEN_BY_DVC = {"dvc.lock": 15, ".dvc/cache": 40, "rwlock": 60, ".dvc/tmp": 60}
REFUSALS_OF_DVC = ("'./dvc.lock' validation failed", "Unable to read RWLock-file '.dvc/tmp/rwlock'")
COMPARED = ("data", "results", "reports", "runs", ".dvc/cache")

CLOCK = """
import os, time
real = time.time
time.time = lambda: real() + float(os.environ.get("AHEAD", "0"))
"""
DAY = 86400.0  # seconds

pytestmark = pytest.mark.slow


def content(project: Project) -> dict[str, bytes]:
    """Return the files that a run writes, and the entries of dvc.lock, which are in the order of their ends.

    What a process was writing when it was killed stays as *.tmp, which git and DVC ignore.
    """
    files = {
        path.relative_to(project.root).as_posix(): path.read_bytes()
        for folder in COMPARED
        for path in (project.root / folder).rglob("*")
        if path.is_file() and ".tmp" not in str(path)
    }
    entries = (project.root / "dvc.lock").read_text().split("\n  ")
    names = [number for number, line in enumerate(entries) if line.rstrip().endswith(":") and line[0] != " "]
    blocks = ["\n  ".join(entries[start:end]).strip() for start, end in zip(names, [*names[1:], None], strict=True)]
    return files | {"dvc.lock": "\n".join(sorted(blocks)).encode()}


def two_projects(folder: Path, **changes: Any) -> tuple[Project, Project]:
    """Return a project in which the study ran, and one in which it never did."""
    for name in ("expected", "killed"):
        (folder / name).mkdir()
    expected, project = new_project(folder / "expected", **changes), new_project(folder / "killed", **changes)
    expected.call("attnbench", "run", "--jobs", "2")
    return expected, project


def remove(project: Project) -> None:
    """Remove all that a study has written, so that it can be run again."""
    (project.root / "dvc.lock").unlink()
    for folder in COMPARED:
        shutil.rmtree(project.root / folder)


def processes(driver: "subprocess.Popen[str]") -> list[int]:
    """Return the processes of a run: the driver, its server, and the cells."""
    found, waiting = [driver.pid], [driver.pid]
    while waiting:
        done = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(waiting.pop())], check=False, capture_output=True, text=True
        )
        children = [int(word) for word in done.stdout.split()]
        found += children
        waiting += children
    return found


def test_kills_at_random_moments_change_no_byte(tmp_path: Path) -> None:
    began = time.monotonic()
    expected, project = two_projects(tmp_path)
    longest = (time.monotonic() - began) / 4  # until a kill
    generator = random.Random(SEED)
    kills = {"driver": 0, "server": 0, "cell": 0}
    finished = 0
    while sum(kills.values()) < KILLS:
        driver = project.start("attnbench", "run", "--jobs", "2")
        while driver.poll() is None and sum(kills.values()) < KILLS:
            number = generator.randrange(3)
            time.sleep(generator.uniform(0, longest))
            while len(alive := list(filter(is_alive, processes(driver)))) <= number and driver.poll() is None:
                time.sleep(0.2)  # a run that has just started has no cells
            if driver.poll() is not None:
                break
            with suppress(ProcessLookupError):
                os.kill(alive[number], signal.SIGKILL)
                kills[list(kills)[number]] += 1
            if number == 0:
                driver.wait()
                deadline = time.monotonic() + 20
                while any(map(is_alive, alive)):
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
        output, _ = driver.communicate(timeout=1200)
        print(kills)
        assert "error: " not in output
        if driver.returncode == 0:
            assert content(project) == content(expected), output
            finished += 1
            remove(project)
    project.call("attnbench", "run", "--jobs", "2")
    assert content(project) == content(expected)
    print(f"{finished + 1} studies finished")


def test_kills_while_a_file_is_written_change_no_byte(
    tmp_path: Path, without_torch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(Path(__file__).with_name("kill_while_writing.py"), without_torch / "sitecustomize.py")
    expected, project = two_projects(tmp_path)
    generator = random.Random(SEED)
    kills = dict.fromkeys(WRITTEN, 0)
    finished = 0
    while sum(kills.values()) < KILLS:
        part = generator.choice(list(WRITTEN))
        delay = generator.choice([0, generator.uniform(0, 0.005)])
        monkeypatch.setenv("KILL", f"{part} {generator.randint(1, WRITTEN[part])} {delay}")
        driver = project.start("attnbench", "run", "--jobs", "2")
        output, _ = driver.communicate(timeout=1200)  # ends when the cells have ended, too
        assert "error: " not in output, output
        kills[part] += driver.returncode == -signal.SIGKILL
        print(kills)
        if driver.returncode == 0:
            assert content(project) == content(expected), output
            finished += 1
            remove(project)
        else:
            assert driver.returncode == -signal.SIGKILL, output
    monkeypatch.delenv("KILL")
    project.call("attnbench", "run", "--jobs", "2")
    assert content(project) == content(expected)
    print(f"{finished + 1} studies finished")


def test_kills_of_dvc_repro_change_no_byte(
    tmp_path: Path, without_torch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where `dvc repro` then refuses a file that it had been writing, `attnbench run` repairs it."""
    shutil.copy(Path(__file__).with_name("kill_while_writing.py"), without_torch / "sitecustomize.py")
    expected, project = two_projects(tmp_path, seeds=[0])
    generator = random.Random(SEED)
    kills = dict.fromkeys(["at a random moment", *WRITTEN_BY_DVC], 0)
    refusals = dict.fromkeys(REFUSALS_OF_DVC, 0)
    while sum(kills.values()) < KILLS:
        part = generator.choice([*kills])
        with monkeypatch.context() as patch:
            if part in WRITTEN_BY_DVC:
                delay = generator.choice([0, generator.uniform(0, 0.005)])
                patch.setenv("KILL", f"{part} {generator.randint(1, WRITTEN_BY_DVC[part])} {delay}")
            process = project.start("dvc", "repro")
        if part not in WRITTEN_BY_DVC:
            time.sleep(generator.uniform(0, 8))
            process.kill()
        said, _ = process.communicate(timeout=300)  # ends when the stage that DVC had started has ended, too
        kills[part] += process.returncode == -signal.SIGKILL
        if process.returncode > 0:
            (refusal,) = [text for text in refusals if text in said]
            refusals[refusal] += 1
        if process.returncode == -signal.SIGKILL and sum(kills.values()) < KILLS and generator.random() < 0.7:
            continue  # with `dvc repro`
        output = project.call("attnbench", "run", "--jobs", "2")
        assert "dvc.lock had been cut short while DVC wrote it" in output or REFUSALS_OF_DVC[0] not in said
        assert content(project) == content(expected), output
        assert not processes_in(project.root)
        print(kills, refusals)
        remove(project)


def test_a_clock_that_is_set_back_after_a_kill_changes_no_byte(
    tmp_path: Path, without_torch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run finds every file dated a day ahead; a file has the time of the kernel, so the test sets that."""
    (without_torch / "sitecustomize.py").write_text(CLOCK)
    expected, project = two_projects(tmp_path, seeds=[0])
    (project.root / "slow").write_text("ablate@se-0")
    with monkeypatch.context() as patch:
        patch.setenv("AHEAD", str(DAY))
        process = project.start("attnbench", "run", "--jobs", "2")
    while not (project.root / "started/ablate@se-0").exists():
        assert process.poll() is None
        time.sleep(0.1)
    process.kill()
    process.communicate(timeout=60)
    (project.root / "slow").unlink()
    tomorrow = time.time() + DAY
    for path in project.root.rglob("*"):
        if not path.is_symlink() and ".git" not in path.parts:
            os.utime(path, (tomorrow, tomorrow))
    recorded = project.ran()
    project.call("attnbench", "run", "--jobs", "2")
    assert content(project) == content(expected)
    assert "train@se-0" in recorded
    assert "train@se-0" not in project.ran()
    assert "small is up to date" in project.call("attnbench", "run")
