"""What a trained network makes of a user's images: a figure like those of a report, and its probabilities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from attnbench.errors import UserError, did_you_mean, listed
from attnbench.networks import attention_modules
from attnbench.networks.gates import Attention
from attnbench.networks.grad_cam import grad_cam
from attnbench.records.views import BlockView, GateView, Views
from attnbench.report.figures import fonts, gates, maps
from attnbench.report.tables import markdown
from attnbench.use.layer_outputs import layer_maps
from attnbench.use.trained import TrainedRun
from attnbench.views import capture

Method = Literal["gradcam", "gates", "features", "channels"]

MOST_IMAGES = 6  # that fit into every kind of figure
_MOST_CLASSES = 5  # in the table
_MOST_VARYING, _MOST_ACTIVE = 9, 3  # channels of a block, as in a report
_CHANNELS_NOT_DRAWN = "The figure shows the spatial gates; of the channel gates there is only this table.\n"
_NO_GRADIENT = ("not have been used in the graph", "does not require grad")  # what torch says of a layer without one
_BLOCK = "block"  # the one block of a column of Grad-CAM


@dataclass(frozen=True)
class Explanation:
    """A figure with the images as rows, and tables as Markdown."""

    figure: Figure
    text: str


def explain(
    run: TrainedRun,
    paths: Sequence[Path],
    *,
    method: Method = "gradcam",
    layer: str | None = None,
    target: str | None = None,
) -> Explanation:
    """Draw what a network responds to in image files.

    gradcam     where the evidence for a class is: for `target`, or by default the predicted class
    gates       the gates of the attention modules: as maps, or as a line per image where there are only channel gates
    features    the channels that vary most
    channels    the channels with the largest mean in each image

    `layer` is any layer of the network that returns maps, or for `gates` a slot; by default all blocks, or slots.

    Raises:
        UserError: an image cannot be read, there are too many, or there is no such class, layer or gate.
    """
    if len(paths) > MOST_IMAGES:
        raise UserError(f"given {len(paths)} images; a figure has room for {MOST_IMAGES}: draw the others separately")
    if target is not None and target not in run.classes:
        classes = list(run.classes)
        raise UserError(
            f"{run.name} has no class {target!r}{did_you_mean(target, classes)}; allowed: {listed(classes)}"
        )
    if target is not None and method != "gradcam":
        raise UserError(f"--class {target} needs --method gradcam: nothing else depends on a class")
    pixels = run.pixels(paths)  # uint8 (n, c, h, w)
    x = run.standardised(pixels)
    if method == "gates":
        return _gates(run, paths, pixels, x, layer)
    blocks = _blocks(run, layer)
    layer_maps(run.network, blocks, x[:1])  # refuses a layer that returns none
    with capture.evaluating(run.network):
        logits, features, _ = capture.forward_pass(run.network, x, outputs_of=blocks, inputs_of={})
        explained = logits.argmax(1) if target is None else torch.full((len(x),), run.classes.index(target))
        cams = _cams(run, blocks, x, explained) if method == "gradcam" else {}
    views = _views(run, pixels, logits, explained, "" if target is None else "for ")
    views = replace(views, blocks={name: _block(features[name], cams.get(name)) for name in blocks})
    text = _probabilities(run, paths, logits, target)
    match method:
        case "gradcam":
            columns = {name: replace(views, blocks={_BLOCK: block}) for name, block in views.blocks.items()}
            return Explanation(maps.grad_cam(columns, _BLOCK), text)
        case "features":
            return Explanation(maps.feature_maps(views), text)
        case "channels":
            return Explanation(maps.active_channels(views), text)


def _cams(run: TrainedRun, blocks: Mapping[str, nn.Module], x: Tensor, classes: Tensor) -> dict[str, Tensor]:
    try:
        return grad_cam(run.network, blocks, x, classes)
    except RuntimeError as error:
        if not any(text in str(error) for text in _NO_GRADIENT):
            raise
        raise UserError(
            f"{run.name} has no Grad-CAM of {listed(list(blocks))}, through which the classes have no gradient; "
            "name another layer, or use --method features"
        ) from error


def _blocks(run: TrainedRun, layer: str | None) -> dict[str, nn.Module]:
    """Return the layers to draw."""
    if layer is None:
        return run.network.views()
    layers = dict(run.network.named_modules())
    if not layer or layer not in layers:
        near, blocks = did_you_mean(layer, [name for name in layers if name]), list(run.network.views())
        raise UserError(f"{run.name} has no layer {layer!r}{near}; its blocks are {listed(blocks)}")
    return {layer: layers[layer]}


def _views(run: TrainedRun, pixels: Tensor, logits: Tensor, explained: Tensor, word: str = "") -> Views:
    """Return the images without any view; the name of a row is its number, `word` and the class that is explained."""
    names = tuple(
        f"{row} {word}{fonts.class_name(run.classes, label)[0]}"
        for row, label in enumerate(explained.tolist(), start=1)
    )
    rows = np.arange(len(pixels))
    return Views(
        variant=run.record.variant,
        seed=run.record.seed,
        classes=names,
        index=rows,
        images=pixels.numpy(),
        labels=rows,
        predicted=rows,
        probability=logits.softmax(1).amax(1).numpy(),
        blocks={},
        gates={},
    )


def _block(features: Tensor, cam: Tensor | None) -> BlockView:
    varying = features.var((0, 2, 3), correction=0).sort(descending=True, stable=True).indices[:_MOST_VARYING]
    active = features.mean((2, 3)).sort(descending=True, stable=True).indices[:, :_MOST_ACTIVE]  # (n, m)
    heat = (torch.zeros_like(features[:, 0]) if cam is None else cam).numpy()
    return BlockView(
        features=features[:, varying].numpy().astype(np.float16),
        features_index=varying.numpy(),
        active=features.take_along_dim(active[:, :, None, None], dim=1).numpy().astype(np.float16),
        active_index=active.numpy(),
        grad_cam=heat,
        grad_cam_true=heat,
    )


def _gates(run: TrainedRun, paths: Sequence[Path], pixels: Tensor, x: Tensor, slot: str | None) -> Explanation:
    modules: Mapping[str, nn.Module] = attention_modules(run.network)
    if not modules:
        raise UserError(f"{run.name} has no attention module; use --method gradcam, features or channels")
    if slot is not None and slot not in modules:
        raise UserError(
            f"{run.name} has no gate {slot!r}{did_you_mean(slot, list(modules))}; allowed: {listed(list(modules))}"
        )
    shown = modules if slot is None else {slot: modules[slot]}
    with capture.evaluating(run.network):
        logits, _, inputs = capture.forward_pass(run.network, x, outputs_of={}, inputs_of=shown)
        gate_views, rows = {}, []
        for name, module in shown.items():
            assert isinstance(module, Attention)
            with torch.no_grad():
                own = module.maps(inputs[name])
            rows += [_range(name, kind, map_) for kind, map_ in own.items()]
            channel, spatial = (own[kind].numpy() if kind in own else None for kind in ("channel", "spatial"))
            gate_views[name] = GateView(
                channel=None if channel is None else channel[:, :, 0, 0].astype(np.float16),
                spatial=None if spatial is None else spatial[:, 0].astype(np.float16),
            )
    views = replace(_views(run, pixels, logits, logits.argmax(1)), gates=gate_views)
    maps_drawn = maps.spatial_gates({run.name: views})
    table = markdown(pd.DataFrame(rows), ("Slot", "Gate"))
    note = "" if maps_drawn is None or "channel" not in {row["Gate"] for row in rows} else _CHANNELS_NOT_DRAWN
    text = f"{_probabilities(run, paths, logits, None)}\n{table}\n{note}"
    return Explanation(maps_drawn or gates.channel_gates(views), text)


def _range(slot: str, kind: str, gate: Tensor) -> dict[str, str]:
    values = {"Lowest": gate.min(), "Mean": gate.mean(), "Highest": gate.max()}
    return {"Slot": slot, "Gate": kind, **{name: f"{value:.3f}" for name, value in values.items()}}


def _probabilities(run: TrainedRun, paths: Sequence[Path], logits: Tensor, target: str | None) -> str:
    """Return a table: a row per image with its most probable classes."""
    rows = []
    for number, (path, shares) in enumerate(zip(paths, logits.softmax(1), strict=True), start=1):
        best = shares.sort(descending=True, stable=True)
        pairs = list(zip(best.values.tolist(), best.indices.tolist(), strict=True))[:_MOST_CLASSES]
        row = {"Row": str(number), "Image": path.name}
        row |= {f"{rank}.": f"{run.classes[label]} {share:.1%}" for rank, (share, label) in enumerate(pairs, start=1)}
        if target is not None:
            row[target] = f"{shares[run.classes.index(target)]:.1%}"
        rows.append(row)
    return markdown(pd.DataFrame(rows), tuple(rows[0])) + "\n"
