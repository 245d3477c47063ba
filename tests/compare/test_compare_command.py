"""`attnbench compare`: what it prints, and the numbers that it writes."""

import json
import sys

import pytest
from git_repository import git
from made_records import ENVIRONMENT, make_run, write_runs

from attnbench import records
from attnbench.cli import main
from attnbench.records import CostRecord, LatencyRecord, LatencyRow
from attnbench.report.formatting import MISSING
from attnbench.study import StudyPaths

PRINTED = """\
A: made_up at revision first ({commit}), 2 runs
B: made_up in the working tree, 3 runs
Runs of B that are left out: eca-0

Both sides were made from the same images, code, values in params.yaml and class of machine.

| Variant   |   n |   A, % |   B, % |   B - A, points |    95 % interval |         B is |
|:----------|----:|-------:|-------:|----------------:|-----------------:|-------------:|
| `se`      |   2 |  70.50 |  71.50 |           +1.00 | [-11.71, +13.71] | inconclusive |

Differences are B minus A, paired by variant and seed. Seeds are blocks: intervals pool the spread
of all variants of both sides (moderated block t), and are simultaneous at the stated confidence.
B is `identical` where all runs of a variant ended with the same weights.
Checkpoints equal byte for byte: 1 of 2 pairs.

Parameters, operations and activation memory of the variants that both sides counted are equal.

Times are not compared: they need a latency record of both sides, measured on one class of machine.
"""


TIMES = """\
Times:

| Variant   |   Batch |   Time of |   A, ms |   B, ms |   B / A |   B / A to the baseline, 95 % interval |   B is |
|:----------|--------:|----------:|--------:|--------:|--------:|---------------------------------------:|-------:|
| `plain`   |      64 | inference |    2.00 |    2.00 |   1.000 |                                      - |      - |
| `se`      |      64 | inference |    4.00 |    5.00 |   1.250 |                   1.250 [1.242, 1.258] | slower |

The sides were measured apart: whatever slowed the whole machine during one measurement is in `B / A`.
It cancels in the ratio to the time of `plain`, which the last two columns compare. Intervals come
from the differences between processes (Welch), and are simultaneous (Bonferroni).
"""


@pytest.fixture
def command(root, monkeypatch, capsys):
    """Return a function that runs the command in a folder of the repository and returns its status and output."""
    (root / "studies").mkdir()
    monkeypatch.chdir(root / "studies")

    def run(*arguments: str) -> tuple[object, str]:
        monkeypatch.setattr(sys, "argv", ["attnbench", "compare", *arguments])
        with pytest.raises(SystemExit) as exit_info:
            main()
        return exit_info.value.code, capsys.readouterr().out

    return run


def test_a_commit_is_compared_with_the_working_tree(command, root):
    status, out = command("first:made_up")
    assert (status, out) == (0, PRINTED.format(commit=git(root, "rev-parse", "first")[:12]))


def test_identical_runs_have_a_dash_for_an_interval(command, root):
    write_runs(root, [make_run("se", 0, 0.70), make_run("se", 1, 0.71), make_run("eca", 0, 0.5)])
    _, out = command("first:made_up", "made_up")
    (row,) = (line for line in out.splitlines() if line.startswith("| `se` "))
    assert row.replace("|", " ").split() == ["`se`", "2", "70.50", "70.50", "0.00", MISSING, "identical"]


def test_other_seeds_are_compared_unpaired_and_it_is_said(command, root):
    write_runs(root, [make_run("se", seed, 0.8, study="other") for seed in (5, 6, 7)])
    status, out = command("made_up", "other")
    assert status == 0
    assert "| `se`      | 2, 3 |  71.50 |  80.00 |" in out
    assert "unpaired: the sides do not share two seeds" in out


def test_worse_variants_decide_the_exit_status_where_asked(command, root):
    runs = [("se", 0, 0.80), ("se", 1, 0.81), ("se", 2, 0.79)]
    write_runs(root, [make_run(*run, study="before") for run in runs])
    write_runs(root, [make_run(name, seed, value - 0.3 - 0.01 * seed, study="after") for name, seed, value in runs])
    assert command("before", "after")[0] == 0
    assert command("after", "before", "--fail-on", "worse")[0] == 0
    status, out = command("before", "after", "--fail-on", "worse", "--json", "numbers.json")
    assert status == 3
    assert " worse " in out
    assert json.loads((root / "studies" / "numbers.json").read_text())["variants"]["se"]["verdict"] == "worse"
    assert command("before", "after", "--fail-on", "worse", "--margin", "60")[0] == 0  # equivalent


