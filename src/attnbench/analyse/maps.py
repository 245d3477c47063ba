"""Scores of maps, and whether the maps of two seeds agree more than those of two variants."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attnbench.analyse import measures, statistics
from attnbench.analyse.stage_outputs import again, read_evaluations
from attnbench.errors import UserError
from attnbench.records import MapsRecord, RunRecord
from attnbench.records.maps import Curves, OnObjects
from attnbench.records.rank_correlation import standardised_ranks
from attnbench.study import Study, StudyPaths, run_name

# deletion and insertion are what Grad-CAM is better by than random maps
_CHECKS = ("infidelity", "sensitivity", "untrained_classifier", "untrained")  # fields of the scores; lower is better
_UNTRAINED = ("untrained_classifier", "untrained")  # of these: correlations, of which 0 is best
_ON_OBJECTS = ("energy", "pointing", "precision")
_CONTROLS = ("random", "centre")
_OF_CURVES = [(curve, control) for curve in ("deletion", "insertion") for control in _CONTROLS]
_OVER_AREA = [(measure, "area") for measure in _ON_OBJECTS]
_OF_OBJECTS = [*_OVER_AREA, ("precision", "centre")]
_PERMUTATIONS = 999

_Gains = dict[tuple[str, str], float]  # (measure, control) -> by how much a map of a run is better


def load_maps(study: Study, paths: StudyPaths, runs: Sequence[RunRecord]) -> list[MapsRecord]:
    """Return the scores of the maps of every run, in the order of the runs.

    Raises:
        UserError: a record is missing, is that of another run, was made from other weights, or from other images than
            the first one.
    """
    records = read_evaluations(study, paths, "maps", MapsRecord, paths.map_scores, runs)
    firsts: dict[str, MapsRecord] = {}  # of each variant
    for record in records:
        for first, facts in ((records[0], _scored), (firsts.setdefault(record.variant, record), _slots)):
            own, expected = facts(record), facts(first)
            for fact in (name for name in own if own[name] != expected[name]):
                path, first_run = paths.map_scores(record.variant, record.seed), run_name(first.variant, first.seed)
                advice = again(study, "maps", run_name(record.variant, record.seed))
                raise UserError(
                    f"{path} has {fact} {own[fact]}, but that of {first_run} has {expected[fact]}. {advice}"
                )
    return records


def _scored(record: MapsRecord) -> dict[str, object]:
    """Return what all runs of a study have in common, by name."""
    scores = record.scores
    return {
        "a number of images of": scores.images,
        "a number of stored maps of": scores.maps.images,
        "the blocks": list(scores.blocks),
        "a mean area of objects of": scores.objects and scores.objects.area,
    }


def _slots(record: MapsRecord) -> dict[str, object]:
    """Return what all runs of a variant have in common, by name."""
    return {"spatial gates in the slots": record.scores.objects and list(record.scores.objects.gates)}


def frames(study: Study, records: Sequence[MapsRecord]) -> dict[str, pd.DataFrame]:
    """Return the tables by name.

    maps                a row per block, measure and variant: mean and standard deviation over the seeds
    maps_comparisons    a row per block, measure and pair of the study; each measure of a block is a family
    map_curves          a row per variant, block and kind of map: deletion and insertion, mean and standard deviation
    map_controls        a row per block, variant, measure and control: what Grad-CAM is better by; the curves of a block
                        are a family, and each of its scores on objects is, without rows if the data have no masks
    map_objects         a row per variant and map other than Grad-CAM: gates by slot; none if the data have no masks
    gate_controls       a row per slot, variant and measure: what a spatial gate is better by than the area of the
                        objects; a measure of the gates of a slot is a family; none if the data have no masks
    map_agreement       a row per variant: rank correlation of its maps with those of other runs
    map_agreement_test  one row: the means of these over variants, and how likely chance is
    """
    groups = {variant: [record for record in records if record.variant == variant] for variant in study.variants}
    blocks = list(records[0].scores.blocks)
    values = {block: _values(groups, block) for block in blocks}
    better = {block: {name: [gains(record, block) for record in groups[name]] for name in groups} for block in blocks}
    families = [_OF_CURVES, *([kind] for kind in _OF_OBJECTS)] if records[0].scores.objects else [_OF_CURVES]
    return {
        "maps": _by_block({block: measures.means_frame(values[block]) for block in blocks}),
        "maps_comparisons": _by_block(
            {
                block: measures.comparisons_frame(study, values[block], lower_is_better=_CHECKS, shares=())
                for block in blocks
            }
        ),
        "map_curves": pd.DataFrame(row for variant, group in groups.items() for row in _curves(variant, group)),
        "map_controls": _by_block(
            {block: pd.concat([_controls(study, better[block], kinds) for kinds in families]) for block in blocks}
        ),
        "map_objects": pd.DataFrame(
            [row for variant, group in groups.items() for row in _objects(variant, group)],
            columns=["variant", "map", *(f"{name}{suffix}" for name in _ON_OBJECTS for suffix in ("", "_std")), "area"],
        ),
        "gate_controls": _gate_controls(study, groups),
        **_agreement(study, groups),
    }


def _by_block(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of all blocks, with the block's name in the first column."""
    return pd.concat(frames, names=["block"]).reset_index("block")


