"""What more seeds would decide and cost, before anything is trained."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import params
import pytest
import torch
from made_study import make, make_in

from attnbench.errors import UserError
from attnbench.study import Study
from attnbench.study.repository import LocatedStudy
from attnbench.tools import plan
from attnbench.tools.match import AssumedImages

__all__ = ["make", "make_in"]


def located(root: Path, study: Study) -> LocatedStudy:
    return LocatedStudy(root, root / "params.yaml", study)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a training step of every variant take a second."""

    def step_times(study: Study, *_: Any) -> dict[tuple[str, int], list[float]]:
        return {(variant, study.recipe.batch_size): [900.0, 1000.0, 2000.0] for variant in study.variants}

    monkeypatch.setattr(plan.cost, "step_times", step_times)
    monkeypatch.setattr(plan.arithmetic, "set_up", lambda machine: None)


@pytest.mark.usefixtures("steps")
def test_half_widths_and_hours_before_anything_has_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnbench.machine.cores", lambda: 2)
    study = params.study(data={**params.study().data.model_dump(), "train_images": 64_000}, seeds=[0])
    lines = plan.text(located(tmp_path, study), plan.AssumedSpread(0.35, "stated")).splitlines()
    assert lines[0] == "small: 2 variants, 1 comparison(s) in one family at 95 % confidence, 1 epoch(s)"
    assert lines[1].endswith(": 0.35 percentage points (stated)")
    # 57,600 images without those for validation are 900 steps; 2 variants on 2 cores take 900 s a seed
    assert [line.split() for line in lines[3:7]] == [
        ["seeds", "runs", "hours", "GiB", "half-width", "why"],
        ["1", "2", "0.25", "0.02", "none", "params.yaml"],  # twice 1.15 million weights of four bytes, twice
        ["3", "6", "0.75", "0.05", "±1.23"],
        ["4", "8", "1.0", "0.07", "±0.79", "±1"],
    ]


@pytest.mark.usefixtures("steps")
def test_no_run_is_divided_among_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnbench.machine.cores", lambda: 64)
    study = params.study(data={**params.study().data.model_dump(), "train_images": 256_000}, seeds=[0])
    text = plan.text(located(tmp_path, study), None)
    assert "up to 64 run(s) in parallel" in text
    rows = [line.split()[:3] for line in text.splitlines()[4:8]]
    assert rows == [["1", "2", "1.0"], ["3", "6", "1.0"], ["5", "10", "1.0"], ["10", "20", "1.0"]]  # 3600 steps a run
    monkeypatch.setattr("attnbench.machine.cores", lambda: 4)
    rows = [line.split()[:3] for line in plan.text(located(tmp_path, study), None).splitlines()[4:8]]
    assert rows == [
        ["1", "2", "1.0"],
        ["3", "6", "2.0"],
        ["5", "10", "3.0"],
        ["10", "20", "5.0"],
    ]  # the last turn is short


@pytest.mark.usefixtures("steps")
def test_the_spread_of_a_trained_study_comes_with_its_limit(tmp_path: Path, make: Callable[..., Any]) -> None:
    made = make(variants=["baseline", "eca", "cbam"])
    spread = plan.spread_of(located(tmp_path, made.study))
    # residuals of 0.004, -0.002, 0.001 and 0.05, -0.01, 0.02 points of a hundred, 4 degrees of freedom
    assert spread.points == pytest.approx(1.5, abs=0.5)
    assert spread.limit == pytest.approx(spread.points * (4 / 1.6488) ** 0.5, rel=1e-3)  # chi-square table
    text = plan.text(located(tmp_path, params.study()), spread)
    assert "half-width at the limit" in text
    assert "±1 at the limit" in text


def test_a_study_without_a_spread_is_refused(tmp_path: Path, make: Callable[..., Any]) -> None:
    made = make(seeds=1, variants=["baseline", "se"])
    with pytest.raises(UserError, match=r"--like made_up: no spread can be estimated from its 1 complete seed\(s\)"):
        plan.spread_of(located(tmp_path, made.study))


def test_without_the_accelerator_or_the_images_the_table_has_no_hours(tmp_path: Path) -> None:
    folder = {"source": "folder", "path": "x", "title": "x", "provenance": "x", "split_seed": 0}
    text = plan.text(located(tmp_path, params.study(data=folder)), plan.AssumedSpread(0.3, "stated"))
    assert "hours are not known: the images are not counted yet; read them with: dvc repro data\n" in text
    assert "±" in text
    own = {"root": "../..", "params": "studies/small/params.yaml"}
    (tmp_path / "studies/small").mkdir(parents=True)
    other = LocatedStudy(tmp_path, tmp_path / own["params"], params.study(data=folder, **own))
    text = plan.text(other, plan.AssumedSpread(0.3, "stated"))
    command = "cp dvc.yaml studies/small/dvc.yaml && dvc repro studies/small/dvc.yaml:data"
    assert f"read them with: {command}\n" in text


def test_without_memory_for_a_step_the_table_has_no_hours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def step_times(*_: Any) -> None:
        raise torch.OutOfMemoryError("Tried to allocate 2 GiB")

    monkeypatch.setattr(plan.cost, "step_times", step_times)
    monkeypatch.setattr(plan.arithmetic, "set_up", lambda machine: None)
    text = plan.text(located(tmp_path, params.study()), None)
    assert "hours are not known: out of memory on " in text
    assert "(Tried to allocate 2 GiB); write a smaller `recipe: batch_size` in params.yaml\n" in text


def test_real_steps_are_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan.arithmetic, "set_up", lambda machine: None)  # other tests run in this process
    study = params.study(backbone={"name": "cnn", "options": {"width": 8, "hidden": 16}})
    assert plan.seconds_per_seed(located(tmp_path, study), AssumedImages()) > 0


@pytest.mark.usefixtures("steps")
def test_without_a_spread_there_are_hours_of_this_machine_and_no_half_widths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("attnbench.machine.processor", lambda: "Example CPU")
    monkeypatch.setattr("attnbench.machine.cores", lambda: 2)
    monkeypatch.setattr("attnbench.machine.load_average", lambda: 0.25)
    text = plan.text(located(tmp_path, params.study()), None)
    heads, row = (line.split() for line in text.splitlines()[3:5])
    assert heads == ["seeds", "runs", "hours", "GiB", "why"]
    assert [*row[:2], *row[3:]] == ["2", "4", "0.03", "params.yaml"]
    assert 0 <= float(row[2]) < 1
    assert "training steps of all runs as timed here (Example CPU, 2 core(s), load average 0.2), up to 2 run(s)" in text
    assert "±" not in text
    assert "half-width:" not in text


def test_a_study_that_was_not_trained_is_named_in_the_advice(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.json is missing; `attnbench run small` makes it"):
        plan.spread_of(located(tmp_path, params.study()))