def test_a_comment_is_recognised_by_its_first_line_and_fits(command, root):
    names = [f"variant_with_a_rather_long_name_{number}" for number in range(250)]
    write_runs(root, [make_run(name, seed, 0.7 + 0.1 * seed, study="before") for name in names for seed in (0, 1)])
    write_runs(root, [make_run(name, seed, 0.7, study="after") for name in names for seed in (0, 1, 2)])
    status, _ = command("before", "after", "--markdown", "comment.md")
    text = (root / "studies" / "comment.md").read_text()
    assert status == 0
    assert text.startswith("<!-- attnbench compare after -->\n\n### `after`: accuracy of B minus A\n\n")
    assert 12_000 < len(text) < 65_000
    assert "more lines" in text
    assert text.count("```") == 2
    assert text.endswith("</details>\n")


def test_costs_are_compared_exactly_and_times_on_one_machine(command, root):
    for study, parameters, cores, ms in [
        ("before", 1000, 2, 4.0),
        ("after", 1200, 2, 5.0),
        ("elsewhere", 1000, 8, 5.0),
    ]:
        write_runs(root, [make_run("se", 0, 0.7, study=study)])
        records.write(StudyPaths(study, root).cost("se"), cost(study, parameters))
        records.write(StudyPaths(study, root).latency, latency(study, cores, ms))
    params = root / "studies" / "after" / "params.yaml"
    params.parent.mkdir()
    params.write_text("name: after\nbaseline: plain\nseeds: [0]\nvariants: {plain: , se: }\n")
    _, out = command("before", "after", "--json", "numbers.json")
    assert "| `se`      | parameters | 1,000 | 1,200 |" in out
    assert TIMES in out.replace(MISSING, "-")
    times = json.loads((root / "studies" / "numbers.json").read_text())["times"]
    assert [(row["ratio"], row["relative"], row["verdict"]) for row in times] == [
        (1.0, None, None),
        (1.25, pytest.approx(1.25), "slower"),
    ]
    _, out = command("before", "elsewhere")
    assert "Parameters, operations and activation memory of the variants that both sides counted are equal." in out
    assert "Times are not compared" in out
    StudyPaths("after", root).latency.write_text("{}")  # an older format
    records.write(StudyPaths("after", root).cost("eca"), cost("after", 1).model_copy(update={"variant": "eca"}))
    for sides in (["before", "after"], ["after", "before"]):
        assert "Times are not compared" in command(*sides)[1]


def cost(study, parameters):
    counts = dict.fromkeys(["attention_parameters", "macs", "attention_macs", "pooling_operations"], 1)
    counts |= {"elementwise_operations": 1, "activation_bytes": 1, "parameters": parameters}
    return CostRecord(study=study, variant="se", image_shape=(3, 8, 8), attention_modules={}, **counts)


def latency(study, cores, ms):
    rows = [
        LatencyRow(variant=name, batch_size=64, median_ms=median, iqr_ms=0.1, p90_ms=median, round_ms=by_process)
        for name, median, by_process in [("plain", 2.0, [[2.0], [2.0]]), ("se", ms, [[ms], [1.002 * ms]])]
    ]
    times = {"inference": rows, "training_step": []}
    return LatencyRecord(study=study, environment=ENVIRONMENT, cores=cores, load_average=0.1, **times)


def test_different_inputs_are_printed(command, root):
    other = {"study": "other", "data": "0123456789abcdef" * 4, "code": "9" * 64, "threads": 2}
    runs = [make_run("se", 0, 0.8, precision="float32", **other), make_run("se", 1, 0.8, params="8" * 64, **other)]
    write_runs(root, runs)
    _, out = command("made_up", "other")
    assert out.split("\n\n")[1].splitlines() == [
        "The two sides were made from different inputs:",
        "  images: A dddddddddddd, B 0123456789ab",
        "  code: in 2 of 2 pairs",
        "  values in params.yaml: in 1 of 2 pairs",
        "  threads: A 1, B 2",
        "  precision: A bf16, B float32 (in 1 of 2 pairs)",
    ]


