"""The three bullets of the answer, and what follows from them, in every case in which a study can end."""

import math
import re
from dataclasses import replace
from typing import Any

import made_study
import pandas as pd
import pytest
from made_inputs import made_inputs

from attnbench.report import answer, tables
from attnbench.report.render import render

NULL = {"cbam": {"constant": "constant", "static": "static"}}
CONTROLS = {"constant": "worse", "static": "inconclusive"}


def report(*arguments: Any, **changes: Any) -> str:
    return render(made_inputs(*arguments, **changes), "REPORT.md", {})


def bullet(text: str, question: str) -> str:
    match = re.search(rf"^- \*\*{re.escape(question)}\*\* (.*)$", text, re.MULTILINE)
    assert match, text
    return match[1]


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        ("better", "`cbam` (+2.00 [+1.00, +3.00]) is better than the baseline."),
        ("inconclusive", "Nothing is shown to help: the difference to the baseline (70.00 %) is inconclusive."),
    ],
)
def test_a_verdict_has_its_sentence(verdict: str, sentence: str) -> None:
    sentences = bullet(report({"cbam": verdict}, margin=0.5), "What helps?")
    assert re.fullmatch(re.escape(sentence) + r" 3 seeds leave intervals of ±\d\.\d\d points\.", sentences)


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        ({"cbam": "inconclusive", "cbam/constant": "better", "cbam/static": "better"}, "Not shown for `cbam`:"),
        (
            {"cbam": "worse", "cbam/constant": "better", "cbam/static": "better"},
            "No for `cbam`: better than each of its own null controls, but worse than the baseline.",
        ),
        ({"cbam": "better", "cbam/constant": "better", "cbam/static": "worse"}, "No for `cbam`:"),
        ({"cbam": "better", "cbam/constant": "better"}, "Not decided for `cbam`:"),
    ],
)
def test_null_controls_tell_attention_from_rescaling(verdicts: dict[str, str], sentence: str) -> None:
    text = report(verdicts | CONTROLS, controls=NULL, margin=0.5)
    assert bullet(text, "Is it attention?").startswith(sentence)


def test_a_constant_alone_does_not_tell_attention_from_a_map_that_is_learned() -> None:
    verdicts = {"cbam": "inconclusive", "cbam/constant": "better"} | CONTROLS
    text = report(verdicts, controls={"cbam": {"constant": "constant"}}, margin=0.5)
    assert bullet(text, "Is it attention?") == (
        "Not decided for `cbam`: better than its own constant gate. A learned gate that never sees its input, "
        "which it has to beat as well, is not in the study. That a module is better than its controls may be due to "
        "[the scale that it learns](DETAILS.md#gates), not to what it sees."
    )


def test_a_null_control_of_a_declared_pair_counts_as_well() -> None:
    verdicts = {"cbam": "better", "cbam/constant": "better"} | CONTROLS
    cases = (
        (["cbam", "static"], "better", "Supported for `cbam`:"),
        (["cbam", "static"], "inconclusive", "Not decided for `cbam`:"),
        (["static", "cbam"], "worse", "Supported for `cbam`:"),
        (["static", "cbam"], "better", "No for `cbam`:"),
    )
    for pair, verdict, words in cases:
        text = report(
            verdicts | {f"{pair[0]}/declared": verdict},
            controls={"cbam": {"constant": "constant"}},
            comparisons=[pair],
        )
        assert bullet(text, "Is it attention?").startswith(words), pair


def test_a_training_step_that_is_not_shown_to_be_longer_is_named() -> None:
    """Whether or not a module is better: a price that is not shown is no price."""
    for verdict, low, is_named in (("better", 0.99, True), ("better", 1.01, False), ("inconclusive", 0.5, True)):
        inputs = made_inputs({"cbam": verdict})
        steps = inputs.tables["training_step"].assign(ratio_low=low)
        text = render(replace(inputs, tables=inputs.tables | {"training_step": steps}), "REPORT.md", {})
        said = "It is not shown that a training step takes longer with `cbam`: the" in bullet(
            text, "What does it cost?"
        )
        assert said == is_named


def test_null_controls_do_not_help_and_are_not_in_the_main_table() -> None:
    text = report({"cbam": "inconclusive", "constant": "better", "static": "better"}, controls=NULL)
    assert "Nothing is shown to help: the difference to" in bullet(text, "What helps?")
    assert bullet(text, "What does it cost?").startswith("For `cbam`, a training step takes 1.10 times as long")
    assert "\n| `static`" not in text


def test_a_wider_network_of_equal_cost_is_part_of_the_price() -> None:
    controls = {"cbam": {"parameters": "wide"}}
    text = report({"cbam": "better", "wide": "inconclusive", "cbam/parameters": "better"}, controls=controls)
    assert "`cbam` is better than a wider network of the same parameters (+2.00" in bullet(text, "What does it cost?")
    assert "| `cbam`    | `wide`      | parameters   | +2.00 [+1.00, +3.00] | better    |" in text


