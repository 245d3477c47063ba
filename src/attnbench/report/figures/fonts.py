"""Which installed fonts can draw a name: class names come in any language, and a missing glyph is drawn as a box."""

from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from itertools import accumulate
from unicodedata import east_asian_width

from matplotlib import font_manager

DEFAULT = "DejaVu Sans"  # comes with matplotlib
_BOXES = "Last Resort"  # so does this, which has a box for every character


def families(text: str) -> list[str] | None:
    """Return the font families to draw `text` with: the default, and one more if it lacks a glyph; None: none can."""
    missing = {ord(character) for character in text} - _glyphs(_file(DEFAULT))
    if not missing:
        return [DEFAULT]
    for name, path in _installed():
        # of several fonts of one family, matplotlib draws with the one that it finds by the name
        if missing <= _glyphs(path) and missing <= _glyphs(_file(name)):
            return [DEFAULT, name]
    return None


@cache
def _installed() -> list[tuple[str, str]]:
    """Return family and file of every font, sorted, so that a choice depends on the installed fonts only.

    matplotlib keeps a list of fonts, which lacks those that were installed after it was made.
    """
    manager = font_manager.fontManager
    for path in sorted(set(font_manager.findSystemFonts()) - {font.fname for font in manager.ttflist}):
        with suppress(OSError, RuntimeError):  # a damaged file, or bitmaps of one size, as of many emoji
            manager.addfont(path)
    return sorted({(font.name, font.fname) for font in manager.ttflist if not font.name.startswith(_BOXES)})


def _file(family: str) -> str:
    """Return the file that matplotlib draws with; as a list, since a name with a hyphen would be a pattern."""
    return font_manager.findfont(font_manager.FontProperties(family=[family]))


@cache
def _glyphs(path: str) -> frozenset[int]:
    return frozenset(font_manager.get_font(path).get_charmap())


def class_name(classes: Sequence[str], label: int, length: int = 14) -> tuple[str, list[str]]:
    """Return a class's name in one line, cut to `length`, and its fonts; its number where no font has its glyphs."""
    name = " ".join(classes[label].split())
    fonts = families(name)
    if fonts is None:
        return f"class {label}", [DEFAULT]
    widths = accumulate(2 if east_asian_width(character) in "WF" else 1 for character in name)
    kept = sum(width <= length for width in widths)
    return (name if kept == len(name) else name[: kept - 1] + "…"), fonts
