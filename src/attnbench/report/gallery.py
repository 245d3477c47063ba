"""The figures of the report: drawn, saved, and described."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from attnbench.records.views import Views
from attnbench.report import figures
from attnbench.report.figures import captions, comparison, curves, gates, maps
from attnbench.report.inputs import Inputs
from attnbench.report.inputs import curves as read_curves
from attnbench.report.words import count, level


@dataclass(frozen=True)
class Drawn:
    """A figure in its file; `link` is relative to the report."""

    link: str
    alt: str
    caption: str


@dataclass(frozen=True)
class Gallery:
    """All figures of a report, by where they stand in it."""

    results: list[Drawn]
    controls: list[Drawn]  # none where the study has none
    learning: list[Drawn]
    sheets: list[Drawn]
    maps: dict[str, list[Drawn]]  # by variant


Caption = Callable[[Views, str], str]
Draw = Callable[[Views, str], Figure | None]

# One figure each for every variant; a variant without gates of a kind has none of them.
MAPS: dict[str, tuple[str, Draw, Caption]] = {
    "feature_maps": ("Feature maps", maps.feature_maps, captions.feature_maps),
    "active_channels": ("Most active channels", maps.active_channels, captions.active_channels),
    "grad_cam": ("Grad-CAM", maps.grad_cam, captions.grad_cam),
    "channel_gates": ("Channel gates", gates.channel_gates, captions.channel_gates),
    "spatial_gates": ("Spatial gates", maps.spatial_gates, captions.spatial_gates),
}


def draw(inputs: Inputs) -> Gallery:
    """Draw and save all figures."""
    return Gallery(
        results=results(inputs),
        controls=[_control_forest(inputs)] if inputs.study.controls else [],
        learning=learning(inputs),
        sheets=sheets(inputs),
        maps={variant: of_variant(inputs, variant) for variant in inputs.study.variants},
    )


def results(inputs: Inputs) -> list[Drawn]:
    """Draw the differences to the baseline, and accuracy against cost."""
    return [_forest(inputs), _cost(inputs)]


def learning(inputs: Inputs) -> list[Drawn]:
    """Draw what happened in training."""
    baseline, title, paths = inputs.study.baseline, inputs.data.title, inputs.paths
    seeds = count(len(inputs.study.seeds), "seed")
    epochs, steps = read_curves(inputs, paths.epochs), read_curves(inputs, paths.iterations)
    return [
        _save(
            inputs,
            "learning_curves",
            curves.learning_curves(epochs, baseline, title),
            "Learning curves of all variants",
            f"Accuracy and loss on the validation images of {title} after every epoch, and the loss on the augmented "
            f"training images while the weights change (dotted){_smoothed(inputs)}. Thick: mean of {seeds}; thin: "
            f"every seed; grey: {_baseline(inputs)}.",
        ),
        _save(
            inputs,
            "iteration_loss",
            curves.iteration_loss(steps, baseline, title),
            "Training loss of every step of all variants",
            f"Training loss of every step on {title}, as an exponentially weighted mean over the steps before. Thick: "
            f"mean of {seeds}; thin: every seed; grey: {_baseline(inputs)}.",
        ),
    ]


def _smoothed(inputs: Inputs) -> str:
    smoothing = inputs.study.recipe.label_smoothing
    return f", the latter against labels smoothed by {smoothing:g}, so the two do not meet" if smoothing else ""


def _forest(inputs: Inputs) -> Drawn:
    baseline, confidence = inputs.study.baseline, inputs.study.confidence
    differences = inputs.tables["differences"].rename(columns={"mean": "difference"})
    by_seed = inputs.tables["difference_by_seed"]
    numbers = ["difference", "low", "high"]
    figure = comparison.difference_forest(
        differences.assign(**{name: 100 * differences[name] for name in numbers}),
        by_seed.assign(difference=100 * by_seed["difference"]),
        baseline=baseline,
        confidence=confidence,
        title=inputs.data.title,
    )
    caption = (
        f"Difference in test accuracy to {_baseline(inputs)} on {inputs.data.title}, paired by seed: mean (diamond), "
        "every seed (circle)"
    )
    if len(inputs.study.seeds) > 1:
        caption += (
            f", and the {level(confidence)} interval of the paired t test, that of one comparison. Blue: better or "
            "worse by the verdicts of the table, after Holm's correction; grey: inconclusive"
        )
    return _save(inputs, "difference_forest", figure, "Differences to the baseline", f"{caption}.")


def _control_forest(inputs: Inputs) -> Drawn:
    confidence = inputs.study.confidence
    found, by_seed = inputs.tables["controls"], inputs.tables["control_by_seed"]
    numbers = {"difference": "mean", "low": "low", "high": "high"}
    figure = comparison.difference_forest(
        pd.DataFrame({name: 100 * found[column] for name, column in numbers.items()}).assign(
            variant=_pair(found), verdict=found["verdict"]
        ),
        by_seed[["seed"]].assign(difference=100 * by_seed["difference"], variant=_pair(by_seed)),
        baseline="wider networks",
        confidence=confidence,
        title=inputs.data.title,
        than="the wider network",
    )
    caption = (
        f"Difference in test accuracy to wider networks of equal cost on {inputs.data.title}, seed by seed: mean "
        "(diamond), every seed (circle)"
    )
    if len(inputs.study.seeds) > 1:
        caption += (
            f", and the {level(confidence)} interval of one comparison; blue: better or worse, grey: inconclusive"
        )
    return _save(inputs, "control_forest", figure, "Differences to wider networks of equal cost", f"{caption}.")


def _pair(frame: pd.DataFrame) -> "pd.Series[str]":
    return frame["variant"] + " \N{MINUS SIGN} " + frame["control"]


def _cost(inputs: Inputs) -> Drawn:
    sizes, latency = inputs.study.latency.batch_sizes, inputs.tables["latency"]
    ratios = latency.pivot(index="variant", columns="batch_size", values="ratio")[sizes].add_prefix("latency_ratio_")
    frame = (
        inputs.tables["accuracy"]
        .merge(inputs.tables["cost"], on="variant")
        .merge(ratios.reset_index(), on="variant")
        .rename(columns={"mean": "accuracy_mean", "std": "accuracy_std"})
    )
    figure = comparison.accuracy_against_cost(
        frame, baseline=inputs.study.baseline, title=inputs.data.title, controls=_joined(inputs)
    )
    seeds = count(len(inputs.study.seeds), "seed")
    bars = ", bars: one standard deviation" if len(inputs.study.seeds) > 1 else ""
    caption = (
        f"Test accuracy on {inputs.data.title} (mean of {seeds}{bars}) against parameters, multiply-adds and latency "
        f"at batch size {' and '.join(map(str, sizes))}. Orange square: {_baseline(inputs)}."
    )
    if inputs.study.controls:
        caption += " Green triangles: wider networks, joined to the variants whose cost they are meant to have."
    return _save(inputs, "accuracy_against_cost", figure, "Accuracy against cost", caption)


def _joined(inputs: Inputs) -> pd.DataFrame:
    """Return variant, control and the one cost that is meant to be equal, row by row."""
    if not inputs.study.controls:
        return comparison.NO_CONTROLS
    found = inputs.tables["controls"][["variant", "control", "costs"]]
    return found.assign(cost=found["costs"].str.split()).explode("cost")


def _baseline(inputs: Inputs) -> str:
    name = inputs.study.baseline
    return "the baseline" if name == "baseline" else f"the baseline ({name})"


def sheets(inputs: Inputs) -> list[Drawn]:
    """Draw each looked-at image through all variants."""
    first = next(iter(inputs.views.values()))
    title = inputs.data.title
    return [
        _save(
            inputs,
            f"sheet_{image + 1}",
            maps.sheet(inputs.views, image, title),
            f"Grad-CAM of all variants, image {image + 1}",
            captions.sheet(inputs.views, image, title),
        )
        for image in range(len(first.images))
    ]


def of_variant(inputs: Inputs, variant: str) -> list[Drawn]:
    """Draw what one variant looks at."""
    return list(_of_variant(inputs, variant, inputs.views[variant]))


def _of_variant(inputs: Inputs, variant: str, views: Views) -> Iterator[Drawn]:
    title = inputs.data.title
    for name, (words, drawn, caption) in MAPS.items():
        figure = drawn(views, title)
        if figure is not None:
            alt = f"{words} of {variant}"
            yield _save(inputs, f"{name}_{variant}", figure, alt, caption(views, title))


def _save(inputs: Inputs, name: str, figure: Figure, alt: str, caption: str) -> Drawn:
    path = inputs.paths.figures / f"{name}.png"
    figures.save(figure, path)
    return Drawn(path.relative_to(inputs.paths.report).as_posix(), alt, caption)