def _values(groups: Mapping[str, Sequence[MapsRecord]], block: str) -> measures.Values:
    of_runs = {variant: [_measures(record, block) for record in group] for variant, group in groups.items()}
    names = next(iter(of_runs.values()))[0]
    return {name: {variant: [run[name] for run in runs] for variant, runs in of_runs.items()} for name in names}


def gains(record: MapsRecord, block: str) -> _Gains:
    """Return (measure, control) -> by how much the Grad-CAM of a block is better; on objects only if there are masks.

    The control `area` is a constant map, which scores the area of the objects in each measure.
    """
    scores, objects = record.scores.blocks[block], record.scores.objects
    better: _Gains = {}
    for control, curves in (("random", scores.random), ("centre", record.scores.centre)):
        better["deletion", control] = curves.deletion - scores.grad_cam.deletion  # lower is better
        better["insertion", control] = scores.grad_cam.insertion - curves.insertion
    if scores.objects and objects:
        better |= _over_area(scores.objects, objects.area)
        better["precision", "centre"] = scores.objects.precision - objects.centre.precision
    return better


def _over_area(scores: OnObjects, area: float) -> _Gains:
    return {(measure, "area"): getattr(scores, measure) - area for measure in _ON_OBJECTS}


def _measures(record: MapsRecord, block: str) -> dict[str, float]:
    scores, better = record.scores.blocks[block], gains(record, block)
    return {
        **{curve: better[curve, "random"] for curve in ("deletion", "insertion")},
        **(scores.objects.model_dump() if scores.objects else {}),
        **{name: getattr(scores, name) for name in _CHECKS},
        **{name: abs(getattr(scores, name)) for name in _UNTRAINED},
    }


def _curves(variant: str, group: Sequence[MapsRecord]) -> list[dict[str, Any]]:
    scores = [record.scores for record in group]
    of_kinds = {
        (block, kind): [getattr(own if kind == "centre" else own.blocks[block], kind) for own in scores]
        for block in scores[0].blocks
        for kind in ("grad_cam", *_CONTROLS)
    }
    return [
        {
            "variant": variant,
            "block": block,
            "map": kind,
            **_over_seeds(maps),
            "images": scores[0].images,
            "checked": scores[0].checked,
        }
        for (block, kind), maps in of_kinds.items()
    ]


def _objects(variant: str, group: Sequence[MapsRecord]) -> list[dict[str, Any]]:
    known = [record.scores.objects for record in group if record.scores.objects]
    if not known:
        return []
    of_maps = {"centre": [objects.centre for objects in known]}
    of_maps |= {slot: [objects.gates[slot] for objects in known] for slot in known[0].gates}
    return [
        {"variant": variant, "map": name, **_over_seeds(maps), "area": known[0].area} for name, maps in of_maps.items()
    ]


def _over_seeds(scores: Sequence[Curves] | Sequence[OnObjects]) -> dict[str, float]:
    """Return mean and standard deviation of each score over the seeds, the latter as `<name>_std`."""
    rows = pd.DataFrame([own.model_dump() for own in scores])
    spreads = {name: statistics.mean_std(rows[name].tolist()) for name in rows}
    return {
        f"{name}{suffix}": value
        for name, spread in spreads.items()
        for suffix, value in (("", spread.mean), ("_std", spread.std))
    }