def test_the_numbers_are_written_in_full_precision(command, root):
    status, _ = command("first:made_up", "--json", "numbers.json", "--confidence", "0.9")
    numbers = json.loads((root / "studies" / "numbers.json").read_text())
    half = 6.313752 * 0.01  # t at 95 % for 1 degree of freedom, times std / sqrt(2)
    row = {
        "n_a": 2,
        "n_b": 2,
        "accuracy_a": pytest.approx(0.705),
        "accuracy_b": pytest.approx(0.715),
        "difference": pytest.approx(0.01),
        "standard_error": pytest.approx(0.01),
        "degrees_of_freedom": pytest.approx(1),
        "low": pytest.approx(0.01 - half, rel=1e-5),
        "high": pytest.approx(0.01 + half, rel=1e-5),
        "verdict": "inconclusive",
    }
    commit = git(root, "rev-parse", "first")
    assert (status, numbers) == (
        0,
        {
            "a": {"study": "made_up", "revision": "first", "commit": commit, "runs": 2, "leftover": []},
            "b": {"study": "made_up", "revision": None, "commit": None, "runs": 3, "leftover": []},
            "confidence": 0.9,
            "margin": None,
            "paired": True,
            "pairs": 2,
            "equal_checkpoints": 1,
            "only_a": [],
            "only_b": ["eca-0"],
            "inputs": {},
            "variants": {"se": row},
            "all_variants": None,
            "interactions": None,
            "counts": [],
            "times": None,
        },
    )


def test_numbers_that_need_more_seeds_are_null(command, root):
    write_runs(root, [make_run("eca", 0, 0.8, study="other", precision="float32")])
    command("made_up", "other", "--json", str(root / "numbers.json"))
    numbers = json.loads((root / "numbers.json").read_text())
    assert {name for name, value in numbers["variants"]["eca"].items() if value is None} == {
        *("standard_error", "degrees_of_freedom", "low", "high")
    }
    assert numbers["inputs"] == {"precision": {"a": ["bf16"], "b": ["float32"], "pairs": 1}}


@pytest.mark.parametrize("margin", ["0", "100", "nan"])
def test_a_margin_outside_0_to_100_is_refused(command, margin):
    status, _ = command("first:made_up", "--margin", margin)
    assert status == f"error: --margin: given {margin}; must lie between 0 and 100 percentage points, such as 0.5"


@pytest.mark.parametrize("confidence", ["0", "1", "95", "nan"])
def test_a_confidence_outside_0_to_1_is_refused(command, confidence):
    status, _ = command("first:made_up", "--confidence", confidence)
    assert status == f"error: --confidence: given {confidence}; must lie between 0 and 1, such as 0.95"


@pytest.mark.parametrize(
    ("sides", "where"),
    [
        (["made_up"], "in the working tree"),
        (["made_up", "made_up"], "in the working tree"),
        (["first:made_up", "first:made_up"], "at revision first"),
    ],
)
def test_a_side_is_not_compared_with_itself(command, sides, where):
    status, _ = command(*sides)
    message = f"error: both sides are study 'made_up' {where}; name another study, or a commit of it, such as "
    assert status == f"{message}HEAD~1:made_up"


def test_declared_interactions_are_printed_with_what_is_missing(command, root):
    accuracies = {
        "before": {"plain": [0.70, 0.71], "se": [0.72, 0.74]},
        "after": {"plain": [0.80, 0.81, 0.82], "se": [0.82, 0.82, 0.83]},
    }
    for study, variants in accuracies.items():
        for name, values in variants.items():
            write_runs(root, [make_run(name, seed, value, study=study) for seed, value in enumerate(values)])
    (root / "studies" / "after").mkdir()
    (root / "studies" / "after" / "params.yaml").write_text(
        "name: after\nbaseline: plain\nseeds: [0, 1, 2]\nvariants: {plain: , se: , eca: }\n"
        "interactions: {before: [se, eca]}\n"
    )
    status, out = command("before", "after", "--json", "numbers.json", "--markdown", "comment.md")
    numbers = json.loads((root / "studies" / "numbers.json").read_text())["interactions"]
    row = "| `se`      |   2 |       +2.50 |       +1.50 |           -1.00 | [-13.71, +11.71] |   inconclusive |"
    assert status == 0
    assert "\n\nInteractions, gains over `plain` in B minus those in A:\n\n| Variant " in out
    assert row in out
    assert row in (root / "studies" / "comment.md").read_text()
    assert "Declared, but A has no run of them and the baseline from one seed: eca\n" in out
    assert "Runs of B without a counterpart, in no interaction: plain-2, se-2\n" in out
    assert numbers["variants"]["se"]["difference"] == pytest.approx(-0.01)
    assert (numbers["missing"], numbers["only_b"]) == ({"A": ["eca"], "B": ["eca"]}, ["plain-2", "se-2"])
    StudyPaths("before", root).record("plain", 1).unlink()
    assert "They are unpaired: the sides do\nnot share" in command("before", "after")[1]
    StudyPaths("before", root).record("plain", 0).unlink()
    assert "no declared variant has a gain over `plain` in A and B." in command("before", "after")[1]
