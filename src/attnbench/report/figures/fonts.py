"""Which installed fonts can draw a name: class names come in any language, and a missing glyph is drawn as a box."""

from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path
from unicodedata import east_asian_width

from matplotlib import font_manager

DEFAULT = "DejaVu Sans"  # comes with matplotlib
EXTRA = ("zhplot", "koreanize_matplotlib")  # of the extra `cjk`; one brings Noto Sans SC, the other Nanum Gothic
_BOXES = "Last Resort"  # so does this, which has a box for every character


def families(text: str) -> list[str] | None:
    """Return the font families to draw `text` with: the default, and others if it lacks a glyph; None: none can."""
    missing = {ord(character) for character in text} - _glyphs(_file(DEFAULT))
    chosen = [DEFAULT]
    while missing:
        name, drawn = _best(missing)
        if not drawn:
            return None
        chosen.append(name)
        missing -= drawn
    return chosen


def _best(characters: set[int]) -> tuple[str, set[int]]:
    """Return the family that draws the most of these characters, and which; the first one that draws all."""
    best: tuple[str, set[int]] = ("", set())
    for name, path in _installed():
        if drawn := characters & _glyphs(path):
            drawn &= _glyphs(_file(name))  # of several fonts of one family, matplotlib draws with what it finds by name
        if len(drawn) > len(best[1]):
            best = name, drawn
        if drawn == characters:
            break
    return best


@cache
def _installed() -> list[tuple[str, str]]:
    """Return family and file of every font, those of the extra first, so that a choice depends on what is installed.

    matplotlib keeps a list of fonts, which lacks those that were installed after it was made.
    """
    manager = font_manager.fontManager
    of_extra = _of_extra()
    for path in sorted({*of_extra, *font_manager.findSystemFonts()} - {font.fname for font in manager.ttflist}):
        with suppress(OSError, RuntimeError):  # a damaged file, or bitmaps of one size, as of many emoji
            manager.addfont(path)
    fonts = {(font.name, font.fname) for font in manager.ttflist if not font.name.startswith(_BOXES)}
    rank = {path: place for place, path in enumerate(of_extra)}
    return sorted(fonts, key=lambda font: (rank.get(font[1], len(rank)), font))


def _of_extra() -> list[str]:
    """Return the files of the extra's fonts; its packages are not imported, since they change matplotlib's settings."""
    found = [spec for spec in map(find_spec, EXTRA) if spec is not None and spec.origin is not None]
    return [str(file) for spec in found for file in sorted(Path(str(spec.origin)).parent.glob("fonts/*.ttf"))]


def _file(family: str) -> str:
    """Return the file that matplotlib draws with; as a list, since a name with a hyphen would be a pattern."""
    return font_manager.findfont(font_manager.FontProperties(family=[family]))


@cache
def _glyphs(path: str) -> frozenset[int]:
    return frozenset(font_manager.get_font(path).get_charmap())


def class_name(classes: Sequence[str], label: int, length: int = 14) -> tuple[str, list[str]]:
    """Return a class's name in one line, cut to `length`, and its fonts; its number, from 1, where no font draws it."""
    name = " ".join(classes[label].split())
    fonts = families(name)
    if fonts is None:
        return f"class {label + 1}", [DEFAULT]
    widths = accumulate(2 if east_asian_width(character) in "WF" else 1 for character in name)
    kept = sum(width <= length for width in widths)
    return (name if kept == len(name) else name[: kept - 1] + "…"), fonts
