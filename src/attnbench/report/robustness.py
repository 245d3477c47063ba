"""What the report says about corrupted images and calibration."""

from functools import partial

import pandas as pd

from attnbench.records.robustness import CORRUPTIONS
from attnbench.report import answer, formatting, method, tables
from attnbench.report.inputs import Inputs

# measure -> heading of its column; numbers are printed a hundredfold
_HEADINGS = {
    "corrupted": "Corrupted, %",
    "loss": "Loss, points",
    "ece": "ECE, %",
    "brier": "Brier score x 100",
    "nll": "NLL x 100",
}
_WITH_MARGIN = ("corrupted", "loss")
_DECIDED = {  # measure -> how a sentence names it
    "corrupted": "accuracy on corrupted images",
    "loss": "loss of accuracy by corruption",
    "ece": "calibration error",
    "brier": "Brier score",
    "nll": "negative log-likelihood",
}


def images(inputs: Inputs) -> int:
    """Return how many test images were corrupted."""
    first = inputs.frame("corruptions", variant=inputs.study.baseline, corruption=CORRUPTIONS[0])
    return int(first["images"].sum())


def decided(inputs: Inputs) -> dict[str, dict[str, list[str]]]:
    """Return measure in words -> verdict other than inconclusive -> the variants that have it against the baseline.

    Null controls are left out.
    """
    names = method.without_null_controls(inputs.study)
    verdicts: dict[str, dict[str, list[str]]] = {}
    for measure, words in _DECIDED.items():
        rows = inputs.rows("robustness_comparisons", measure=measure, kind="baseline")
        shown = [row for row in rows if row["variant"] in names]
        verdicts[words] = answer.names_by_verdict(shown, "better", "worse", "equivalent")
    return verdicts


def all_tables(inputs: Inputs) -> dict[str, pd.DataFrame]:
    """Return name -> table, of texts."""
    return {
        "robustness": _main_table(inputs),
        "robustness_measures": _measures_table(inputs),
        "corruptions": _corruptions_table(inputs),
        "severities": _severities_table(inputs),
    }


def _main_table(inputs: Inputs) -> pd.DataFrame:
    """Return one row per variant that is no null control: accuracy on corrupted images, and calibration error."""
    names = method.without_null_controls(inputs.study)
    corrupted, ece = (_compared(inputs, measure) for measure in ("corrupted", "ece"))
    return pd.DataFrame(
        {
            "Variant": names,
            _HEADINGS["corrupted"]: [formatting.plus_minus(*_mean(inputs, "corrupted", name)) for name in names],
            "Difference, points": [corrupted.get(name, (None, None))[0] for name in names],
            "Verdict": [corrupted.get(name, (None, None))[1] for name in names],
            _HEADINGS["ece"]: [formatting.plus_minus(*_mean(inputs, "ece", name)) for name in names],
            "ECE, difference in points": [" ".join(ece[name]) if name in ece else None for name in names],
        }
    )


def _measures_table(inputs: Inputs) -> pd.DataFrame:
    """Return one row per variant: every measure, and its difference to the baseline with the verdict."""
    columns: dict[str, list[str | None]] = {"Variant": list(inputs.study.variants)}
    for measure, heading in _HEADINGS.items():
        compared = _compared(inputs, measure)
        columns[heading] = [formatting.percent(_mean(inputs, measure, name)[0]) for name in inputs.study.variants]
        columns[f"{heading.partition(',')[0].removesuffix(' x 100')}, difference"] = [
            " ".join(compared[name]) if name in compared else None for name in inputs.study.variants
        ]
    return pd.DataFrame(columns)


def _corruptions_table(inputs: Inputs) -> pd.DataFrame:
    """Return one row per variant and one column per corruption: mean accuracy over severities, in percent."""
    frame = inputs.tables["corruptions"].groupby(["variant", "corruption"])["mean"].mean()
    return pd.DataFrame(
        {
            "Variant": list(inputs.study.variants),
            **{
                formatting.corruption(name): [
                    formatting.percent(frame[variant, name], 1) for variant in inputs.study.variants
                ]
                for name in CORRUPTIONS
            },
        }
    )


def _severities_table(inputs: Inputs) -> pd.DataFrame:
    """Return one row per corruption and one column per severity: accuracy of the baseline in percent."""
    frame = inputs.frame("corruptions", variant=inputs.study.baseline)
    shares = frame.pivot(index="corruption", columns="severity", values="mean").loc[list(CORRUPTIONS)]
    texts = shares.map(lambda share: formatting.percent(share, 1))
    texts.columns = [f"Severity {severity}" for severity in texts.columns]
    texts.insert(0, "Corruption", [formatting.corruption(name) for name in texts.index])
    return texts.reset_index(drop=True)


def _mean(inputs: Inputs, measure: str, variant: str) -> tuple[float, float]:
    """Return mean and standard deviation over the seeds."""
    row = inputs.frame("robustness", measure=measure, variant=variant).iloc[0]
    return float(row["mean"]), float(row["std"])


def _compared(inputs: Inputs, measure: str) -> dict[str, tuple[str, str]]:
    """Return variant -> its difference to the baseline with the interval, and the verdict, as texts."""
    rows = inputs.frame("robustness_comparisons", measure=measure, kind="baseline")
    with_margin = measure in _WITH_MARGIN
    share, points = (inputs.study.margin_share, inputs.study.margin) if with_margin else (None, None)
    differences = tables.column(
        partial(formatting.points_with_interval, margin=share), rows, "difference", "low", "high"
    )
    verdicts = [formatting.verdict(word, points) for word in rows["verdict"]]
    return dict(zip(rows["variant"], zip(differences, verdicts, strict=True), strict=True))
