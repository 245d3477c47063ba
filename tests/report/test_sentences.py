"""Every sentence of a report, for studies that end in different ways: `sentences/<case>.md`, without tables."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from made_inputs import made_inputs

from attnbench.report.inputs import Inputs
from attnbench.report.render import render

FIGURES = ("forest", "price", "frozen_and_shuffled", "gate_spread", "corruptions", "learning", "training_loss")


def decided() -> Inputs:
    """Every verdict, against the baseline and against each kind of control; several variants share most of them."""
    verdicts = {"se": "better", "eca": "better", "cbam": "worse", "gc": "inconclusive", "sge": "inconclusive"}
    verdicts |= {"lone": "worse", "constant": "inconclusive", "static": "worse", "wide": "equivalent"}
    verdicts |= {
        "se/constant": "better",
        "se/static": "better",
        "eca/constant": "better",
        "cbam/static": "better",
        "gc/constant": "equivalent",
    }
    verdicts |= {"se/parameters": "worse", "eca/latency": "equivalent", "cbam/training_step": "better"}
    controls = {
        "se": {"constant": "constant", "static": "static", "parameters": "wide"},
        "eca": {"constant": "constant", "latency": "wide"},
        "cbam": {"static": "static", "training_step": "wide"},
        "gc": {"constant": "constant"},
        "sge": {"static": "static"},
        "lone": {"parameters": "wide"},
    }
    inputs = made_inputs(
        verdicts,
        left_out=[{"seed": 3, "run": "se-3", "reason": None, "forced": False}],
        controls=controls,
        comparisons=[["se", "cbam"]],
        interactions={"other": ["se"]},
        margin=0.5,
        question="Does it help?",
    )
    comparisons, ablation = inputs.tables["comparisons"], inputs.tables["ablation"]
    against_baseline = comparisons["kind"] == "baseline"
    comparisons.loc[against_baseline & (comparisons["variant"] == "se"), "verdict_images"] = "inconclusive"
    ablation.loc[ablation["variant"] == "gc", "frozen_verdict"] = "better"
    return inputs


def undecided() -> Inputs:
    """Nothing is decided, without a margin."""
    inputs = made_inputs({"se": "inconclusive", "eca": "inconclusive", "cbam": "inconclusive"})
    inputs.tables["ablation"][["frozen_verdict", "shuffled_verdict"]] = "inconclusive"
    inputs.tables["runs"]["train_accuracy"] = 0.7
    return inputs


def one_seed() -> Inputs:
    return made_inputs({"cbam": "better", "constant": "worse"}, controls={"cbam": {"constant": "constant"}}, seeds=1)


@pytest.mark.parametrize("case", [decided, undecided, one_seed], ids=lambda case: case.__name__)
def test_sentences_follow_from_the_verdicts(case: Callable[[], Inputs]) -> None:
    document = render(case(), "REPORT.md", {name: f"{name}.svg" for name in FIGURES})
    text = re.sub(r"\n{3,}", "\n\n", re.sub(r"(?m)^\|.*\n", "", document))
    file = Path(__file__).with_name("sentences") / f"{case.__name__}.md"
    if os.environ.get("ACCEPT"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), (
        "write the new sentences with `ACCEPT=1 python -m pytest -n0 tests/report/test_sentences.py`, and read them"
    )
