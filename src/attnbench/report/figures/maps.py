"""What a network looks at: figures of the arrays in `attnbench.records.views`.

All panels of a figure share one colour scale, which the function `<figure>_scale` returns for the caption. `title` is
the data set's, e.g. "CIFAR-10, JPEG quality 75".
"""

import numpy as np
from matplotlib.figure import Figure

from attnbench.records.views import Views
from attnbench.report.figures import panels, scale, style
from attnbench.report.figures.panels import Sheet
from attnbench.report.figures.scale import Array, Scale

HEAT = "turbo"  # jet's successor, over an image
PLAIN = "viridis"


@style.context()
def feature_maps(views: Views, title: str) -> Figure:
    """Draw per row one image with its class, and per block a grid of the first channels with their numbers."""
    colours = feature_scale(views)
    blocks = list(views.blocks)
    page = Sheet(
        f"First channels of every block, with their numbers: {_who(views)}",
        title,
        rows=len(views.images),
        row=1.5,
        text_width=1.55,
        widths=[1.0] + [1.5] * len(blocks),
        spaces=[0.0] + [0.12] * len(blocks),
    )
    for column, name in enumerate(blocks, start=1):
        page.heading(column, column, _size(name, views.blocks[name].features))
    _left(page, views)
    for image in range(len(views.images)):
        for column, name in enumerate(blocks, start=1):
            ax = page.panel(image, column)
            for channel, map_ in enumerate(views.blocks[name].features[image]):
                down, right = divmod(channel, 3)
                box = (right + 0.02, right + 0.98, down + 0.98, down + 0.02)
                values = map_.astype(np.float32)
                ax.imshow(values, extent=box, cmap=PLAIN, norm=colours.norm(), interpolation="nearest")
                panels.number(ax, right + 0.06, down + 0.06, channel)
            ax.set_xlim(0, 3)
            ax.set_ylim(3, 0)
    page.colour_bar(colours, PLAIN, "activation")
    return page.figure


@style.context()
def active_channels(views: Views, title: str) -> Figure:
    """Draw per image and block the channels with the largest mean activation over the image."""
    colours = active_scale(views)
    blocks = list(views.blocks)
    counts = [views.blocks[name].active.shape[1] for name in blocks]
    page = Sheet(
        f"Most active channels of every block, with their numbers: {_who(views)}",
        title,
        rows=len(views.images),
        row=0.56,
        text_width=1.28,
        widths=[0.56] * (1 + sum(counts)),
        spaces=[0.0] + [0.1 if rank == 0 else 0.0 for count in counts for rank in range(count)],
        heading_room=0.14,
    )
    column = 1
    for name, count in zip(blocks, counts, strict=True):
        block = views.blocks[name]
        page.heading(column, column + count - 1, _size(name, block.active))
        for image in range(len(views.images)):
            for rank in range(count):
                ax = page.panel(image, column + rank, f"{block.active_index[image, rank]}")
                panels.heat(ax, views, image, block.active[image, rank], colours, HEAT)
        column += count
    _left(page, views)
    page.colour_bar(colours, HEAT, "activation", alpha=panels.ALPHA)
    return page.figure


@style.context()
def grad_cam(views: Views, title: str) -> Figure:
    """Draw per image and block the Grad-CAM of the predicted class over the image."""
    columns = {_size(name, block.grad_cam): block.grad_cam for name, block in views.blocks.items()}
    return _overlays(views, f"Grad-CAM: {_who(views)}", title, columns, grad_cam_scale([views]), "Grad-CAM")


@style.context()
def spatial_gates(views: Views, title: str) -> Figure | None:
    """Draw the spatial gate of every slot over the images; None for a variant without spatial gates."""
    gates = {slot: gate.spatial for slot, gate in views.gates.items() if gate.spatial is not None}
    if not gates:
        return None
    columns = {slot.replace(".", "\n"): gate for slot, gate in gates.items()}
    return _overlays(views, f"Spatial gates: {_who(views)}", title, columns, spatial_scale(views), "gate")


