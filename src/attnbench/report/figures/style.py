"""How all figures look and how they are saved: one width, one font, colour-blind-safe colours."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from attnbench.records import files

WIDTH = 8.6  # inches: 826 pixels of CSS, the width of a page on GitHub
DPI = 192  # of images: two pixels of the file for each pixel of CSS

# Okabe and Ito's palette without its yellow, which is too light for thin lines on white
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PALETTE = (BLUE, ORANGE, GREEN, RED, "#56B4E9", "#CC79A7", "#8C6D31", "#5B4B8A")
BLACK, GREY, LIGHT = "#000000", "#8A8A8A", "#D0D0D0"

# verdict -> colour and marker, so that colour alone distinguishes no verdicts
VERDICTS = {
    "better": (BLUE, "^"),
    "worse": (RED, "v"),
    "equivalent": (BLACK, "s"),
    "inconclusive": (GREY, "o"),
}

_SETTINGS: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so the same everywhere
    "font.size": 9,  # 12 pixels of CSS
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "text.parse_math": False,  # a class may be named `$`
    "savefig.dpi": DPI,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "svg.fonttype": "path",  # the reader's machine may lack the font, and GitHub loads none for an image
    "svg.hashsalt": "attnbench",  # names of clip paths: equal figures have equal bytes
}


@contextmanager
def context() -> Iterator[None]:
    """Draw with these settings only: a user's matplotlibrc changes no figure, and is restored afterwards.

    Of fonts that fit equally well matplotlib takes the first in its list, so its own are put first, and stay there: a
    system's DejaVu Sans may have another version.
    """
    own = matplotlib.get_data_path()
    font_manager.fontManager.ttflist.sort(key=lambda font: not font.fname.startswith(own))
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def new_figure(height: float) -> Figure:
    """Return an empty figure of the common width that arranges its axes without overlap when it is drawn."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def line_colours(kinds: dict[str, str]) -> dict[str, str]:
    """Return variant -> colour for lines of all variants in one panel, in the order to draw them: the baseline last.

    `kinds` is variant -> `baseline`, `attention` or another kind. The baseline is black, the first variants with
    attention have a colour of their own, all others are grey.
    """
    modules = [variant for variant, kind in kinds.items() if kind == "attention"]
    coloured = dict(zip(modules, PALETTE, strict=False))
    rest = {variant: LIGHT for variant, kind in kinds.items() if variant not in coloured and kind != "baseline"}
    return rest | coloured | {variant: BLACK for variant, kind in kinds.items() if kind == "baseline"}


def save(figure: Figure, path: Path) -> None:
    """Write a plot as `.svg` or `.pdf`, or a sheet of images as `.png` with 256 colours; an error leaves the old file.

    The bytes depend on the figure and on the versions of matplotlib and Pillow only: no date, no name of a program.
    """
    with context(), files.replacing(path) as temporary:
        if path.suffix != ".png":
            unnamed = ("Date", "Creator") if path.suffix == ".svg" else ("CreationDate", "Creator", "Producer")
            figure.savefig(temporary, format=path.suffix[1:], metadata=dict.fromkeys(unnamed))
            if path.suffix == ".svg":
                temporary.write_text(_smaller(temporary.read_text(encoding="utf-8")), encoding="utf-8")
            return
        figure.set_dpi(DPI)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()  # type: ignore[no-untyped-call]
        pixels = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])  # type: ignore[no-untyped-call]
        sheet = pixels.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        palette, corner = sheet.getpalette() or [], 3 * sheet.tobytes()[0]
        palette[corner : corner + 3] = (255, 255, 255)  # the paper, of which the mean with pale colours is not white
        sheet.putpalette(palette)
        sheet.save(temporary, "PNG", optimize=True)


def _smaller(svg: str) -> str:
    """Return an SVG without indentation, metadata and names that nothing refers to, and with one decimal of a point.

    Numbers below 10, such as the outlines of markers, have two, and those below 1, such as scales, stay. A glyph stands
    at whole units of its line of text, which are hundredths of the size of its letters.
    """
    svg = re.sub(r"(?m)^ +", "", svg).replace("DejaVuSans-", "g")
    svg = re.sub(r"<metadata>.*?</metadata>\n", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="[a-zA-Z][\w.]*_\d+"', "", svg).replace("<g/>\n", "")  # of groups: `axes_1`
    svg = svg.replace("xlink:href", "href").replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "")
    svg = re.sub(r' transform="translate\(([.\d]+) 0\)"/>', lambda x: f' x="{float(x[1]):.0f}"/>', svg)
    svg = re.sub(r"(\d\d\.\d)\d+", r"\1", svg)
    svg = re.sub(r"([1-9]\.\d\d)\d+", r"\1", svg)
    return re.sub(r' d="[^"]*"', lambda path: re.sub(r"\s*([MLQCz])\s*", r"\1", path[0]), svg)
