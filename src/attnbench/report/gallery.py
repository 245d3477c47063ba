"""Draws the figures of the report from tables and stored arrays. Their captions are in the templates."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from attnbench.report import method
from attnbench.report.figures import ablation, forest, learning, maps, price, robustness, style
from attnbench.report.inputs import Inputs, read_iterations
from attnbench.report.paper import FIGURES

# GitHub shows no image inside an SVG, so a figure that holds images is a PNG
SHEETS = ("grad_cam", "spatial_gates", "feature_maps", "active_channels")
_OWN_SHEETS = 10  # variants with sheets of their own; those of all thirty would take 4 MB
_STEP = 3  # every third image in the sheets of DETAILS.md: with all, ten variants would take more than 4 MB


def draw(inputs: Inputs, folder: Path) -> dict[str, str]:
    """Save all figures in `folder / "figures"`; return name -> name of its file.

    Sheets of images are PNG, plots are SVG. Those of a paper are PDF in `folder / "paper"` too: LaTeX reads no SVG.
    """
    names = {}
    for name, figure in figures(inputs):
        names[name] = f"{name}.{'png' if name.startswith(SHEETS) else 'svg'}"
        style.save(figure, folder / inputs.paths.figures.name / names[name])
        if name in FIGURES:
            style.save(figure, folder / "paper" / f"{name}.pdf")
    return names


def figures(inputs: Inputs) -> Iterator[tuple[str, Figure]]:
    """Draw one figure after the other: name and figure. What there is no data for is left out."""
    tables, study, kinds = inputs.tables, inputs.study, method.kinds(inputs.study)
    yield (
        "forest",
        forest.forest(
            tables["comparisons"],
            tables["comparison_by_seed"],
            kinds=kinds,
            confidence=study.confidence,
            margin=study.margin,
        ),
    )
    yield "price", _price(inputs, kinds)
    accuracy = tables["accuracy"].set_index("variant")["mean"]
    modules = tables["ablation"][tables["ablation"]["variant"].map(kinds) == "attention"]
    if len(modules):
        yield (
            "frozen_and_shuffled",
            ablation.frozen_and_shuffled(modules, baseline=study.baseline, accuracy=accuracy[study.baseline]),
        )
    slots = tables["ablation_slots"][tables["ablation_slots"]["variant"].map(kinds) == "attention"]
    gates = slots[slots["quantity"] != "term"]  # a term is no gate
    if len(gates):
        yield "gate_spread", ablation.gate_spread(gates)
    yield "corruptions", robustness.corruptions(tables["corruptions"], kinds=kinds)
    yield "learning", learning.learning(tables["learning"], kinds=kinds)
    yield "training_loss", learning.training_loss(read_iterations(study, inputs.paths), kinds=kinds)
    yield from _sheets(inputs, kinds)


def _sheets(inputs: Inputs, kinds: dict[str, str]) -> Iterator[tuple[str, Figure]]:
    views = inputs.views
    blocks = list(next(iter(views.values())).blocks) if views else []
    for block in reversed(blocks):
        shown = {variant: view for variant, view in views.items() if block in view.blocks}
        if block == blocks[-1]:
            yield "grad_cam", maps.grad_cam(shown, block)
        else:
            yield f"grad_cam_{block}", maps.grad_cam(shown, block, step=_STEP)
    gates = maps.spatial_gates(views)
    if gates:
        yield "spatial_gates", gates
    # the maps of a network without a gate that sees its input show nothing that those of the baseline do not
    own = [variant for variant, view in views.items() if view.blocks and kinds[variant] in ("baseline", "attention")]
    for variant in own[:_OWN_SHEETS]:
        is_in_report = variant == inputs.study.baseline
        yield f"feature_maps_{variant}", maps.feature_maps(views[variant], step=1 if is_in_report else _STEP)
        yield f"active_channels_{variant}", maps.active_channels(views[variant], step=_STEP)


def _price(inputs: Inputs, kinds: dict[str, str]) -> Figure:
    """Merge differences to the baseline with the ratios of a training step and of inference at the largest batch."""
    tables, baseline, batch = inputs.tables, inputs.study.baseline, max(inputs.study.latency.batch_sizes)
    comparisons = tables["comparisons"]
    frame = comparisons.loc[comparisons["kind"] == "baseline", ["variant", "difference", "low", "high", "verdict"]]
    own = {"variant": baseline, "difference": 0.0, "low": 0.0, "high": 0.0, "verdict": "baseline"}
    frame = pd.concat([pd.DataFrame([own]), frame], ignore_index=True)
    frame = frame[frame["variant"].map(kinds) != "null control"]  # a means of comparison, not a choice
    times = {"step": tables["training_step"], "latency": tables["latency"].query("batch_size == @batch")}
    for name, table in times.items():
        ratios = table.set_index("variant")[["ratio", "ratio_low", "ratio_high"]]
        ratios.columns = [name, f"{name}_low", f"{name}_high"]
        frame = frame.merge(ratios, how="left", left_on="variant", right_index=True)
    costs = {
        "step": f"time of a training step, ratio to {baseline}",
        "latency": f"latency at batch size {batch}, ratio to {baseline}",
    }
    return price.price(frame, baseline=baseline, costs=costs)