@style.context()
def sheet(views: dict[str, Views], image: int, title: str) -> Figure:
    """Draw one image through all variants: variants as rows, Grad-CAM of the blocks as columns.

    `image` counts the images of the views from 0. All variants have the blocks of the first.
    """
    rows = list(views.values())
    colours = grad_cam_scale(rows, image)
    blocks = list(rows[0].blocks)
    page = Sheet(
        f"Grad-CAM of all variants, image {image + 1}, seed {rows[0].seed}",
        title,
        rows=len(rows),
        row=0.8,
        text_width=max(1.45, 0.1 + 0.066 * max(map(len, views))),  # inches per bold character of 7.5 points
        widths=[0.8] * (1 + len(blocks)),
        spaces=[0.0] * (1 + len(blocks)),
    )
    for column, name in enumerate(blocks, start=1):
        page.heading(column, column, name)
    for row, (variant, variant_views) in enumerate(views.items()):
        words = [variant, *panels.prediction(variant_views, image)]
        page.label(row, words, bold=True, wrong=panels.is_wrong(variant_views, image))
        panels.picture(page.panel(row, 0), variant_views, image)
        for column, name in enumerate(blocks, start=1):
            _overlay(page, row, column, variant_views, image, variant_views.blocks[name].grad_cam, colours)
    page.colour_bar(colours, HEAT, "Grad-CAM", alpha=panels.ALPHA)
    return page.figure


def feature_scale(views: Views) -> Scale:
    """Return the colour scale of `feature_maps`."""
    return scale.from_zero([block.features for block in views.blocks.values()], root=True)


def active_scale(views: Views) -> Scale:
    """Return the colour scale of `active_channels`."""
    return scale.from_zero([block.active for block in views.blocks.values()], root=True)


def grad_cam_scale(views: list[Views], image: int | None = None) -> Scale:
    """Return the colour scale of `grad_cam` (one variant, all images) or of `sheet` (all variants, one image)."""
    chosen = slice(None) if image is None else image
    return scale.from_zero(
        [block.grad_cam[chosen] for variant_views in views for block in variant_views.blocks.values()], root=True
    )


def spatial_scale(views: Views) -> Scale:
    """Return the colour scale of `spatial_gates`."""
    return scale.over_range([gate.spatial for gate in views.gates.values() if gate.spatial is not None])


def _who(views: Views) -> str:
    return f"{views.variant}, seed {views.seed}"


def _size(name: str, maps: Array) -> str:
    return f"{name} ({maps.shape[-2]} \N{MULTIPLICATION SIGN} {maps.shape[-1]})"


def _left(page: Sheet, views: Views) -> None:
    for image in range(len(views.images)):
        page.label(image, panels.prediction(views, image), wrong=panels.is_wrong(views, image))
        panels.picture(page.panel(image, 0), views, image)


def _overlay(page: Sheet, row: int, column: int, views: Views, image: int, maps: Array, colours: Scale) -> None:
    ax = page.panel(row, column)
    panels.heat(ax, views, image, maps[image], colours, HEAT)
    panels.outline(ax, views, image)


def _overlays(views: Views, heading: str, title: str, columns: dict[str, Array], colours: Scale, label: str) -> Figure:
    page = Sheet(
        heading,
        title,
        rows=len(views.images),
        row=1.0,
        text_width=1.28,
        widths=[1.0] * (1 + len(columns)),
        spaces=[0.0] * (1 + len(columns)),
        heading_lines=1 + max(name.count("\n") for name in columns),
    )
    _left(page, views)
    for column, (name, maps) in enumerate(columns.items(), start=1):
        page.heading(column, column, name)
        for image in range(len(views.images)):
            _overlay(page, image, column, views, image, maps, colours)
    page.colour_bar(colours, HEAT, label, alpha=panels.ALPHA)
    return page.figure
