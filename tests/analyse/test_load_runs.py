"""Which records are accepted: all that the study names, and none that was made from anything else."""

import re
from typing import Any

import pytest

from attnbench.analyse.costs import load_costs, load_latency, load_timings
from attnbench.analyse.plots import learning_frame
from attnbench.analyse.runs import load_runs
from attnbench.errors import UserError


@pytest.fixture
def made_two(make: Any) -> Any:
    """A study of the baseline and one other variant."""
    return make(variants=["baseline", "se"])


def test_all_runs_in_the_order_of_params(make: Any) -> None:
    made = make()
    found = [(run.variant, run.seed) for run in load_runs(made.study, made.paths)]
    assert found == [(variant, seed) for variant in made.study.variants for seed in (0, 1, 2)]


def test_a_run_that_params_no_longer_names_is_ignored(make: Any) -> None:
    made = make(seeds=3)
    fewer = made.study.model_copy(update={"seeds": [0, 2]})
    assert {run.seed for run in load_runs(fewer, made.paths)} == {0, 2}


def test_all_missing_runs_are_named_with_the_command(make: Any) -> None:
    made = make()
    made.paths.record("cbam", 0).unlink()
    made.paths.record("se", 2).unlink()
    expected = (
        "2 of the 24 runs of study 'made_up' are missing: se-2, cbam-0. Make them with: "
        "dvc repro studies/made_up/dvc.yaml:train@se-2 studies/made_up/dvc.yaml:train@cbam-0"
    )
    with pytest.raises(UserError, match=re.escape(expected)):
        load_runs(made.study, made.paths)


def test_the_root_study_needs_no_path_in_its_command(make: Any) -> None:
    made = make(root=".", params="params.yaml")
    made.paths.record("cbam", 0).unlink()
    with pytest.raises(UserError, match=r"Make them with: dvc repro train@cbam-0$"):
        load_runs(made.study, made.paths)


@pytest.mark.parametrize(
    ("field", "name", "source"),
    [
        ("data", "images", r".*data\.json"),
        ("code", "code", r".*code/train/cbam\.json"),
        ("params", "values in params.yaml", r"studies/made_up/params\.yaml"),
    ],
)
def test_a_run_made_from_something_else_is_refused(make: Any, field: str, name: str, source: str) -> None:
    made = make()
    made.change("cbam", 1, identity={field: "9" * 64})
    reason = rf"made from other {name} \(SHA-256 999999999999, but {source} has [0-9a-f]{{12}}\)"
    with pytest.raises(UserError, match=rf"1 of the 24 runs do not belong.*\n.*cbam-1\.json: {reason}"):
        load_runs(made.study, made.paths)


@pytest.mark.parametrize(("field", "value"), [("study", "other"), ("variant", "se"), ("seed", 7)])
def test_the_record_of_another_run_is_refused(make: Any, field: str, value: str | int) -> None:
    made = make()
    made.change("cbam", 1, **{field: value})
    with pytest.raises(UserError, match=r"cbam-1\.json: it is the record of run .*\n.*train@cbam-1$"):
        load_runs(made.study, made.paths)


def test_all_foreign_runs_are_named(make: Any) -> None:
    made = make()
    made.change("cbam", 1, identity={"data": "9" * 64, "code": "9" * 64})
    made.change("eca", 0, identity={"params": "9" * 64})
    with pytest.raises(UserError) as caught:
        load_runs(made.study, made.paths)
    text = str(caught.value)
    assert text.startswith("2 of the 24 runs do not belong to study 'made_up' as it is now:")
    assert "other images" in text
    assert "; made from other code" in text
    assert text.endswith("dvc repro studies/made_up/dvc.yaml:train@eca-0 studies/made_up/dvc.yaml:train@cbam-1")


def test_other_classes_are_refused(make: Any) -> None:
    made = make()
    made.change("se", 0, per_class_accuracy={"ring": 1.0})
    with pytest.raises(UserError, match=r"se-0\.json: its classes are \['ring'\], those of the images"):
        load_runs(made.study, made.paths)


def test_another_environment_is_no_reason_to_refuse(make: Any) -> None:
    made = make()
    environment = made.run("se", 0).identity.environment.model_copy(update={"processor": "Other CPU"})
    made.change("se", 0, identity={"environment": environment})
    assert len(load_runs(made.study, made.paths)) == 24


@pytest.mark.parametrize(("text", "said"), [(None, "is missing; `dvc repro`"), ("{}", "is no fingerprint of code")])
def test_a_fingerprint_that_cannot_be_read(make: Any, text: str | None, said: str) -> None:
    made = make()
    path = made.paths.code("train", "se")
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(UserError, match=rf"se\.json {said}"):
        load_runs(made.study, made.paths)


def test_missing_costs_are_named(make: Any) -> None:
    made = make()
    made.paths.cost("se").unlink()
    with pytest.raises(UserError, match=r"the cost of 'se' is missing\. Count it with: .*cost@se$"):
        load_costs(made.study, made.paths)


def test_the_cost_of_another_variant_is_refused(make: Any) -> None:
    made = make()
    made.paths.cost("se").write_bytes(made.paths.cost("cbam").read_bytes())
    with pytest.raises(UserError, match=r"se\.json is the cost of variant 'cbam' of study 'made_up'"):
        load_costs(made.study, made.paths)


def test_a_latency_that_lacks_a_variant_is_refused(make: Any) -> None:
    made = make(variants=["baseline", "se"])
    wider = make(variants=["baseline", "se", "eca"]).study
    make(variants=["baseline", "se"])
    with pytest.raises(UserError, match=r"lacks eca at batch size 1, eca at batch size 64\. Measure it again with: "):
        load_latency(wider, made.paths)


def test_missing_timings_are_named(made_two: Any) -> None:
    made_two.paths.timing("se", 0).unlink()
    with pytest.raises(UserError, match=r"the timing of se-0 is missing\. Train again with: dvc repro .*train@se-0$"):
        load_timings(made_two.study, made_two.paths)


def test_the_timing_of_another_run_is_refused(made_two: Any) -> None:
    made_two.paths.timing("se", 0).write_bytes(made_two.paths.timing("se", 1).read_bytes())
    with pytest.raises(UserError, match=r"se-0\.json is the timing of run se-1 of study 'made_up'\. Train again"):
        load_timings(made_two.study, made_two.paths)


def test_a_missing_curve_is_named(made_two: Any) -> None:
    made_two.paths.epochs("se", 1).unlink()
    with pytest.raises(UserError, match=r"se-1/epochs\.csv is missing\. Make it with: dvc repro .*train@se-1$"):
        learning_frame(made_two.study, made_two.paths)
