"""What the answer at the top of the report says: the numbers and the choices behind its sentences."""

from collections.abc import Collection
from typing import Any

from attnbench.report import method
from attnbench.report.inputs import Inputs
from attnbench.study import attention

VERDICTS = ("better", "worse", "equivalent", "inconclusive")
READINGS = ("attention", "no_gain", "factor", "rescaling", "open", "untested")


def by_verdict(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return verdict -> comparisons, for the verdicts that occur, each in the order of the table."""
    groups = {verdict: [row for row in rows if row["verdict"] == verdict] for verdict in VERDICTS}
    return {verdict: group for verdict, group in groups.items() if group}


def against_baseline(inputs: Inputs) -> dict[str, list[dict[str, Any]]]:
    """Return verdict -> comparisons of variants with the baseline; null controls belong to another question."""
    kinds = method.kinds(inputs.study)
    return by_verdict([row for row in inputs.compared("baseline") if kinds[row["variant"]] != "null control"])


def price(inputs: Inputs, verdicts: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return least and largest cost of the variants that are better, or of all with attention if none is.

    Ratios to the baseline's, as pairs of numbers; `batch_size` is the largest that was timed. `of_modules` is the
    training step of all with attention, if others are among them; else None. `not_slower` are those that are better and
    whose training step is not shown to take longer.
    """
    kinds = method.kinds(inputs.study)
    better = [row["variant"] for row in verdicts.get("better", [])]
    modules = [name for name, kind in kinds.items() if kind == "attention"]
    variants = better or modules or [name for name in kinds if name != inputs.study.baseline]
    base = inputs.rows("cost", variant=inputs.study.baseline)[0]
    costs = [row for row in inputs.rows("cost") if row["variant"] in variants]
    steps = {row["variant"]: row for row in inputs.rows("training_step")}
    size = max(inputs.study.latency.batch_sizes)
    return {
        "variants": variants,
        "are_better": bool(better),
        "not_slower": [name for name in better if (low := steps[name]["ratio_low"]) is not None and low <= 1],
        "batch_size": size,
        "training_step": _span(steps[name]["ratio"] for name in variants),
        "of_modules": _span(steps[name]["ratio"] for name in modules) if set(modules) - set(variants) else None,
        "latency": _span(row["ratio"] for row in inputs.rows("latency", batch_size=size) if row["variant"] in variants),
        **{name: _span(row[name] / base[name] - 1 for row in costs) for name in ("parameters", "macs")},
    }


def _span(values: Any) -> tuple[float, float]:
    known = list(values)
    return min(known), max(known)


def half_widths(rows: Collection[dict[str, Any]]) -> tuple[float, float] | None:
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

    `attention`: better than the baseline and than each of its null controls. `no_gain`: better than each of these,
    but not than the baseline. `factor`: better than its null controls, of which none learns. `rescaling`: equivalent to
    one of them, or worse. `open`: none of it is shown. `untested`: the study has no null control of it.
    """
    gains = {row["variant"] for row in inputs.compared("baseline") if row["verdict"] == "better"}
    groups: dict[str, list[str]] = {reading: [] for reading in READINGS}
    for variant, kind in method.kinds(inputs.study).items():
        if kind == "attention":
            controls = [row for row in inputs.compared(*attention.NULL_CONTROLS) if row["variant"] == variant]
            kinds_of_controls = {name for row in controls for name in row["kind"].split()}
            verdicts = {row["verdict"] for row in controls}
            reading = _reading(verdicts, gains=variant in gains, learned="static" in kinds_of_controls)
            groups[reading].append(variant)
    return {reading: variants for reading, variants in groups.items() if variants}


def _reading(verdicts: set[str], *, gains: bool, learned: bool) -> str:
    if not verdicts:
        return "untested"
    if verdicts == {"better"} and not learned:
        return "factor"
    if verdicts == {"better"}:
        return "attention" if gains else "no_gain"
    return "rescaling" if verdicts & {"equivalent", "worse"} else "open"


def changed(inputs: Inputs, kind: str) -> dict[str, list[str]]:
    """Return verdict (`worse`, `better`) -> variants with attention of which `frozen` or `shuffled` gates show it."""
    kinds = method.kinds(inputs.study)
    rows = [row for row in inputs.rows("ablation") if kinds[row["variant"]] == "attention"]
    names = {verdict: [row["variant"] for row in rows if row[f"{kind}_verdict"] == verdict] for verdict in VERDICTS[:2]}
    return {verdict: variants for verdict, variants in names.items() if variants}


def overfit(inputs: Inputs) -> list[dict[str, Any]]:
    """Return the variants with attention that gain on training images, in every seed more than on test images.

    Gains over the baseline are means over seeds, as shares, the largest on training images first.
    """
    runs = inputs.tables["runs"]
    train, test = (
        runs.pivot(index="seed", columns="variant", values=column) for column in ("train_accuracy", "accuracy")
    )
    rows = []
    for name, kind in method.kinds(inputs.study).items():
        on_train = train[name] - train[inputs.study.baseline]  # by seed
        on_test = test[name] - test[inputs.study.baseline]
        if kind == "attention" and (on_train > 0).all() and (on_train > on_test).all():
            rows.append({"variant": name, "train": on_train.mean(), "test": on_test.mean()})
    return sorted(rows, key=lambda row: -row["train"])


def distributions(inputs: Inputs) -> list[str]:
    """Return the variants whose spatial maps are no gates: they add a term, mixed by weights over positions."""
    terms = {row["variant"] for row in inputs.rows("ablation_slots", quantity="term")}
    gates = {name: view.gates.values() for name, view in inputs.views.items() if name in terms}
    return [name for name, slots in gates.items() if any(slot.spatial is not None for slot in slots)]
