"""The simulation behind docs/scaling.md agrees with what can be calculated, and the table there is what it prints."""

import runpy
from typing import Any

import pytest

from . import documents

FOLDER = documents.ROOT / "docs/simulations"
SCALE: Any = runpy.run_path(str(FOLDER / "scale.py"))
CELLS = SCALE["CELLS"]


@pytest.mark.parametrize(
    ("runs", "workers", "costs", "expected"),
    [
        (100, 8, {}, 13 * 60),  # rounds of equal runs
        (100, 100, {"start": 2}, 100 * 2 + 60),  # handed out one after another
        (100, 4, {"start": 2}, 24 * 62 + 4 * 2 + 60),  # the others wait while the first of a round is handed out
        (100, 100, {"load": 0.5}, 100 * CELLS * 0.5 + 60),
        (100, 100, {"start_per_open": 0.01}, CELLS * 0.01 * 5050 + 60),  # 100 + 99 + ... are left
        (100, 100, {"start_per_running": 0.01}, 0.01 * 4950 + 60),  # 0 + 1 + ... run
        (100, 100, {"images": 3}, 100 * 3 + 60),  # the last worker waits for the images of all others
        (100, 100, {"transfer": 5}, 60 + 100 * 5),
        (1, 1, {"record": 7, "record_per_entry": 0.5}, 60 + 7 + CELLS * 0.5),
        (100, 100, {"record": 7}, 60 + 100 * 7),
    ],
)
def test_equal_runs_take_what_can_be_calculated(
    runs: int, workers: int, costs: dict[str, float], expected: float
) -> None:
    result = SCALE["simulate"]([60.0] * runs, workers, SCALE["Costs"](**costs))
    assert result.seconds == pytest.approx(expected)
    assert result.workers == pytest.approx(runs * 60 / (workers * expected))


def test_the_table_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    SCALE["main"]()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > len(SCALE["TABLE"])
    assert "\n".join(lines) in documents.read("docs/scaling"), f"python {SCALE['__file__']}"
