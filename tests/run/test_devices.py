"""How parallel jobs share accelerators."""

import params
import pytest

from attnbench.errors import UserError
from attnbench.run import devices, engines
from attnbench.run.engine import Cell
from attnbench.run.graph import Stage
from attnbench.run.jobs import run_cells
from attnbench.study.repository import LocatedStudy

PAIR = [{"CUDA_VISIBLE_DEVICES": "GPU-a"}, {"CUDA_VISIBLE_DEVICES": "GPU-b"}]


@pytest.mark.parametrize(("device", "expected"), [("cuda", [*PAIR, PAIR[0]]), ("cuda:1", [{}] * 3), ("cpu", [{}] * 3)])
def test_jobs_spread_over_all_cards_unless_one_is_named(device, expected, monkeypatch):
    monkeypatch.setattr("attnbench.machine.cards", lambda: ["GPU-a", "GPU-b"])
    assert devices.environments(device, 3) == expected


def test_without_a_list_of_cards_torch_chooses(monkeypatch):
    monkeypatch.setattr("attnbench.machine.cards", list)
    assert devices.environments("cuda", 2) == [{}, {}]


def test_a_card_that_is_not_there_is_refused_before_anything_starts(tmp_path, monkeypatch):
    """Otherwise DVC would remove the outputs of a stage before it fails."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    machine = {"device": "cuda", "precision": "float32", "threads": 1}
    located = LocatedStudy(tmp_path, params.write(tmp_path, machine=machine), params.study(machine=machine))
    start = engines.local(located, 1, tmp_path)
    with pytest.raises(UserError, match="`machine: device: cuda`, but torch finds no CUDA device"):
        start([Stage("report", changed=True, stale=True), Stage("train@se-0", changed=True, stale=True)], print)
    with start([Stage("report", changed=True, stale=True), Stage("train@se-0", changed=False, stale=False)], print):
        pass  # nothing of this run needs a card


def test_a_job_that_starts_takes_the_card_of_one_that_has_ended(tmp_path):
    waits = "for _ in $(seq 600); do test -e third-ran && break; sleep 0.1; done"
    scripts = [waits, "true", "touch third-ran"]  # the third runs while the first does, on the second's card
    cells = [
        Cell(str(number), ["sh", "-c", f"echo $CUDA_VISIBLE_DEVICES; {script}"])
        for number, script in enumerate(scripts)
    ]
    assert run_cells(cells, PAIR, tmp_path, tmp_path) == []
    assert [(tmp_path / f"{number}.txt").read_text() for number in range(3)] == ["GPU-a\n", "GPU-b\n", "GPU-b\n"]