def test_a_block_that_is_not_complete_is_in_the_answer() -> None:
    gone = [{"seed": 3, "run": "cbam-3", "reason": None, "forced": False}]
    inputs = made_inputs({"cbam": "better"}, left_out=gone)
    assert "Seed 3 is left out" in bullet(render(inputs, "REPORT.md", {}), "What helps?")
    details = render(inputs, "DETAILS.md", {})
    assert "- Seed 3: no record of `cbam-3`." in details
    assert "    attnbench run made_up --allow-missing\n" in details
    gone = [{**gone[0], "run": f"{name}-{seed}", "seed": seed} for seed in (3, 4) for name in ("baseline", "cbam")]
    inputs = made_inputs({"cbam": "better"}, left_out=gone)
    assert "Seeds 3 and 4 are left out, because" in bullet(render(inputs, "REPORT.md", {}), "What helps?")
    assert "- Seed 4: no record of any variant." in render(inputs, "DETAILS.md", {})


def test_a_failed_run_is_named_with_its_reason() -> None:
    gone = [{"seed": 3, "run": "cbam-3", "reason": "made on <another> machine", "forced": True}]
    details = render(made_inputs({"cbam": "better"}, left_out=gone), "DETAILS.md", {})
    assert "- `cbam-3`: made on \\<another\\> machine." in details
    assert "    dvc repro -f -s studies/made_up/dvc.yaml:train@cbam-3\n" in details


def test_the_main_table_starts_within_forty_lines_and_thirty_variants_do_not_flood_the_answer() -> None:
    text = report({f"se_{number}": "better" for number in range(29)}, question="Does it?")
    lines = text.splitlines()
    assert lines[2] == "*Does it?*"
    assert next(number for number, line in enumerate(lines) if line.startswith("| Variant")) < 40
    assert bullet(text, "What helps?").count("se_") == 7
    assert "and 22 others are better" in text


def test_a_study_of_null_controls_alone_asks_nothing_of_modules() -> None:
    text = report({"constant": "worse"})
    assert bullet(text, "What helps?").startswith("The study does not ask: all its variants are null controls. ")
    assert bullet(text, "What does it cost?").startswith("For `constant`, a training step takes 1.10 times")
    assert bullet(text, "Is it attention?") == "No variant has attention."


def test_a_wider_gap_between_training_and_test_images_is_said_where_every_seed_shows_it() -> None:
    inputs = made_inputs(dict.fromkeys(("se", "eca", "cbam", "constant"), "inconclusive"))
    runs = inputs.tables["runs"].set_index(["variant", "seed"])
    runs["train_accuracy"] = 0.8
    runs.loc[["se", "eca", "constant"], "train_accuracy"] = 0.81
    runs.loc[("eca", inputs.study.seeds[0]), "train_accuracy"] = 0.79  # less than the baseline's
    inputs.tables["runs"] = runs.reset_index()
    assert answer.wider_gaps(inputs) == {"attention": ["se"], "null control": ["constant"]}
    assert answer.fits_better(inputs) == pytest.approx({"se": 0.01, "constant": 0.01})
    text = render(inputs, "REPORT.md", {})
    assert "is higher than the baseline's for `se` (+1.00) and `constant` (+1.00), in points" in text
    assert "than in the baseline for `se` and the null control `constant`. This has no interval." in text
    inputs.tables["runs"] = inputs.tables["runs"].query("seed in @inputs.study.seeds[:2]")
    assert answer.wider_gaps(inputs) == answer.fits_better(inputs) == {}


def test_what_the_diagnostics_find_is_a_limit() -> None:
    inputs = made_inputs({"se": "inconclusive"})
    rows = [
        {"quantity": "error_std", "value": 0.0123},
        {"quantity": "largest_residual", "of": "se-1", "value": 4.5, "p": 0.009},
        {"quantity": "additivity", "of": "", "value": 4.5, "p": 0.011},
        {"quantity": "own_variance", "of": "se - baseline", "value": 4.1, "p": 0.009},
        {"quantity": "own_variance", "of": "cbam - baseline", "value": 3.9, "p": 0.011},
        {"quantity": "own_variance", "of": "se - constant", "value": 0.02, "p": 0.001},
        {"quantity": "pooled_variance", "of": "", "value": 1.6},
    ]
    inputs.tables["diagnostics"] = pd.DataFrame(rows).assign(low=math.nan, high=math.nan)
    assert answer.doubts(inputs) == {
        "largest_residual": ["se-1"],
        "larger_variance": ["se - baseline"],
        "smaller_variance": ["se - constant"],
        "pooled_variance": [""],
    }
    assert (
        "no verdict was adjusted for that, and every run is part of all intervals: the run `se-1` fits badly; "
        "`se - baseline` varies far more between seeds than other differences, and its interval may be too short; "
        "`se - constant` varies far less between seeds than other differences, and its interval is longer than its own "
        "spread asks for; the baseline is noisier than the variants."
    ) in render(inputs, "REPORT.md", {})


