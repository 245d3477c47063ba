"""Which installed fonts can draw a name: class names come in any language, and a missing glyph is drawn as a box."""

from collections.abc import Sequence
from functools import cache

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

DEFAULT = "DejaVu Sans"  # comes with matplotlib
_BOXES = "Last Resort"  # so does this, which has a box for every character


def families(text: str) -> list[str] | None:
    """Return the font families to draw `text` with: the default, and one more if it lacks a glyph; None: none can."""
    missing = {ord(character) for character in text} - _glyphs(font_manager.findfont(DEFAULT))
    if not missing:
        return [DEFAULT]
    # sorted, so that the choice depends on the installed fonts only
    for font in sorted(font_manager.fontManager.ttflist, key=lambda font: (font.name, font.fname)):
        if not font.name.startswith(_BOXES) and missing <= _glyphs(font.fname):
            return [DEFAULT, font.name]
    return None


@cache
def _glyphs(path: str) -> frozenset[int]:
    return frozenset(FT2Font(path).get_charmap())


def class_name(classes: Sequence[str], label: int, length: int = 14) -> tuple[str, list[str]]:
    """Return a class's name in one line, cut to `length`, and its fonts; its number where no font has its glyphs."""
    name = " ".join(classes[label].split())
    fonts = families(name)
    if fonts is None:
        return f"class {label}", [DEFAULT]
    return (name if len(name) <= length else name[: length - 1] + "…"), fonts
