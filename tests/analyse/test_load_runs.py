"""Which records are accepted: all that the study names, and none that was made from anything else."""

import re
from typing import Any

import pytest

from attnbench.analyse.costs import load_costs, load_latency
from attnbench.analyse.plots import learning_frame
from attnbench.analyse.runs import load_runs
from attnbench.errors import UserError


@pytest.fixture
def made(make: Any) -> Any:
    """A study of three variants and three seeds."""
    return make(variants=["baseline", "se", "cbam"])


def test_all_runs_in_the_order_of_params(made: Any) -> None:
    runs = [(run.variant, run.seed) for run in load_runs(made.study, made.paths)]
    assert runs == [(variant, seed) for variant in ("baseline", "se", "cbam") for seed in (0, 1, 2)]


def test_a_run_that_params_no_longer_names_is_ignored(made: Any) -> None:
    fewer = made.study.model_copy(update={"seeds": [0, 2]})
    assert {run.seed for run in load_runs(fewer, made.paths)} == {0, 2}


def test_all_missing_runs_are_named_with_the_command(made: Any) -> None:
    made.paths.record("cbam", 0).unlink()
    made.paths.record("se", 2).unlink()
    expected = (
        "2 of the 9 runs of study 'made_up' are missing: se-2, cbam-0. Make them with: "
        "dvc repro studies/made_up/dvc.yaml:train@se-2 studies/made_up/dvc.yaml:train@cbam-0"
    )
    with pytest.raises(UserError, match=re.escape(expected)):
        load_runs(made.study, made.paths)


@pytest.mark.parametrize(
    ("field", "name", "source"),
    [
        ("data", "images", r".*data\.json"),
        ("code", "code", r".*code/train/cbam\.json"),
        ("params", "values in params.yaml", r"studies/made_up/params\.yaml"),
    ],
)
def test_a_run_made_from_something_else_is_refused(made: Any, field: str, name: str, source: str) -> None:
    made.change("cbam", 1, identity={field: "9" * 64})
    reason = rf"made from different {name} \(SHA-256 999999999999, but {source} has [0-9a-f]{{12}}\)"
    with pytest.raises(UserError, match=rf"1 of the 9 runs do not belong.*\n.*cbam-1\.json: {reason}"):
        load_runs(made.study, made.paths)


@pytest.mark.parametrize(("field", "value"), [("study", "other"), ("variant", "se"), ("seed", 7)])
def test_the_record_of_another_run_is_refused(made: Any, field: str, value: str | int) -> None:
    made.change("cbam", 1, **{field: value})
    with pytest.raises(UserError, match=r"cbam-1\.json: it belongs to run .*\n.*train@cbam-1$"):
        load_runs(made.study, made.paths)


def test_all_foreign_runs_are_named(made: Any) -> None:
    made.change("cbam", 1, identity={"data": "9" * 64, "code": "9" * 64})
    made.change("se", 0, identity={"params": "9" * 64})
    with pytest.raises(UserError) as caught:
        load_runs(made.study, made.paths)
    text = str(caught.value)
    assert text.startswith("2 of the 9 runs do not belong to study 'made_up' as it is now:")
    assert "made from different images" in text
    assert "; made from different code" in text
    assert text.endswith("dvc repro studies/made_up/dvc.yaml:train@se-0 studies/made_up/dvc.yaml:train@cbam-1")


def test_other_classes_are_refused(made: Any) -> None:
    made.change("se", 0, per_class_accuracy={"ring": 1.0})
    with pytest.raises(UserError, match=r"se-0\.json: its classes are \['ring'\], those of the images"):
        load_runs(made.study, made.paths)


def test_a_run_of_another_machine_is_accepted(made: Any) -> None:
    environment = made.run("se", 0).identity.environment.model_copy(update={"processor": "Other CPU"})
    made.change("se", 0, identity={"environment": environment})
    assert len(load_runs(made.study, made.paths)) == 9


@pytest.mark.parametrize(("text", "problem"), [(None, "is missing; `dvc repro`"), ("{}", "is not a code fingerprint")])
def test_a_fingerprint_that_cannot_be_read(made: Any, text: str | None, problem: str) -> None:
    path = made.paths.code("train", "se")
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(UserError, match=rf"se\.json {problem}"):
        load_runs(made.study, made.paths)


def test_missing_costs_are_named(made: Any) -> None:
    made.paths.cost("se").unlink()
    with pytest.raises(UserError, match=r"the cost of 'se' is missing\. Count it with: .*cost@se$"):
        load_costs(made.study, made.paths)


def test_the_cost_of_another_variant_is_refused(made: Any) -> None:
    made.paths.cost("se").write_bytes(made.paths.cost("cbam").read_bytes())
    with pytest.raises(UserError, match=r"se\.json belongs to variant 'cbam' of study 'made_up', not to variant 'se'"):
        load_costs(made.study, made.paths)


def test_the_latency_of_another_study_is_refused(made: Any) -> None:
    other = made.study.model_copy(update={"name": "other"})
    with pytest.raises(UserError, match=r"latency\.json belongs to study 'made_up', not to study 'other'\. Measure it"):
        load_latency(other, made.paths)


def test_a_latency_that_lacks_a_variant_or_a_training_step_is_refused(made: Any) -> None:
    variants = {**made.study.variants, "eca": made.study.variants["se"]}
    recipe = made.study.recipe.model_copy(update={"batch_size": 16})
    lacking = "lacks eca at batch size 1, eca at batch size 64, the training step of .*16.* Measure it again with: "
    with pytest.raises(UserError, match=lacking):
        load_latency(made.study.model_copy(update={"variants": variants, "recipe": recipe}), made.paths)


def test_a_missing_curve_is_named(made: Any) -> None:
    made.paths.epochs("se", 1).unlink()
    with pytest.raises(UserError, match=r"se-1/epochs\.csv is missing\. Make it with: dvc repro .*train@se-1$"):
        learning_frame(made.study, made.paths)
