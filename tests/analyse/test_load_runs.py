"""Which seeds are complete: those with records of all variants, made from what the study is now on one machine."""

import re
from typing import Any

import pytest

from attnbench import records
from attnbench.analyse.costs import load_costs, load_latency
from attnbench.analyse.plots import learning_frame
from attnbench.analyse.runs import load_blocks
from attnbench.errors import UserError
from attnbench.records import LatencyRecord


@pytest.fixture
def made(make: Any) -> Any:
    """A study of three variants and three seeds."""
    return make(variants=["baseline", "se", "cbam"])


def only(made: Any) -> tuple[str, str, bool]:
    """Return run, reason and `forced` of the one run that keeps its seed out, and check that only its seed is out."""
    blocks = load_blocks(made.study, made.paths)
    (row,) = blocks.left_out
    assert blocks.study.seeds == [seed for seed in made.study.seeds if seed != row.seed]
    assert {run.seed for run in blocks.runs} == set(blocks.study.seeds)
    return row.run, row.reason, row.forced


def test_all_runs_in_the_order_of_params(made: Any) -> None:
    blocks = load_blocks(made.study, made.paths)
    runs = [(run.variant, run.seed) for run in blocks.runs]
    assert runs == [(variant, seed) for variant in ("baseline", "se", "cbam") for seed in (0, 1, 2)]
    assert blocks.left_out == []


def test_a_run_that_params_no_longer_names_is_ignored(made: Any) -> None:
    fewer = made.study.model_copy(update={"seeds": [0, 2]})
    assert {run.seed for run in load_blocks(fewer, made.paths).runs} == {0, 2}


def test_a_missing_run_leaves_its_seed_out(made: Any) -> None:
    made.paths.record("se", 2).unlink()
    assert only(made) == ("se-2", "", False)


@pytest.mark.parametrize(
    ("field", "name", "source"),
    [
        ("data", "images", r".*data\.json"),
        ("code", "code", r".*code/train/cbam\.json"),
        ("params", "values in params.yaml", r"studies/made_up/params\.yaml"),
    ],
)
def test_a_run_made_from_something_else_leaves_its_seed_out(made: Any, field: str, name: str, source: str) -> None:
    made.change("cbam", 1, identity={field: "9" * 64})
    run, reason, forced = only(made)
    assert (run, forced) == ("cbam-1", False)
    assert re.fullmatch(
        rf"made from different {name} \(SHA-256 999999999999, but {source} has [0-9a-f]{{12}}\)", reason
    )


@pytest.mark.parametrize(("field", "value"), [("study", "other"), ("variant", "se"), ("seed", 7)])
def test_the_record_of_another_run_leaves_its_seed_out(made: Any, field: str, value: str | int) -> None:
    made.change("cbam", 1, **{field: value})
    assert only(made)[1].startswith("its record belongs to run ")


def test_other_classes_leave_a_seed_out(made: Any) -> None:
    made.change("se", 0, per_class_accuracy={"ring": 1.0})
    assert only(made)[1].startswith("its classes are ['ring'], those of the images")


def to_other_machine(made: Any, variant: str, seed: int) -> None:
    environment = made.run(variant, seed).identity.environment.model_copy(update={"processor": "Other CPU"})
    made.change(variant, seed, identity={"environment": environment})


def test_the_runs_of_a_seed_come_from_one_class_of_machine(made: Any) -> None:
    to_other_machine(made, "baseline", 1)
    assert only(made) == (
        "baseline-1",
        "made on another class of machine than se-1, which 2 of 3 usable runs of the seed share (processor Other CPU "
        "instead of Example CPU @ 2.0 GHz)",
        True,
    )


def test_of_two_classes_with_equally_many_runs_neither_is_said_to_have_most(made: Any) -> None:
    made.paths.record("cbam", 1).unlink()
    to_other_machine(made, "baseline", 1)
    reasons = {row.run: row.reason for row in load_blocks(made.study, made.paths).left_out}
    assert reasons["cbam-1"] == ""
    assert reasons["se-1"].startswith(
        "made on another class of machine than baseline-1, which 1 of 2 usable runs of the seed share (processor "
    )


