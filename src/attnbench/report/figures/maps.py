"""What networks look at: sheets of the arrays in `attnbench.records.views`."""

from math import ceil

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from attnbench.records.views import Views
from attnbench.report.figures import fonts, style
from attnbench.report.figures.panels import Sheet, evenly

_COLUMNS = 9  # panels of a band
_SLOTS = 4  # shown of one variant
_GATES = 36  # columns of a sheet of gates, over all bands
_BLOCKS = 4  # shown of one variant
_OWN = (
    "Each panel is coloured from 0 (dark) to its own largest value (red); all dark: nothing is above 0. "
    "Compare where, not how much."
)


@style.context()
def grad_cam(views: dict[str, Views], block: str, *, step: int = 1) -> Figure:
    """Draw Grad-CAM at one block, which all variants have: images as rows, variants as columns.

    Of the images, every `step`-th is drawn. Panels are for the predicted class, which is named below where it is wrong.
    Then a second row of the image has the panels of these variants for the true class.
    """
    shown = list(views.values())
    wrong = np.stack([view.labels != view.predicted for view in shown])  # (variants, n)
    rows = [row for image in range(0, wrong.shape[1], step) for row in [image] * (1 + wrong[:, image].any())]
    columns = ceil(len(views) / ceil(len(views) / _COLUMNS))
    sheet = Sheet(shown[0], list(views), columns=columns, rows=rows, feet=[_OWN], captions=bool(wrong[:, ::step].any()))
    for column, view in enumerate(shown):
        for row, image in enumerate(sheet.rows):
            box, is_second = sheet.box(column, row), image in sheet.rows[:row]
            if not is_second:
                sheet.heat(box, image, view.blocks[block].grad_cam[image])
            elif wrong[column, image]:
                sheet.heat(box, image, view.blocks[block].grad_cam_true[image])
            if wrong[column, image] and not is_second:
                name, families = fonts.class_name(view.classes, view.predicted[image], int(14 * sheet.side))
                middle, bottom = box[0] + box[2] / 2, box[1] + box[2] + 0.13
                sheet.text(middle, bottom, name, color=style.RED, fontfamily=families)
    return sheet.figure


@style.context()
def spatial_gates(views: dict[str, Views]) -> Figure | None:
    """Draw the spatial gates of all variants next to the images, on one axis from 0 to 1; None if no variant has any.

    The range of a gate over the images is written above it. An axis is wider where a gate leaves 0 to 1.
    """
    gates = {
        name: {slot: gate.spatial.astype(np.float32) for slot, gate in view.gates.items() if gate.spatial is not None}
        for name, view in views.items()
    }
    gates = {name: of_variant for name, of_variant in gates.items() if of_variant}
    if not gates:
        return None
    slots = min(_SLOTS, max(1, _GATES // len(gates)), max(map(len, gates.values())))
    names = sorted(gates, key=lambda name: -min(slots, len(gates[name])))  # else a short group shifts those after it
    shown = [(name, slot, gates[name][slot]) for name in names for slot in evenly(list(gates[name]), slots)]
    headings = [f"{slot.rpartition('.')[0]}\n{map_.min():.2f}\N{EN DASH}{map_.max():.2f}" for _, slot, map_ in shown]
    feet = ["Blue: below 0.5, white: 0.5, red: above. Numbers: the range of the gate over all images."]
    if any(map_.min() < 0 or map_.max() > 1 for _, _, map_ in shown):
        feet.append("Gates that leave 0 to 1 are coloured over as wide a range as they need, with 0.5 in white.")
    first = next(iter(views.values()))
    columns = max(1, _COLUMNS // slots) * slots
    groups = [name for name, _, _ in shown]
    sheet = Sheet(first, headings, columns=columns, rows=range(len(first.images)), groups=groups, feet=feet)
    for column, (_, _, map_) in enumerate(shown):
        half = max(0.5, float(np.abs(map_ - 0.5).max()))
        for row, image in enumerate(sheet.rows):
            sheet.show(sheet.box(column, row), map_[image], cmap="RdBu_r", norm=Normalize(0.5 - half, 0.5 + half))
            sheet.frame(sheet.box(column, row))
    sheet.colour_bar(Normalize(0, 1), "RdBu_r")
    return sheet.figure


@style.context()
def feature_maps(views: Views, *, step: int = 1) -> Figure:
    """Draw each image next to 3 x 3 grids of the channels that vary most, a grid for each block from shallow to deep.

    Of the images, every `step`-th is drawn. All maps of a block have one scale, which is written above them.
    """
    blocks = {name: views.blocks[name] for name in evenly(list(views.blocks), _BLOCKS)}
    # the few largest values of a block would leave all others dark
    tops = {name: float(np.percentile(block.features, 99)) or 1.0 for name, block in blocks.items()}
    headings = [
        f"{name} ({block.features.shape[-1]} \N{MULTIPLICATION SIGN} {block.features.shape[-2]})\n0 to {tops[name]:.2g}"
        for name, block in blocks.items()
    ]
    feet = ["Yellow: the 99th percentile of the block, written above, or more. In the corner: the channel."]
    sheet = Sheet(views, headings, columns=_BLOCKS, largest=1.8, rows=range(0, len(views.images), step), feet=feet)
    for column, (name, block) in enumerate(blocks.items()):
        for row, image in enumerate(sheet.rows):
            left, top, side = sheet.box(column, row)
            for position, (map_, channel) in enumerate(zip(block.features[image], block.features_index, strict=True)):
                down, right = divmod(position, 3)
                box = (left + right * side / 3, top + down * side / 3, side / 3 - 0.02)
                sheet.show(box, map_.astype(np.float32), cmap="viridis", norm=Normalize(0, tops[name]))
                sheet.number(box, channel)
    return sheet.figure


@style.context()
def active_channels(views: Views, *, step: int = 1) -> Figure:
    """Draw per image and block the channels with the largest mean activation over the image, with their numbers.

    Of the images, every `step`-th is drawn.
    """
    blocks = {name: views.blocks[name] for name in evenly(list(views.blocks), _BLOCKS)}
    shown = [(name, block, rank) for name, block in blocks.items() for rank in range(block.active.shape[1])]
    headings, groups = [f"no. {rank + 1}" for _, _, rank in shown], [name for name, _, _ in shown]
    rows = range(0, len(views.images), step)
    sheet = Sheet(views, headings, columns=6, rows=rows, groups=groups, feet=[_OWN])
    for column, (_, block, rank) in enumerate(shown):
        for row, image in enumerate(sheet.rows):
            sheet.heat(sheet.box(column, row), image, block.active[image, rank].clip(min=0))
            sheet.number(sheet.box(column, row), block.active_index[image, rank])
    return sheet.figure
