"""What a run shows on a terminal, and without one."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from attnbench.records.curves import EpochRow
from attnbench.run.cell_times import Work, seconds_left
from attnbench.run.view import (
    CellProgress,
    LoggedEpoch,
    PlainView,
    Progress,
    TerminalView,
    last_epoch,
    render,
    view,
)
from attnbench.train.console import Lines as TrainingLines

TRAINING = CellProgress("train@se-0", 90.0, LoggedEpoch(3, 4, 61.25, 20.0), 16240)
OTHER = CellProgress("latency", 7.0, None, None)
PROGRESS = Progress(3, 9, 250.0, [TRAINING, OTHER])


def shown(progress: Progress, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    with console.capture() as capture:
        console.print(render(progress, width))
    return capture.get().splitlines()


def test_a_bar_and_a_line_for_each_running_cell() -> None:
    bar, *cells = shown(PROGRESS, 80)
    assert bar.rstrip() == "━" * 13 + " " * 28 + "3 of 9, about 4.2 min left"  # of 40 columns, a third
    assert cells == ["train@se-0  epoch 3/4  61.25 %  812 images/s", "latency  7 s"]


@pytest.mark.parametrize(("width", "count"), [(20, "3 of 9, about 4.2 m…"), (3, "3 …")])
def test_nothing_is_wider_than_the_terminal(width: int, count: str) -> None:
    lines = shown(PROGRESS, width)
    assert lines[0] == count
    assert len(lines) == 3
    assert max(map(len, lines)) == width


def test_the_time_left_is_unknown_before_an_epoch_has_ended() -> None:
    assert shown(Progress(0, 9, None, []), 80)[0].rstrip().endswith(" 0 of 9")


def test_the_last_epoch_is_read_from_the_lines_that_training_writes(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    assert last_epoch(log) is None
    with log.open("w") as stream:
        stream.write("warning: 24 files are left out\n")
        stream.flush()
        assert last_epoch(log) is None
        for epoch in (1, 2):
            row = EpochRow(epoch, 0.1, 2.3, 0.1, 2.2, epoch / 8)
            TrainingLines(4, stream).on_epoch_end(row, [2.3], 20.04)
        stream.write("epoch 3/4  train lo")
    assert last_epoch(log) == LoggedEpoch(2, 4, 25.0, 20.0)


def training(variant: str, seconds: float, epoch: LoggedEpoch | None = None) -> tuple[Work, CellProgress]:
    return ("train", variant), CellProgress(f"train@{variant}-0", seconds, epoch, None)


AFTER_HALF = training("se", 60.0, LoggedEpoch(2, 4, 50.0, 30.0))


def test_the_time_left_is_that_of_what_waits_and_what_runs() -> None:
    took = {("train", "se"): [90.0, 110.0], ("cost", "se"): [2.0]}
    assert seconds_left([("train", "se"), ("train", "se"), ("cost", "se")], [], took, 2, 2) == (100 + 100 + 2) / 2
    assert seconds_left([], [training("se", 60.0)], took, 1, 1) == 40
    assert seconds_left([], [], took, 2, 2) == 0
    assert seconds_left([("train", "se")], [training("se", 60.0)], {}, 1, 1) is None
    assert seconds_left([("train", "se"), ("train", "se")], [AFTER_HALF], {}, 2, 2) == (120 + 120 + 60) / 2


def test_a_run_takes_as_long_as_others_of_its_variant_or_as_an_average_variant() -> None:
    took = {("train", "baseline"): [100.0] * 3, ("train", "cbam"): [200.0]}
    assert seconds_left([("train", "cbam"), ("train", "baseline")], [], took, 1, 1) == 200 + 100
    assert seconds_left([("train", "se")], [], took, 1, 1) == 150
    assert seconds_left([("train", "se"), ("train", "se")], [AFTER_HALF], took, 1, 1) == 120 + 120 + 60


def test_one_cell_runs_on_one_worker() -> None:
    assert seconds_left([], [AFTER_HALF], {}, 8, 8) == 60
    assert seconds_left([("train", "se")], [AFTER_HALF], {}, 2, 2) == 120


def test_fewer_runs_train_at_once_where_memory_is_short() -> None:
    took = {("train", "se"): [100.0], ("robustness", "se"): [10.0]}
    waiting = [*[("train", "se")] * 4, *[("robustness", "se")] * 8]
    assert seconds_left(waiting, [], took, 4, 4) == (4 * 100 + 8 * 10) / 4
    assert seconds_left(waiting, [], took, 4, 2) == 4 * 100 / 2


def test_a_terminal_keeps_the_lines_and_clears_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = io.StringIO()
    with TerminalView(Console(file=stream, force_terminal=True, width=20, highlight=False)) as terminal:
        terminal.show(lambda: PROGRESS)
        terminal.say("done   train@baseline-0  12 s  (3 of 9)")
    text = stream.getvalue()
    assert "done   train@baseline-0  12 s  (3 of 9)\n" in text  # the terminal breaks it, so that it can be copied whole
    assert "train@se-0  epoch 3…" in text
    assert "\x1b[3" not in text  # no colours
    assert text.endswith("\x1b[2K")  # the line is erased


def test_without_a_terminal_there_are_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with view() as lines:
        assert isinstance(lines, PlainView)
        lines.show(lambda: pytest.fail("nothing reads logs for it"))
        lines.say("start  data")
    assert capsys.readouterr().out[8:] == "  start  data\n"