def _gate_controls(study: Study, groups: Mapping[str, Sequence[MapsRecord]]) -> pd.DataFrame:
    better: dict[str, dict[str, list[_Gains]]] = {}  # slot -> variant -> of each run
    for variant, group in groups.items():
        for objects in (record.scores.objects for record in group if record.scores.objects):
            for slot, scores in objects.gates.items():
                better.setdefault(slot, {}).setdefault(variant, []).append(_over_area(scores, objects.area))
    frames = [
        _controls(study, of_slot, [kind]).assign(slot=slot) for slot, of_slot in better.items() for kind in _OVER_AREA
    ]
    columns = ["slot", "variant", "measure", "control", "difference", "low", "high", "verdict"]
    return pd.concat(frames)[columns] if frames else pd.DataFrame(columns=columns)


def _controls(study: Study, better: Mapping[str, Sequence[_Gains]], kinds: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Return a row per variant, measure and control, all of one family; `better` has the gains of each run."""
    values = [[[run[kind] for run in runs] for kind in kinds] for runs in better.values()]
    family = statistics.change_comparisons(values, study.confidence)
    return pd.DataFrame(
        {
            "variant": variant,
            "measure": measure,
            "control": control,
            **{name: getattr(comparison, name) for name in ("difference", "low", "high", "verdict")},
        }
        for variant, comparisons in zip(better, family, strict=True)
        for (measure, control), comparison in zip(kinds, comparisons, strict=True)
    )


def _agreement(study: Study, groups: Mapping[str, Sequence[MapsRecord]]) -> dict[str, pd.DataFrame]:
    """Compare agreement between seeds of one variant with that between variants, at different seeds in both cases.

    `p` is the share of random assignments of variants to runs, within each seed, under which seeds of one variant agree
    at least as much.
    """
    n, m = len(study.seeds), len(groups)
    correlations = _correlations([group[i] for i in range(n) for group in groups.values()])
    between = correlations.reshape(n, m, n, m).transpose(0, 2, 1, 3)  # seed, seed, variant, variant
    is_seed, is_variant = np.eye(n, dtype=bool), np.eye(m, dtype=bool)
    means = {
        "same_variant": _mean_of(between[~is_seed], is_variant),
        "other_variant": _mean_of(between[~is_seed], ~is_variant),
        "same_seed": _mean_of(between[is_seed], ~is_variant),
    }
    test = {name: float(values.mean()) for name, values in means.items()}
    return {
        "map_agreement": pd.DataFrame({"variant": list(groups), **means}),
        "map_agreement_test": pd.DataFrame(
            [{**test, "p": _p_value(between), "assignments": _PERMUTATIONS, "images": _images(groups)}]
        ),
    }


def _mean_of(between: NDArray[np.float64], others: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return for every variant (m,) its mean correlation with `others` (m, m) in `between` (k, m, m); NaN for k = 0."""
    if not len(between):
        return np.full(len(others), math.nan)
    return np.asarray((between * others).sum((0, 2)) / (len(between) * others.sum(1)))


def _images(groups: Mapping[str, Sequence[MapsRecord]]) -> int:
    return next(iter(groups.values()))[0].scores.maps.images


def _correlations(records: Sequence[MapsRecord]) -> NDArray[np.float64]:
    """Return the rank correlation of the maps of every two runs, mean over the images."""
    ranks = np.stack([standardised_ranks(record.scores.maps.array()).ravel() for record in records])
    return np.asarray(ranks @ ranks.T / records[0].scores.maps.images)


def _p_value(between: NDArray[np.float64]) -> float:
    """Return the p-value of the agreement between seeds of one variant; `between` is (n, n, m, m)."""
    n, _, m, _ = between.shape
    if n == 1:
        return math.nan
    first, second = np.triu_indices(n, 1)
    random = np.random.Generator(np.random.PCG64(0))
    assignments = np.stack([np.tile(np.arange(m), (n, 1)), *(_permutations(random, n, m))])
    sums = [between[first[:, None], second[:, None], own[first], own[second]].sum() for own in assignments]
    return float(np.mean(np.array(sums) >= sums[0] - 1e-9))


def _permutations(random: np.random.Generator, n: int, m: int) -> NDArray[np.int64]:
    """Return random assignments (k, n, m) of variants to runs."""
    return random.permuted(np.broadcast_to(np.arange(m), (_PERMUTATIONS, n, m)), axis=2)
