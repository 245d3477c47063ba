"""The engine on this machine, with commands that take no time; and that nothing of a run outlives it."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from attnbench.errors import UserError
from attnbench.run.claim import claimed_study
from attnbench.run.engine import PATIENCE, Cell, DiskFullError, LocalEngine
from attnbench.study import StudyPaths

WITH_CHILD = Cell("cell", ["sh", "-c", "sleep 60 & echo $$ $! > pids.new; mv pids.new pids; wait"])
RUN = f"""
from pathlib import Path
import signal
for number in (signal.SIGINT, signal.SIGQUIT):  # ignored where these tests run in the background of a shell
    signal.signal(number, signal.default_int_handler)
from attnbench.run.jobs import Cell, run_cells
run_cells([{WITH_CHILD}], [{{}}], Path(), Path("logs"))
"""


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def states(processes: list[int]) -> str:
    """Return the letters that the system has for processes, such as S for one that sleeps; Z is left out."""
    letters = ""
    for process in processes:
        stat = Path(f"/proc/{process}/stat")
        letters += stat.read_text().rpartition(")")[2].split()[0] if stat.exists() else ""
    return letters.replace("Z", "")


def started(folder: Path) -> list[int]:
    """Wait for the cell with a child; return both processes."""
    wait_until((folder / "pids").exists)
    return [int(word) for word in (folder / "pids").read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL])
def test_nothing_outlives_a_run(tmp_path: Path, number: signal.Signals) -> None:
    run = subprocess.Popen([sys.executable, "-c", RUN], cwd=tmp_path, stdout=subprocess.DEVNULL)
    processes = started(tmp_path)
    run.send_signal(number)
    assert run.wait(60) == (-number if number == signal.SIGKILL else 128 + number)
    wait_until(lambda: states(processes) == "")


def test_a_signal_that_is_ignored_from_the_start_stays_ignored(tmp_path: Path) -> None:
    code = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n{RUN}"  # as nohup does
    run = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.DEVNULL)
    processes = started(tmp_path)
    run.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert states([run.pid, *processes]) == "SSS"
    run.send_signal(signal.SIGTERM)
    assert run.wait(60) == 128 + signal.SIGTERM
    wait_until(lambda: states(processes) == "")


@pytest.mark.usefixtures("without_torch")
def test_a_cell_whose_libraries_are_being_imported_is_stopped_as_soon_as_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow.py").write_text("import time\nopen('importing', 'w').close()\ntime.sleep(1)\n")
    (tmp_path / "stage.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    began = time.monotonic()
    with LocalEngine([{}], tmp_path, tmp_path / "logs") as engine:
        future = engine.submit(Cell("cell", ["python", "stage.py"], ("slow",)))
        wait_until((tmp_path / "importing").exists)
        engine.stop()
        assert future.result(0).status in (-signal.SIGINT, 1)
    assert time.monotonic() - began < PATIENCE


def test_a_suspended_run_suspends_its_cells(tmp_path: Path) -> None:
    run = subprocess.Popen([sys.executable, "-c", RUN], cwd=tmp_path, stdout=subprocess.DEVNULL)
    processes = started(tmp_path)
    run.send_signal(signal.SIGTSTP)
    wait_until(lambda: states([run.pid, *processes]) == "TTT")
    run.send_signal(signal.SIGCONT)
    wait_until(lambda: states([run.pid, *processes]) == "SSS")
    run.send_signal(signal.SIGTSTP)
    wait_until(lambda: states([run.pid, *processes]) == "TTT")
    run.kill()
    run.wait()
    wait_until(lambda: states(processes) == "")


def test_a_server_that_is_killed_takes_its_cells_along_and_another_is_started(tmp_path: Path) -> None:
    with LocalEngine([{}], tmp_path, tmp_path / "logs") as engine:
        future = engine.submit(WITH_CHILD)
        processes = started(tmp_path)
        server = int(Path(f"/proc/{processes[0]}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(server, signal.SIGKILL)
        assert future.result(60).was_killed
        wait_until(lambda: states(processes) == "")
        assert engine.submit(Cell("next", ["true"])).result(60).status == 0
        assert engine.free == 1


def test_a_command_that_cannot_be_started_fails(tmp_path: Path) -> None:
    with LocalEngine([{}], tmp_path, tmp_path / "logs") as engine:
        assert engine.submit(Cell("cell", ["no_such_program"])).result(60).status == 1
        assert engine.log("cell").read_text() == "no_such_program cannot be started: No such file or directory\n"


@pytest.mark.usefixtures("without_torch")
@pytest.mark.parametrize("libraries", [(), ("torch",)])
def test_a_cell_has_the_environment_of_its_place(tmp_path: Path, libraries: Sequence[str]) -> None:
    (tmp_path / "print.py").write_text("import os, sys; print(os.environ['PLACE'], sys.argv[1:]); sys.exit(3)")
    with LocalEngine([{"PLACE": "first"}], tmp_path, tmp_path / "logs") as engine:
        ended = engine.submit(Cell("cell", ["python", "print.py", "se"], libraries)).result(60)
        assert (ended.status, ended.reason) == (3, "exit status 3")
        assert engine.log("cell").read_text() == "first ['se']\n"


def test_a_log_that_cannot_be_written_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        UserError, match=r"file/logs cannot be written, and nothing can run without its log: Not a directory; move"
    ):
        LocalEngine([{}], tmp_path, tmp_path / "file/logs")

    def full(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with LocalEngine([{}], tmp_path, tmp_path / "logs") as engine:
        with pytest.raises(DiskFullError, match=r"no space left for .*cell\.txt\. Free some space and run"):
            engine.submit(Cell("cell", ["true"]))
        assert engine.free == 1


def test_a_second_run_of_a_study_names_the_first(tmp_path: Path) -> None:
    paths = StudyPaths("small", tmp_path)
    with (
        claimed_study(paths),
        pytest.raises(UserError, match=rf"'small' is being run by process {os.getpid()}, .* Wait until it has ended"),
        claimed_study(paths),
    ):
        pass
    with claimed_study(paths):  # the file that is left behind holds nothing
        pass
