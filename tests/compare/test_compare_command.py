"""`attnbench compare`: what it prints, and the numbers that it writes."""

import json
import sys

import pytest
from git_repository import git
from made_records import make_run, write_runs

from attnbench.cli import main
from attnbench.report.formatting import MISSING

PRINTED = """\
A: made_up at revision first ({commit}), 2 runs
B: made_up in the working tree, 3 runs
Only in B, and left out: eca-0

Both sides were made from the same images, code, values in params.yaml and class of machine.

| Variant      |   n |   A, % |   B, % |   B - A, points |    95 % interval |     p |
|:-------------|----:|-------:|-------:|----------------:|-----------------:|------:|
| se           |   2 |  70.50 |  71.50 |           +1.00 | [-11.71, +13.71] | 0.500 |
| all variants |   2 |  70.50 |  71.50 |           +1.00 | [-11.71, +13.71] | 0.500 |

Differences are B minus A. Intervals are those of the paired t-test; each p is for its row only.
All variants: runs of one seed share initialisation, order and augmentation, so they are not independent.
Differences are averaged over the variants within each seed first, and the interval is over the seeds;
its n is the number of seeds that have a pair of every variant.

Checkpoints equal byte for byte: 1 of 2 pairs.
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


def test_without_an_interval_a_dash_is_printed(command, root):
    write_runs(root, [make_run("se", 0, 0.70), make_run("se", 1, 0.71), make_run("eca", 0, 0.5)])
    _, out = command("first:made_up", "made_up")
    (row,) = (line for line in out.splitlines() if line.startswith("| se "))
    assert row.replace("|", " ").split() == ["se", "2", "70.50", "70.50", "0.00", MISSING, MISSING]


def test_without_a_seed_of_all_variants_their_row_is_empty(command, root):
    write_runs(root, [make_run("se", 1, 0.8, study="other"), make_run("eca", 0, 0.8, study="other")])
    status, out = command("made_up", "other")
    (row,) = (line for line in out.splitlines() if line.startswith("| all variants "))
    assert row.replace("|", " ").split() == ["all", "variants", "0", *[MISSING] * 5]
    assert status == 0


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
        "n": 2,
        "accuracy_a": pytest.approx(0.705),
        "accuracy_b": pytest.approx(0.715),
        "difference": pytest.approx(0.01),
        "std": pytest.approx(0.02 / 2**0.5),
        "low": pytest.approx(0.01 - half, rel=1e-5),
        "high": pytest.approx(0.01 + half, rel=1e-5),
        "p": pytest.approx(0.5),
    }
    commit = git(root, "rev-parse", "first")
    assert (status, numbers) == (
        0,
        {
            "a": {"study": "made_up", "revision": "first", "commit": commit, "runs": 2, "leftover": []},
            "b": {"study": "made_up", "revision": None, "commit": None, "runs": 3, "leftover": []},
            "confidence": 0.9,
            "pairs": 2,
            "equal_checkpoints": 1,
            "only_a": [],
            "only_b": ["eca-0"],
            "inputs": {},
            "variants": {"se": row},
            "all_variants": row,
        },
    )


def test_numbers_that_need_more_seeds_are_null(command, root):
    write_runs(root, [make_run("se", 0, 0.8, study="other", precision="float32")])
    command("made_up", "other", "--json", str(root / "numbers.json"))
    numbers = json.loads((root / "numbers.json").read_text())
    assert {name for name, value in numbers["variants"]["se"].items() if value is None} == {"std", "low", "high", "p"}
    assert numbers["inputs"] == {"precision": {"a": ["bf16"], "b": ["float32"], "pairs": 1}}


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
