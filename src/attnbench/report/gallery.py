"""Draws the figures of the report from tables and stored arrays. Their captions are in REPORT.md.j2."""

from collections.abc import Callable, Iterator

import pandas as pd
from matplotlib.figure import Figure

from attnbench.records.views import Views
from attnbench.report import method
from attnbench.report.figures import channel_gates, cost, curves, forest, maps, style
from attnbench.report.figures.scale import Scale
from attnbench.report.inputs import Inputs, controls, read_iterations

# for every variant: the figure (None if it has no gates of the kind), and the colour scale that its panels share
MAPS: dict[str, tuple[Callable[[Views, str], Figure | None], Callable[[Views], Scale] | None]] = {
    "feature_maps": (maps.feature_maps, maps.feature_scale),
    "active_channels": (maps.active_channels, maps.active_scale),
    "grad_cam": (maps.grad_cam, lambda views: maps.grad_cam_scale([views])),
    "channel_gates": (channel_gates.channel_gates, None),
    "spatial_gates": (maps.spatial_gates, maps.spatial_scale),
}


def draw(inputs: Inputs) -> dict[str, Scale | None]:
    """Save all figures as `<name>.png` in the study's folder; return name -> colour scale, None if it has none."""
    scales = {}
    for name, figure, scale in figures(inputs):
        style.save(figure, inputs.paths.figures / f"{name}.png")
        scales[name] = scale
    return scales


def figures(inputs: Inputs) -> Iterator[tuple[str, Figure, Scale | None]]:
    """Draw one figure after the other: name, figure, and the colour scale that its panels share."""
    yield "difference_forest", _difference_forest(inputs), None
    yield "accuracy_against_cost", _accuracy_against_cost(inputs), None
    if inputs.study.controls:
        forests = (("null_control_forest", True, "null control"), ("control_forest", False, "wider network"))
        for name, null, reference in forests:
            rows = controls(inputs.tables, null=null)
            if len(rows):
                yield name, _control_forest(inputs, rows, reference), None
    baseline, title = inputs.study.baseline, inputs.data.title
    yield "learning_curves", curves.learning_curves(inputs.tables["learning"], baseline, title), None
    steps = read_iterations(inputs.study, inputs.paths)
    yield "iteration_loss", curves.iteration_loss(steps, baseline, title), None
    all_views = list(inputs.views.values())
    for image in range(len(all_views[0].images) if all_views else 0):
        yield f"sheet_{image + 1}", maps.sheet(inputs.views, image, title), maps.grad_cam_scale(all_views, image)
    for variant, views in inputs.views.items():
        for kind, (drawn, scale) in MAPS.items():
            figure = drawn(views, title)
            if figure is not None:
                yield f"{kind}_{variant}", figure, scale and scale(views)


def _difference_forest(inputs: Inputs) -> Figure:
    baseline = inputs.study.baseline
    return forest.difference_forest(
        inputs.tables["differences"],
        inputs.tables["difference_by_seed"],
        confidence=inputs.study.confidence,
        title=f"Test accuracy against {baseline}: {inputs.data.title}",
        reference="the baseline",
    )


def _control_forest(inputs: Inputs, rows: pd.DataFrame, reference: str) -> Figure:
    def named_by_pair(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(variant=frame["variant"] + " \N{MINUS SIGN} " + frame["control"])

    return forest.difference_forest(
        named_by_pair(rows),
        named_by_pair(inputs.tables["control_by_seed"]),
        confidence=inputs.study.confidence,
        title=f"Test accuracy against {reference}s: {inputs.data.title}",
        reference=f"the {reference}",
    )


def _accuracy_against_cost(inputs: Inputs) -> Figure:
    wider = cost.NO_CONTROLS
    if inputs.study.controls:
        wider = controls(inputs.tables, null=False)[["variant", "control", "kind"]]
        wider = wider.assign(cost=wider["kind"].str.split()).explode("cost")
    return cost.accuracy_against_cost(
        inputs.tables["overview"],
        baseline=inputs.study.baseline,
        title=inputs.data.title,
        controls=wider,
        null_controls=[name for name, kind in method.kinds(inputs.study).items() if kind == "null control"],
    )