def test_another_seed_may_come_from_another_class_of_machine(made: Any) -> None:
    for variant in made.study.variants:
        to_other_machine(made, variant, 1)
    assert load_blocks(made.study, made.paths).left_out == []


def test_without_a_complete_seed_every_run_is_named_with_its_command(made: Any) -> None:
    made.paths.record("cbam", 0).unlink()
    made.change("se", 1, identity={"data": "9" * 64, "code": "9" * 64})
    made.paths.record("se", 2).unlink()
    to_other_machine(made, "cbam", 1)
    made.change("baseline", 1, per_class_accuracy={"ring": 1.0})
    to_other_machine(made, "cbam", 2)
    with pytest.raises(UserError) as caught:
        load_blocks(made.study, made.paths)
    lines = str(caught.value).splitlines()
    assert lines[:2] == [
        "no seed of study 'made_up' has usable runs of all variants, so nothing can be compared:",
        "  no record of cbam-0, se-2",
    ]
    assert [line.partition(":")[0] for line in lines[2:5]] == ["  baseline-1", "  se-1", "  cbam-2"]
    assert "made from different images" in lines[3]
    assert "; made from different code" in lines[3]
    assert lines[5:] == [
        "Train them with: attnbench run made_up --allow-missing",
        "On the class of machine of the other runs, train with: dvc repro -f -s studies/made_up/dvc.yaml:train@cbam-2",
    ]


@pytest.mark.parametrize(
    ("text", "problem"), [(None, "is missing; `attnbench run"), ("{}", "is not a CodeFingerprint: sha256: Field")]
)
def test_a_fingerprint_that_cannot_be_read(made: Any, text: str | None, problem: str) -> None:
    path = made.paths.code("train", "se")
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(UserError, match=rf"se\.json {problem}"):
        load_blocks(made.study, made.paths)


def test_missing_costs_are_named(made: Any) -> None:
    made.paths.cost("se").unlink()
    with pytest.raises(UserError, match=r"cost/se\.json is missing\. Make what is missing with: .*cost@se$"):
        load_costs(made.study, made.paths)


def test_the_cost_of_another_variant_is_refused(made: Any) -> None:
    made.paths.cost("se").write_bytes(made.paths.cost("cbam").read_bytes())
    with pytest.raises(UserError, match=r"se\.json belongs to variant 'cbam' of study 'made_up', not to variant 'se'"):
        load_costs(made.study, made.paths)


def test_the_latency_of_another_study_is_refused(made: Any) -> None:
    other = made.study.model_copy(update={"name": "other"})
    with pytest.raises(UserError, match=r"latency\.json belongs to study 'made_up', not to study 'other'\. Measure it"):
        load_latency(other, made.paths)


def test_a_latency_with_fewer_rounds_for_one_variant_is_refused(made: Any) -> None:
    latency = records.read(made.paths.latency, LatencyRecord)
    short = latency.inference[0].model_copy(update={"round_ms": [[1.0, 2.0], [1.0]]})
    records.write(made.paths.latency, latency.model_copy(update={"inference": [short, *latency.inference[1:]]}))
    with pytest.raises(
        UserError, match=r"latency\.json has 2 \+ 1 and 6 \+ 6 .* rounds for variants at batch size 1, so"
    ):
        load_latency(made.study, made.paths)


def test_a_latency_that_lacks_a_variant_or_a_training_step_is_refused(made: Any) -> None:
    variants = {**made.study.variants, "eca": made.study.variants["se"]}
    recipe = made.study.recipe.model_copy(update={"batch_size": 16})
    lacking = "lacks eca at batch size 1, eca at batch size 64, the training step of .*16.* Measure it again with: "
    with pytest.raises(UserError, match=lacking):
        load_latency(made.study.model_copy(update={"variants": variants, "recipe": recipe}), made.paths)


def test_a_missing_curve_is_named(made: Any) -> None:
    made.paths.epochs("se", 1).unlink()
    with pytest.raises(UserError, match=r"se-1/epochs\.csv is missing\. Make .* with: dvc repro .*train@se-1$"):
        learning_frame(made.study, made.paths)
