"""What the report says about the faithfulness of its maps."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from attnbench.report import answer, formatting, method, tables
from attnbench.report.inputs import Inputs

# measure -> heading of its column; numbers are printed a hundredfold
_GAINS = {"deletion": "Deletion gain, points", "insertion": "Insertion gain, points"}
_ON_OBJECTS = {"energy": "Energy, %", "pointing": "Pointing, %", "precision": "Average precision, %"}
_CHECKS = {
    "infidelity": "Infidelity, %",
    "sensitivity": "Sensitivity, %",
    "untrained_classifier": "Untrained classifier, absolute correlation x 100",
    "untrained": "Untrained, absolute correlation x 100",
}
_DECIDED = {  # measure -> how a sentence names it
    "deletion": "Deletion",
    "insertion": "Insertion",
    "precision": "Average precision on objects",
}
_MAPS = {"grad_cam": "Grad-CAM", "random": "random", "centre": "Gaussian in the centre"}
# heading of a column -> measure and control
_OVER_MAPS = {
    f"{curve.capitalize()}, over {_MAPS[control]}": (curve, control)
    for curve in _GAINS
    for control in ("random", "centre")
}
_OVER_OBJECTS = {
    **{f"{heading.partition(',')[0]}, over the area": (measure, "area") for measure, heading in _ON_OBJECTS.items()},
    f"Average precision, over {_MAPS['centre']}": ("precision", "centre"),
}


def facts(inputs: Inputs) -> dict[str, Any]:
    """Return what the sentences of the report say, by name."""
    curves = inputs.rows("map_curves")[0]
    objects = inputs.rows("map_objects", variant=inputs.study.baseline, map="centre")
    *shallower, last = blocks(inputs)
    (agreement,) = inputs.rows("map_agreement_test")
    return {
        "images": curves["images"],
        "checked": curves["checked"],
        "centre": objects[0] if objects else None,
        "last": last,
        "controls": {control: _against(inputs, last, control) for control in ("random", "centre")},
        "on_objects": {
            control: answer.names_by_verdict(
                inputs.rows("map_controls", block=last, measure="precision", control=control), "better", "worse"
            )
            for control in ("area", "centre")
        },
        "gates": _gates(inputs),
        "shallower": {block: len(_against(inputs, block, "random")["better"]) for block in shallower},
        "agreement": agreement,
        "seed_against_variant": _seed_against_variant(agreement),
        "is_decided": agreement["p"] is not None and agreement["p"] <= 1 - inputs.study.confidence,
        "decided": _decided(inputs),
        "rescaling": _rescaling(inputs),
    }


def _gates(inputs: Inputs) -> dict[str, Counter[str]]:
    """Return kind -> how many spatial gates have each verdict in average precision, of modules and of null controls."""
    kinds, counts = method.kinds(inputs.study), dict[str, Counter[str]]()
    for row in inputs.rows("gate_controls", measure="precision"):
        counts.setdefault(kinds[row["variant"]], Counter())[row["verdict"]] += 1
    return counts


def blocks(inputs: Inputs) -> list[str]:
    """Return the blocks whose Grad-CAM was scored, shallow to deep."""
    return list(inputs.tables["maps"]["block"].unique())


def _against(inputs: Inputs, block: str, control: str) -> dict[str, list[str]]:
    """Return the variants whose Grad-CAM is `better` than a control in both curves, and `worse` in one of them."""
    verdicts: dict[str, set[str]] = {}
    for curve in _GAINS:
        for row in inputs.rows("map_controls", block=block, measure=curve, control=control):
            verdicts.setdefault(row["variant"], set()).add(row["verdict"])
    return {
        "better": [name for name, words in verdicts.items() if words == {"better"}],
        "worse": [name for name, words in verdicts.items() if "worse" in words],
    }


def _seed_against_variant(agreement: dict[str, Any]) -> float | None:
    """Return how much more another seed changes a map than another variant does, by 1 minus the rank correlation.

    None if there is one seed only, or another variant changes nothing.
    """
    other_seed, other_variant = agreement["same_variant"], agreement["same_seed"]
    if other_seed is None or other_variant is None or other_variant >= 1:
        return None
    ratio: float = (1 - other_seed) / (1 - other_variant)
    return ratio


def _decided(inputs: Inputs) -> dict[str, dict[str, list[str]]]:
    """Return measure in words -> verdict other than inconclusive -> the variants that have it against the baseline.

    All sentences on differences are of the last block.
    """
    return {
        words: answer.names_by_verdict([row for row in rows if row["kind"] == "baseline"], "better", "worse")
        for words, rows in _compared(inputs).items()
    }


def _compared(inputs: Inputs) -> dict[str, list[dict[str, Any]]]:
    """Return measure in words -> comparisons of the last block, for the measures that the data allow."""
    *_, last = blocks(inputs)
    known = set(inputs.tables["maps_comparisons"]["measure"])
    measures = {words: measure for measure, words in _DECIDED.items() if measure in known}
    return {words: inputs.rows("maps_comparisons", block=last, measure=measure) for words, measure in measures.items()}


def _rescaling(inputs: Inputs) -> dict[str, Any]:
    """Return measure in words -> null controls that are better than the baseline, and the modules better than theirs.

    A module counts if in one measure it is better than the baseline and than each null control of its own.
    """
    kinds = method.kinds(inputs.study)
    controls: dict[str, list[str]] = {}
    beyond: set[str] = set()
    for words, rows in _compared(inputs).items():
        better = {row["variant"] for row in rows if row["kind"] == "baseline" and row["verdict"] == "better"}
        controls[words] = [name for name in kinds if name in better and kinds[name] == "null control"]
        own: dict[str, set[str]] = {}
        for row in rows:
            if kinds[row["reference"]] == "null control":
                own.setdefault(row["variant"], set()).add(row["verdict"])
        beyond |= {name for name in better if own.get(name) == {"better"}}
    return {"controls": controls, "beyond": [name for name in kinds if name in beyond]}


def all_tables(inputs: Inputs) -> dict[str, pd.DataFrame]:
    """Return name -> table, of texts."""
    return {
        "maps": _main_table(inputs),
        "map_gains": _measures_table(inputs, _GAINS),
        "map_checks": _measures_table(inputs, _CHECKS),
        "map_on_objects": _measures_table(inputs, _ON_OBJECTS if _has_objects(inputs) else {}),
        "map_curves": _curves_table(inputs),
        "map_controls": _controls_table(inputs, _OVER_MAPS),
        "map_object_controls": _object_controls_table(inputs),
        "map_objects": _objects_table(inputs),
        "map_agreement": _agreement_table(inputs),
    }


def _main_table(inputs: Inputs) -> pd.DataFrame:
    """Return one row per variant that is no null control, the baseline first."""
    names = method.without_null_controls(inputs.study)
    *_, last = blocks(inputs)
    precision = {"precision": _ON_OBJECTS["precision"]} if _has_objects(inputs) else {}
    agreement = inputs.tables["map_agreement"].set_index("variant")["same_variant"]
    return pd.DataFrame(
        {
            "Variant": names,
            **_columns(inputs, last, _GAINS | precision, names, _with_intervals),
            "Agreement of seeds": [formatting.ratio(agreement[name], 2) for name in names],
        }
    )


def _measures_table(inputs: Inputs, headings: Mapping[str, str]) -> pd.DataFrame:
    """Return one row per block and variant, or none without a measure."""
    names = list(inputs.study.variants) if headings else []
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "Block": [block] * len(names),
                    "Variant": names,
                    **_columns(inputs, block, headings, names, _with_verdicts),
                }
            )
            for block in blocks(inputs)
        ]
    )


def _columns(
    inputs: Inputs,
    block: str,
    headings: Mapping[str, str],
    names: Sequence[str],
    texts: Callable[[pd.DataFrame], dict[str, str]],
) -> dict[str, list[str | None]]:
    """Return for each measure its means, and the differences to the baseline as `texts` writes them."""
    columns: dict[str, list[str | None]] = {}
    for measure, heading in headings.items():
        means = {row["variant"]: row["mean"] for row in inputs.rows("maps", block=block, measure=measure)}
        differences = texts(inputs.frame("maps_comparisons", block=block, measure=measure, kind="baseline"))
        columns[heading] = [formatting.percent(means[name]) for name in names]
        columns[f"{heading.partition(',')[0]}, difference"] = [differences.get(name) for name in names]
    return columns


def _with_intervals(rows: pd.DataFrame) -> dict[str, str]:
    """Return variant -> difference with interval."""
    texts = tables.column(formatting.points_with_interval, rows, "difference", "low", "high")
    return dict(zip(rows["variant"], texts, strict=True))


def _with_verdicts(rows: pd.DataFrame) -> dict[str, str]:
    """Return variant -> difference with interval and verdict."""
    texts = _with_intervals(rows)
    return {
        variant: f"{texts[variant]} {verdict}"
        for variant, verdict in zip(rows["variant"], rows["verdict"], strict=True)
    }


def _curves_table(inputs: Inputs) -> pd.DataFrame:
    """Return one row per block and variant: the mean probability of the class in both curves, by kind of map."""
    rows = []
    for block in blocks(inputs):
        for variant in inputs.study.variants:
            of_kinds = {row["map"]: row for row in inputs.rows("map_curves", block=block, variant=variant)}
            curves = {
                f"{curve.capitalize()}, {words}, %": formatting.percent(of_kinds[kind][curve])
                for curve in _GAINS
                for kind, words in _MAPS.items()
            }
            rows.append({"Block": block, "Variant": variant, **curves})
    return pd.DataFrame(rows)


def _controls_table(inputs: Inputs, headings: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """Return one row per block and variant: what Grad-CAM is better by, a column per measure and control."""
    frame = inputs.tables["map_controls"]
    return pd.concat([_better_by(rows, f"{block}", headings) for block, rows in frame.groupby("block", sort=False)])


def _object_controls_table(inputs: Inputs) -> pd.DataFrame:
    """Return the same of scores on objects, and the rows of spatial gates by slot; none if the data have no masks."""
    if not _has_objects(inputs):
        return pd.DataFrame()
    gates = inputs.tables["gate_controls"].groupby("slot", sort=False)
    of_gates = [_better_by(rows, f"gate of {slot}", _OVER_OBJECTS) for slot, rows in gates]
    of_blocks = _controls_table(inputs, _OVER_OBJECTS)
    of_blocks["Block"] = "Grad-CAM of " + of_blocks["Block"]
    return pd.concat([of_blocks, *of_gates]).rename(columns={"Block": "Map"})


def _better_by(rows: pd.DataFrame, block: str, headings: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    names = list(rows["variant"].unique())
    of_kinds = {kind: _with_verdicts(own) for kind, own in rows.groupby(["measure", "control"])}
    columns = {heading: map(of_kinds.get(kind, {}).get, names) for heading, kind in headings.items()}
    return pd.DataFrame({"Block": [block] * len(names), "Variant": names} | columns)


def _objects_table(inputs: Inputs) -> pd.DataFrame:
    """Return one row per variant and map other than Grad-CAM; none if the data have no masks."""
    frame = inputs.tables["map_objects"]
    return pd.DataFrame(
        {
            "Variant": frame["variant"],
            "Map": [_MAPS.get(name, f"gate of {name}") for name in frame["map"]],
            **{
                heading: tables.column(formatting.plus_minus, frame, score, f"{score}_std")
                for score, heading in _ON_OBJECTS.items()
            },
        }
    )


def _agreement_table(inputs: Inputs) -> pd.DataFrame:
    """Return one row per variant: rank correlations of its maps with those of other runs."""
    frame = inputs.tables["map_agreement"]
    printed = partial(formatting.ratio, decimals=3)
    return pd.DataFrame(
        {
            "Variant": frame["variant"],
            "Same variant, other seed": tables.column(printed, frame, "same_variant"),
            "Other variant, other seed": tables.column(printed, frame, "other_variant"),
            "Other variant, same seed": tables.column(printed, frame, "same_seed"),
        }
    )


def _has_objects(inputs: Inputs) -> bool:
    return len(inputs.tables["map_objects"]) > 0