def test_the_answer_names_the_variant_that_makes_all_intervals_longer() -> None:
    inputs = made_inputs({"se": "inconclusive", "cbam": "inconclusive"})
    assert answer.noisiest(inputs) is None
    assert "longer" not in bullet(render(inputs, "REPORT.md", {}), "What helps?")
    diagnostics = inputs.tables["diagnostics"]
    cbam = diagnostics["of"] == "cbam"
    for value, p in ((0.0081, 0.02), (0.0083, 0.009)):  # not shown, or not much
        diagnostics.loc[cbam, ["value", "p"]] = value, p
        assert answer.noisiest(inputs) is None
    diagnostics.loc[cbam, ["value", "p"]] = 0.0081, 0.009
    assert "error_std_without" not in answer.doubts(inputs)
    assert answer.noisiest(inputs) == {"variant": "cbam", "error_std": 0.0123, "without": 0.0081}
    assert (
        "`cbam` makes all of them longer: [the spread of a run](DETAILS.md#assumptions) is 1.23 points, and 0.81 "
        "without this variant."
    ) in bullet(render(inputs, "REPORT.md", {}), "What helps?")
    diagnostics[["value", "p"]] = math.nan
    assert answer.noisiest(inputs) is None


def test_the_limits_say_what_more_seeds_would_give() -> None:
    inputs = made_inputs({"cbam": "better", "se": "inconclusive"}, margin=0.25)
    observed = [(3, 0.02), (9, 0.01), (9, 0.005), (40, 0.0025), (None, 0.001)]
    upper = [(3, 0.03), (14, 0.01), (9, 0.005), (None, 0.0025), (None, 0.001)]
    rows = [(spread, *step) for spread, of in zip(("observed", "upper"), (observed, upper), strict=True) for step in of]
    inputs.tables["precision"] = pd.DataFrame(rows, columns=["spread", "seeds", "half_width"])
    text = render(inputs, "REPORT.md", {})
    assert "3 seeds leave intervals of ±1.00 to 1.50 points." in bullet(text, "What helps?")
    assert "Intervals of ±1 points take about 9 to 14 seeds; ±0.5 points 9 and ±0.25 points 40 or more." in text


def test_an_interval_for_other_images_never_contradicts_its_verdict() -> None:
    inputs = made_inputs({"cbam": "equivalent"}, margin=0.5)
    inputs.tables["comparisons"]["high_images"] = 0.00496
    assert "[-0.300, +0.496] |" in render(inputs, "DETAILS.md", {})


def test_no_sentence_stands_twice() -> None:
    verdicts = {"se": "better", "cbam": "inconclusive", "se/constant": "better", "cbam/static": "worse", **CONTROLS}
    inputs = made_inputs(verdicts, controls={"se": {"constant": "constant"}, "cbam": {"static": "static"}}, margin=0.5)
    for document in ("REPORT.md", "DETAILS.md"):
        prose = [line for line in render(inputs, document, {}).splitlines() if not line.startswith(("|", "#", "    "))]
        sentences = re.findall(r"[A-Z][^.]{20,}\.(?= |$|\*)", "\n".join(prose))
        assert len(sentences) > 10
        assert len(set(sentences)) == len(sentences)


def test_details_print_the_diagnostics_and_name_the_outlying_run() -> None:
    details = render(made_inputs({"se": "better"}), "DETAILS.md", {})
    section = details[details.index("## Assumptions") : details.index("## Classes")]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("| ")]
    assert rows[1:] == [
        ["Error standard deviation, points", "1.23", "1.00 to 2.00", "", ""],
        ["The same without the variant that adds most to it", "1.01", "", "0.500", "cbam"],
        ["Largest studentised residual", "7.25", "", "0.00200", "se-1"],
        ["Own variance over the pooled one, the least likely", "4.50", "", "0.00300", "cbam - baseline"],
    ]
    assert "These checks change no verdict." in section
    assert "## Assumptions" not in render(made_inputs({"se": "better"}, seeds=1), "DETAILS.md", {})


def test_maps_of_added_terms_are_said_to_be_no_gates() -> None:
    made = made_inputs({"se": "better", "cbam": "better"})
    views = {name: made_study.views(made.study, name) for name in ("se", "cbam")}
    slots = made.tables["ablation_slots"]
    made = replace(made, views=views)
    assert "is a distribution over positions" not in render(made, "REPORT.md", {})
    slots.loc[slots["variant"].isin(["se", "cbam"]), "quantity"] = "term"  # se has no spatial map
    assert answer.distributions(made) == ["cbam"]
    assert "`cbam` has no gate there: its map is a distribution over positions" in render(
        made, "REPORT.md", {"spatial_gates": "a.png"}
    )


def test_a_variant_with_the_counts_of_the_baseline_adds_nothing() -> None:
    made = made_inputs({"se": "better"})
    made.tables["cost"]["macs"] = 2_934_016
    assert tables.main_table(made)["MACs"].to_list() == ["2.934 M", "0.00 %"]
