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
from attnbench.records.rank_correlation import standardised_ranks
from attnbench.study import Study, StudyPaths, run_name

# deletion and insertion are what Grad-CAM is better by than random maps
_CHECKS = ("infidelity", "sensitivity", "untrained_classifier", "untrained")  # fields of the scores; lower is better
_ON_OBJECTS = ("energy", "pointing", "precision")
_CONTROLS = ("random", "centre")
_PERMUTATIONS = 999


def load_maps(study: Study, paths: StudyPaths, runs: Sequence[RunRecord]) -> list[MapsRecord]:
    """Return the scores of the maps of every run, in the order of the runs.

    Raises:
        UserError: a record is missing, is that of another run, was made from other weights, or from other images than
            the first one.
    """
    records = read_evaluations(study, paths, "maps", MapsRecord, paths.map_scores, runs)
    kinds: dict[str, object] = {}
    for record in records:
        scores, objects = record.scores, record.scores.objects
        kind = (scores.images, scores.maps.images, None if objects is None else objects.area)
        slots = None if objects is None else list(objects.gates)
        if (kinds.setdefault("", kind), kinds.setdefault(record.variant, slots)) != (kind, slots):
            path = paths.map_scores(record.variant, record.seed)
            name = run_name(record.variant, record.seed)
            raise UserError(f"{path} is of other images or slots than others. {again(study, 'maps', name)}")
    return records


def frames(study: Study, records: Sequence[MapsRecord]) -> dict[str, pd.DataFrame]:
    """Return the tables by name.

    maps                a row per measure and variant: mean and standard deviation over the seeds
    maps_comparisons    a row per measure and pair of the study
    map_curves          a row per variant and kind of map: deletion and insertion
    map_controls        a row per variant, curve and control: what Grad-CAM is better by; one family
    map_objects         a row per variant and map, with gates by slot; none if the data have no masks
    map_agreement       a row per variant: rank correlation of its maps with those of other runs
    map_agreement_test  one row: the means of these over variants, and how likely chance is
    """
    groups = {variant: [record for record in records if record.variant == variant] for variant in study.variants}
    of_runs = {variant: [_measures(record) for record in group] for variant, group in groups.items()}
    values = {
        measure: {variant: [run[measure] for run in runs] for variant, runs in of_runs.items()}
        for measure in of_runs[study.baseline][0]
    }
    return {
        "maps": measures.means_frame(values),
        "maps_comparisons": measures.comparisons_frame(study, values, lower_is_better=_CHECKS, shares=()),
        "map_curves": pd.DataFrame(row for variant, group in groups.items() for row in _curves(variant, group)),
        "map_controls": _controls(study, groups),
        "map_objects": pd.DataFrame(
            [row for variant, group in groups.items() for row in _objects(variant, group)],
            columns=["variant", "map", *_ON_OBJECTS, "area"],
        ),
        **_agreement(study, groups),
    }


def gain(record: MapsRecord, curve: str, control: str) -> float:
    """Return by how much Grad-CAM is better than a control: lower in deletion, higher in insertion."""
    own, other = (getattr(getattr(record.scores, name), curve) for name in ("grad_cam", control))
    difference: float = own - other
    return -difference if curve == "deletion" else difference


def _measures(record: MapsRecord) -> dict[str, float]:
    scores, objects = record.scores, record.scores.objects
    return {
        **{curve: gain(record, curve, "random") for curve in ("deletion", "insertion")},
        **(objects.grad_cam.model_dump() if objects else {}),
        **{name: getattr(scores, name) for name in _CHECKS},
    }


def _curves(variant: str, group: Sequence[MapsRecord]) -> list[dict[str, Any]]:
    return [
        {
            "variant": variant,
            "map": name,
            **_means([getattr(record.scores, name).model_dump() for record in group]),
            "images": group[0].scores.images,
            "checked": group[0].scores.checked,
        }
        for name in ("grad_cam", *_CONTROLS)
    ]


def _objects(variant: str, group: Sequence[MapsRecord]) -> list[dict[str, Any]]:
    rows = []
    known = [record.scores.objects for record in group if record.scores.objects]
    for name, maps in {
        "grad_cam": [objects.grad_cam for objects in known],
        "centre": [objects.centre for objects in known],
        **{slot: [objects.gates[slot] for objects in known] for slot in (known[0].gates if known else ())},
    }.items():
        if maps:
            means = _means([own.model_dump() for own in maps])
            rows.append({"variant": variant, "map": name, **means, "area": known[0].area})
    return rows


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: statistics.mean_std([row[name] for row in rows]).mean for name in rows[0]}


def _controls(study: Study, groups: Mapping[str, Sequence[MapsRecord]]) -> pd.DataFrame:
    kinds = [(curve, control) for curve in ("deletion", "insertion") for control in _CONTROLS]
    gains = [[[gain(record, *kind) for record in group] for kind in kinds] for group in groups.values()]
    family = statistics.change_comparisons(gains, study.confidence)
    return pd.DataFrame(
        {
            "variant": variant,
            "curve": curve,
            "control": control,
            **{name: getattr(comparison, name) for name in ("difference", "low", "high", "verdict")},
        }
        for variant, comparisons in zip(groups, family, strict=True)
        for (curve, control), comparison in zip(kinds, comparisons, strict=True)
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
        "map_agreement_test": pd.DataFrame([{**test, "p": _p_value(between), "images": _images(groups)}]),
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
