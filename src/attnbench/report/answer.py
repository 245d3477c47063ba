"""What the answer at the top of the report says: the numbers and the choices behind its sentences."""

from collections.abc import Collection
from typing import Any

import pandas as pd

from attnbench.report import method
from attnbench.report.inputs import Inputs

VERDICTS = ("better", "worse", "equivalent", "inconclusive")
_FEWEST_FOR_GAPS = 3  # seeds
_DOUBTFUL = 0.01  # p of a test of an assumption below which the report names it
READINGS = ("attention", "no_gain", "loss", "factor", "rescaling", "open", "untested")
_FLIPPED = {"better": "worse", "worse": "better"}  # verdicts on a pair, seen from its second variant


def by_verdict(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return verdict -> comparisons, for the verdicts that occur, each in the order of the table."""
    groups = {verdict: [row for row in rows if row["verdict"] == verdict] for verdict in VERDICTS}
    return {verdict: group for verdict, group in groups.items() if group}


def names_by_verdict(rows: list[dict[str, Any]], *verdicts: str) -> dict[str, list[str]]:
    """Return verdict -> variants, for those of the verdicts that occur."""
    groups = by_verdict(rows).items()
    return {verdict: [row["variant"] for row in group] for verdict, group in groups if verdict in verdicts}


def against_baseline(inputs: Inputs) -> dict[str, list[dict[str, Any]]]:
    """Return verdict -> comparisons of variants with the baseline; null controls belong to another question."""
    names = method.without_null_controls(inputs.study)
    return by_verdict([row for row in inputs.compared("baseline") if row["variant"] in names])


def price(inputs: Inputs, verdicts: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return least and largest cost of the variants that are better, or of all with attention if none is.

    Ratios to the baseline's, as pairs of numbers; `batch_size` is the largest that was timed. `of_modules` is the
    training step of all with attention, if others are among them; else None. `not_slower` are those of them whose
    training step is not shown to take longer, and `not_later` those whose inference is not.
    """
    better = [row["variant"] for row in verdicts.get("better", [])]
    modules = method.with_module(inputs.study)
    variants = better or modules or [name for name in inputs.study.variants if name != inputs.study.baseline]
    base = inputs.rows("cost", variant=inputs.study.baseline)[0]
    costs = [row for row in inputs.rows("cost") if row["variant"] in variants]
    steps = {row["variant"]: row for row in inputs.rows("training_step")}
    size = max(inputs.study.latency.batch_sizes)
    latency = {row["variant"]: row for row in inputs.rows("latency", batch_size=size)}
    return {
        "variants": variants,
        "are_better": bool(better),
        "not_slower": [name for name in variants if _reaches_one(steps[name])],
        "not_later": [name for name in variants if _reaches_one(latency[name])],
        "batch_size": size,
        "training_step": _span(steps[name]["ratio"] for name in variants),
        "of_modules": _span(steps[name]["ratio"] for name in modules) if set(modules) - set(variants) else None,
        "latency": _span(latency[name]["ratio"] for name in variants),
        **{name: _span(row[name] / base[name] - 1 for row in costs) for name in ("parameters", "macs")},
    }


def _reaches_one(row: dict[str, Any]) -> bool:
    """Return whether a ratio has an interval that reaches 1 or lies below."""
    return row["ratio_low"] is not None and row["ratio_low"] <= 1


def _span(values: Any) -> tuple[float, float]:
    known = list(values)
    return min(known), max(known)


def half_width_range(rows: Collection[dict[str, Any]]) -> tuple[float, float] | None:
    """Return the narrowest and the widest half-width of the intervals, as shares; None without intervals."""
    known = [(row["high"] - row["low"]) / 2 for row in rows if row["low"] is not None]
    return (min(known), max(known)) if known else None


def plan(inputs: Inputs) -> list[dict[str, Any]]:
    """Return half-width, and seeds for it at the spread seen and at its upper limit (None: too many), widest first."""
    rows = inputs.rows("precision")
    observed, upper = ([row for row in rows if row["spread"] == spread][1:] for spread in ("observed", "upper"))
    return [
        {"half_width": low["half_width"], "seeds": low["seeds"], "most": high["seeds"]}
        for low, high in zip(observed, upper, strict=False)
        if low["seeds"] is not None
    ]


def readings(inputs: Inputs) -> dict[str, list[str]]:
    """Return what null controls say -> variants with a module, for the readings that occur.

    Its null controls are those under `controls` and those that it is compared with under `comparisons`.
    `attention`: better than the baseline and than each of its null controls. `no_gain`: better than each of these,
    but not than the baseline. `loss`: the same, and worse than the baseline. `factor`: better than its null controls,
    of which none learns. `rescaling`: equivalent to one of them, or worse. `open`: none of it is shown. `untested`: the
    study has no null control of it.
    """
    against_baseline = {row["variant"]: row["verdict"] for row in inputs.compared("baseline")}
    groups: dict[str, list[str]] = {reading: [] for reading in READINGS}
    kinds = method.kinds(inputs.study)
    for variant in method.with_module(inputs.study):
        pairs = [(row["reference"], row["verdict"]) for row in inputs.rows("comparisons", variant=variant)]
        pairs += [
            (row["variant"], _FLIPPED.get(row["verdict"], row["verdict"]))
            for row in inputs.rows("comparisons", reference=variant)
        ]
        verdicts = {other: verdict for other, verdict in pairs if kinds[other] == "null control"}
        learned = any(inputs.study.variants[other].attention == "static" for other in verdicts)
        reading = _reading(set(verdicts.values()), against_baseline[variant], learned=learned)
        groups[reading].append(variant)
    return {reading: variants for reading, variants in groups.items() if variants}


def _reading(verdicts: set[str], against_baseline: str, *, learned: bool) -> str:
    """Return the reading of a module from its verdicts against null controls, of which one is `learned` or none."""
    if not verdicts:
        return "untested"
    if verdicts == {"better"} and not learned:
        return "factor"
    if verdicts == {"better"}:
        return {"better": "attention", "worse": "loss"}.get(against_baseline, "no_gain")
    return "rescaling" if verdicts & {"equivalent", "worse"} else "open"


def changed(inputs: Inputs, kind: str) -> dict[str, list[str]]:
    """Return verdict (`worse`, `better`) -> variants with attention of which `frozen` or `shuffled` gates show it."""
    names = method.with_module(inputs.study)
    rows = [row | {"verdict": row[f"{kind}_verdict"]} for row in inputs.rows("ablation") if row["variant"] in names]
    return names_by_verdict(rows, "better", "worse")


def wider_gaps(inputs: Inputs) -> dict[str, list[str]]:
    """Return kind -> variants that are better on training than on test images by more than the baseline is.

    In every seed; with fewer than three seeds this says little, and there are none.
    """
    runs = inputs.tables["runs"]
    wider = _above_baseline(inputs, runs["train_accuracy"] - runs["accuracy"])
    groups: dict[str, list[str]] = {}
    for name, kind in method.kinds(inputs.study).items():
        if name in wider:
            groups.setdefault(kind, []).append(name)
    return groups


def fits_better(inputs: Inputs) -> dict[str, float]:
    """Return variant -> by how much it is better on training images than the baseline, as a share, mean over seeds.

    Those that are better in every seed; with fewer than three seeds there are none.
    """
    return _above_baseline(inputs, inputs.tables["runs"]["train_accuracy"])


def _above_baseline(inputs: Inputs, values: "pd.Series[float]") -> dict[str, float]:
    """Return variant -> mean over seeds of its value minus the baseline's, if it is above that in every seed."""
    runs = inputs.tables["runs"]
    by_seed = values.groupby([runs["seed"], runs["variant"]]).first().unstack()
    above = by_seed.sub(by_seed[inputs.study.baseline], axis=0)
    names = [name for name in inputs.study.variants if len(above) >= _FEWEST_FOR_GAPS and (above[name] > 0).all()]
    return {name: float(above[name].mean()) for name in names}


def noisiest(inputs: Inputs) -> dict[str, Any] | None:
    """Return the variant that makes all intervals longer, and the error standard deviation with and without it.

    All intervals contain that spread, which is a share. The variant is named if the F test of what it adds has
    p < 0.01, and the spread without it is below two thirds; of several, the one that adds most.
    """
    (error,) = inputs.rows("diagnostics", quantity="error_std")
    noisy = [
        row
        for row in inputs.rows("diagnostics", quantity="error_std_without")
        if row["p"] is not None and row["p"] < _DOUBTFUL and row["value"] < error["value"] * 2 / 3
    ]
    if not noisy:
        return None
    most = min(noisy, key=lambda row: float(row["value"]))
    return {"variant": most["of"], "error_std": error["value"], "without": most["value"]}


def doubts(inputs: Inputs) -> dict[str, list[str]]:
    """Return quantity of diagnostics.csv -> what exceeds its limit in docs/statistics.md, "When to trust it".

    `own_variance` is divided into those that are `larger_variance` and `smaller_variance`.
    """
    frame = inputs.tables["diagnostics"]
    pooled = (frame["quantity"] == "pooled_variance") & (frame["value"] > 1.5)
    groups: dict[str, list[str]] = {}
    doubtful = (frame["p"] < _DOUBTFUL) & (frame["quantity"] != "error_std_without")  # which `noisiest` reads
    for row in frame[pooled | doubtful].to_dict("records"):
        quantity = row["quantity"]
        if quantity == "own_variance":
            quantity = "larger_variance" if row["value"] > 1 else "smaller_variance"
        groups.setdefault(quantity, []).append(row["of"])
    return groups


def distributions(inputs: Inputs) -> list[str]:
    """Return the variants whose spatial maps are no gates: they add a term, mixed by weights over positions."""
    terms = {row["variant"] for row in inputs.rows("ablation_slots", quantity="term")}
    gates = {name: view.gates.values() for name, view in inputs.views.items() if name in terms}
    return [name for name, slots in gates.items() if any(slot.spatial is not None for slot in slots)]
