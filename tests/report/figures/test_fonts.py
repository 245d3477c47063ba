"""Fonts for class names in any language."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import matplotlib
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.figure import Figure

from attnbench.report.figures import fonts, style

LEOPARD = "\N{LEOPARD}"
CAT, DOG = "\N{CJK UNIFIED IDEOGRAPH-732B}", "\N{CJK UNIFIED IDEOGRAPH-72AC}"


def make_font(path: Path, family: str, character: str) -> None:
    """Write a font with one character, drawn as a triangle."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    pen.lineTo((500, 900))
    pen.lineTo((900, 0))
    pen.closePath()
    names = [".notdef", "triangle"]
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder(names)
    font.setupCharacterMap({ord(character): "triangle"})
    font.setupGlyf(dict.fromkeys(names, pen.glyph()))
    font.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    font.setupHorizontalHeader(ascent=900, descent=-200)
    font.setupNameTable({"familyName": family, "styleName": "Regular"})
    font.setupOS2()
    font.setupPost()
    font.save(path)


@pytest.fixture(autouse=True)
def fonts_are_looked_up_anew() -> Iterator[None]:
    fonts._installed.cache_clear()
    yield
    fonts._installed.cache_clear()


@pytest.mark.skipif(not all(map(find_spec, fonts.EXTRA)), reason="needs attnbench[cjk]")
@pytest.mark.parametrize(
    ("name", "family"),
    [("猫狗", "Noto Sans SC"), ("貓龍", "Noto Sans SC"), ("ねこ ネコ", "Noto Sans SC"), ("고양이", "NanumGothic")],
)
def test_the_extra_draws_chinese_japanese_and_korean(name: str, family: str) -> None:
    """Also where the system has other fonts, so that a figure is the same on every machine."""
    assert fonts.class_name([name], 0) == (name, [fonts.DEFAULT, family])
    figure = Figure()
    figure.text(0.5, 0.5, name, fontfamily=fonts.families(name))
    figure.draw_without_rendering()  # a missing glyph is a warning, which is an error here


def test_a_font_installed_later_draws_what_the_default_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_font(tmp_path / "han.ttf", "Made-up Han", CAT)
    make_font(tmp_path / "symbols.ttf", "Made-up Symbols", LEOPARD)
    (tmp_path / "damaged.ttf").write_bytes(bytes(100))
    manager = font_manager.fontManager
    monkeypatch.setattr(manager, "ttflist", [font for font in manager.ttflist if "DejaVu" in font.name])
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: list(map(str, tmp_path.iterdir())))
    monkeypatch.setattr(fonts, "EXTRA", ())
    assert fonts.families("cat") == [fonts.DEFAULT]
    assert fonts.class_name([f"a {CAT}", DOG], 0) == (f"a {CAT}", [fonts.DEFAULT, "Made-up Han"])
    assert fonts.class_name([9 * CAT], 0, 14)[0] == 6 * CAT + "…"  # each is as wide as two letters
    assert fonts.class_name([f"a {CAT}", DOG], 1) == ("class 2", [fonts.DEFAULT])
    assert fonts.families(CAT + LEOPARD) == [fonts.DEFAULT, "Made-up Han", "Made-up Symbols"]
    figure = Figure()
    figure.text(0.5, 0.5, f"a {CAT} {LEOPARD}", fontfamily=fonts.families(CAT + LEOPARD))
    figure.draw_without_rendering()  # a missing glyph is a warning, which is an error here


def test_a_system_font_of_the_same_name_changes_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manager, size = font_manager.fontManager, 9.87  # a size that no figure has, since matplotlib remembers its choices
    own = Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf")
    other = replace(next(font for font in manager.ttflist if font.fname == str(own)), fname=shutil.copy(own, tmp_path))
    monkeypatch.setattr(manager, "ttflist", [other, *manager.ttflist])
    with style.context():
        found = font_manager.findfont(font_manager.FontProperties(family="DejaVu Sans", size=size))
    assert Path(found) == own
