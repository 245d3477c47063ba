"""Inputs of a report with chosen verdicts, as tables in memory: no file, no statistics."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import made_study
import pandas as pd

from attnbench.records.robustness import CORRUPTIONS
from attnbench.report import method
from attnbench.report.inputs import Inputs
from attnbench.study import Study, StudyPaths, attention

INTERVALS = {  # difference, low, high
    "better": (0.02, 0.01, 0.03),
    "worse": (-0.02, -0.03, -0.01),
    "equivalent": (0.001, -0.002, 0.004),
    "inconclusive": (0.005, -0.01, 0.02),
}
MODULES = {"se": "se", "cbam": "cbam", "constant": "constant", "static": "static", "wide": "none"}


def made_inputs(
    verdicts: dict[str, str], *, seeds: int = 3, left_out: list[dict[str, Any]] | None = None, **changes: Any
) -> Inputs:
    """Return the inputs of a study with a baseline and these variants.

    `verdicts` is variant -> verdict against the baseline, or `variant/kind` -> verdict against that control of it; any
    other comparison is inconclusive. `data` in `changes` replaces fields of the images' summary.
    """
    data = changes.pop("data", {})
    names = ["baseline", *(name for name in verdicts if "/" not in name)]
    variants = {name: _variant(name) for name in names}
    template = made_study.make_study(seeds, ["baseline", "se"]).model_dump()
    study = Study.model_validate(template | {"variants": variants} | changes)
    pairs = [(name, study.baseline, "baseline") for name in names[1:]]
    for name, control in study.controls.items():
        pairs += [(name, reference, kind) for kind, reference in control.model_dump(exclude_none=True).items()]
    pairs += [(first, second, "declared") for first, second in study.comparisons]
    keys = [first if kind == "baseline" else f"{first}/{kind}" for first, _, kind in pairs]
    comparisons = [
        _comparison(pair, verdicts.get(key, "inconclusive"), seeds) for pair, key in zip(pairs, keys, strict=True)
    ]
    summary = made_study.data_summary(study).model_copy(update=data)
    tables = _tables(list(variants), study, summary.classes) | {"comparisons": pd.DataFrame(comparisons)}
    columns = ["seed", "run", "reason", "forced"]
    tables["left_out"] = pd.DataFrame(left_out or [], columns=columns)
    code = {name: f"{number:064x}" for number, name in enumerate(names)}
    paths = StudyPaths(study.name, Path("nowhere"))
    return Inputs(study, paths, tables, summary, made_study.latency(study), code, views={})


def _variant(name: str) -> dict[str, Any]:
    module = _module(name)
    if module == attention.NONE:
        return {"attention": module, "backbone": {"width": 40} if name == "wide" else {}}
    return {"attention": module, "site": "after_pool"}


def _comparison(pair: tuple[str, str, str], verdict: str, seeds: int) -> dict[str, Any]:
    difference, low, high = INTERVALS[verdict]
    if seeds == 1:
        low = high = math.nan
    return dict(
        zip(("variant", "reference", "kind"), pair, strict=True),
        n=seeds,
        difference=difference,
        low=low,
        high=high,
        verdict=verdict if seeds > 1 else "inconclusive",
        standard_error=math.nan if seeds == 1 else 0.004,
        low_images=low - 0.001,
        high_images=high + 0.001,
        verdict_images=verdict if seeds > 1 else "inconclusive",
        degrees_of_freedom=math.nan if seeds == 1 else 6.0,
    )


def _tables(names: list[str], study: Any, classes: list[str]) -> dict[str, pd.DataFrame]:
    seeds, many = study.seeds, len(study.seeds) > 1
    ratios = {name: 1 + 0.1 * number for number, name in enumerate(names)}

    def times(size: int) -> pd.DataFrame:
        rows = [(name, size, 2.0, 0.1, 2.5, ratio, ratio - 0.01, ratio + 0.01, 5, 30) for name, ratio in ratios.items()]
        columns = ["variant", "batch_size", "median_ms", "iqr_ms", "p90_ms", "ratio", "ratio_low", "ratio_high"]
        return pd.DataFrame(rows, columns=[*columns, "processes", "rounds"])

    modules = [name for name, kind in method.kinds(study).items() if kind in ("attention", "null control")]
    changed = {
        f"{kind}_{column}": value if many or column == "mean" else math.nan
        for kind in ("frozen", "shuffled")
        for column, value in (("mean", -0.02), ("low", -0.03), ("high", -0.01))
    }
    changed |= {f"{kind}_verdict": "worse" if many else "inconclusive" for kind in ("frozen", "shuffled")}
    gate = {"factor": 0.5, "factor_spread": 0.1, "saturated": 0.0, "dead": math.nan}
    change = {"n": len(seeds), "accuracy": 0.7, **changed, **gate}
    slot = {"slot": "block1.after_pool", "quantity": "gate", "mean": 0.5, "spread": 0.1, **gate, "hidden_units": 2}
    environment = made_study.ENVIRONMENT.model_dump()
    environment |= {"n": len(names) * len(seeds), "seeds": " ".join(map(str, seeds))}
    costs = [made_study.cost(study, name, number).model_dump() for number, name in enumerate(names)]
    runs = [
        {"variant": name, "seed": seed, "accuracy": 0.7, "train_accuracy": 0.8 + 0.01 * number}
        for number, name in enumerate(names)
        for seed in seeds
    ]
    measures = ("corrupted", "loss", "ece", "brier", "nll")
    interval = dict(zip(("difference", "low", "high"), INTERVALS["inconclusive"], strict=True))
    interval |= {} if many else {"low": math.nan, "high": math.nan}
    of_pair = {"reference": study.baseline, "kind": "baseline", **interval, "verdict": "inconclusive"}
    pairs = [{"variant": name, **of_pair} for name in names if name != study.baseline]
    spread = 0.01 if many else math.nan
    return {
        **_measures("robustness", measures, [{"variant": name, "mean": 0.6, "std": spread} for name in names], pairs),
        "corruptions": pd.DataFrame(
            {"variant": name, "corruption": corruption, "severity": severity, "images": 80, "mean": 0.6}
            for name in names
            for corruption in CORRUPTIONS
            for severity in range(1, 6)
        ),
        **_map_tables(names, pairs, spread, many=many),
        "runs": pd.DataFrame(runs),
        "precision": pd.DataFrame(
            [("observed", 3, 0.02), ("observed", 9, 0.01), ("upper", 3, 0.03), ("upper", 14, 0.01)] if many else [],
            columns=["spread", "seeds", "half_width"],
        ),
        "diagnostics": pd.DataFrame(
            [
                ("error_std", None, 0.0123, 0.01, 0.02, math.nan),
                ("error_std_without", "se", 0.0111, math.nan, math.nan, 1.0),
                ("error_std_without", "cbam", 0.0101, math.nan, math.nan, 0.5),
                ("own_variance", "se - baseline", 0.5, math.nan, math.nan, 0.3),
                ("own_variance", "cbam - baseline", 4.5, math.nan, math.nan, 0.003),
                ("largest_residual", "se-1", 7.25, math.nan, math.nan, 0.002),
            ],
            columns=["quantity", "of", "value", "low", "high", "p"],
        ),
        "accuracy": pd.DataFrame(
            {"variant": name, "mean": 0.7, "std": 0.01 if many else math.nan, "n": len(seeds), "standard_error": 0.023}
            for name in names
        ),
        "per_class": pd.DataFrame({"variant": name, "class": text, "mean": 0.7} for name in names for text in classes),
        "cost": pd.DataFrame(costs),
        "latency": pd.concat([times(size) for size in study.latency.batch_sizes]),
        "training_step": times(study.recipe.batch_size),
        "environment": pd.DataFrame([environment]),
        "ablation": pd.DataFrame([{"variant": name, **change} for name in modules]),
        "ablation_slots": pd.DataFrame([{"variant": name, **slot} for name in modules]),
    }


def _module(name: str) -> str:
    return MODULES.get(name, "none" if name == "baseline" else "se")


def _measures(
    table: str, measures: Sequence[str], means: list[dict[str, Any]], pairs: list[dict[str, Any]]
) -> dict[str, pd.DataFrame]:
    """Return a table of means and one of comparisons, both with the same rows for every measure."""
    return {
        name: pd.DataFrame({"measure": measure, **row} for measure in measures for row in rows)
        for name, rows in ((table, means), (f"{table}_comparisons", pairs))
    }


_BLOCKS = ("block1", "block2")
_GAINS = [(measure, control) for measure in ("deletion", "insertion") for control in ("random", "centre")]
_GAINS += [("energy", "area"), ("pointing", "area"), ("precision", "area"), ("precision", "centre")]


def _map_tables(names: list[str], pairs: list[dict[str, Any]], spread: float, *, many: bool) -> dict[str, pd.DataFrame]:
    measures = ("deletion", "insertion", "infidelity", "sensitivity", "untrained_classifier", "untrained")
    measures += ("energy", "pointing", "precision")
    control = {key: pairs[0][key] for key in ("difference", "low", "high", "verdict")}
    curves = {"deletion": 0.3, "insertion": 0.6, "images": 500, "checked": 100}
    on_object = {"energy": 0.2, "pointing": 0.4, "precision": 0.3, "area": 0.15}
    on_object |= dict.fromkeys(("energy_std", "pointing_std", "precision_std"), spread)
    agreement = {
        "same_variant": 0.4 if many else math.nan,
        "other_variant": 0.25 if many else math.nan,
        "same_seed": 0.5,
    }
    of_block = _measures("maps", measures, [{"variant": name, "mean": 0.1, "std": spread} for name in names], pairs)
    return {
        **{
            name: pd.concat([frame.assign(block=block) for block in _BLOCKS], ignore_index=True)
            for name, frame in of_block.items()
        },
        "map_curves": pd.DataFrame(
            {"variant": name, "block": block, "map": kind, **curves}
            for name in names
            for block in _BLOCKS
            for kind in ("grad_cam", "random", "centre")
        ),
        "map_controls": pd.DataFrame(
            {"block": block, "variant": name, "measure": measure, "control": kind, **control}
            for block in _BLOCKS
            for name in names
            for measure, kind in _GAINS
        ),
        "gate_controls": pd.DataFrame(
            {"slot": "block1.after_pool", "variant": name, "measure": measure, "control": kind, **control}
            for name in names
            for measure, kind in _GAINS
            if kind == "area" and _module(name) != "none"
        ),
        "map_objects": pd.DataFrame(
            {"variant": name, "map": kind, **on_object} for name in names for kind in ("centre", "block1.after_pool")
        ),
        "map_agreement": pd.DataFrame({"variant": name, **agreement} for name in names),
        "map_agreement_test": pd.DataFrame(
            [{**agreement, "p": 0.001 if many else math.nan, "assignments": 999, "images": 100}]
        ),
    }
