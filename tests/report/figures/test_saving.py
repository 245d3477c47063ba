import re
import subprocess
import sys

import matplotlib
from PIL import Image

from attnbench.report.figures import ablation, maps, style


def plot():
    import pandas as pd

    columns = ["variant", "slot", "quantity", "spread"]
    return ablation.gate_spread(pd.DataFrame([("se", "block1.after_pool", "gate", 0.1)], columns=columns))


def test_the_same_figure_gives_the_same_bytes_and_a_users_settings_change_none(make, tmp_path):
    for name, figure in (("plot.svg", plot), ("plot.pdf", plot), ("sheet.png", lambda: maps.feature_maps(make()))):
        style.save(figure(), tmp_path / name)
        with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "black", "savefig.bbox": "tight"}):
            style.save(figure(), tmp_path / f"again_{name}")
        assert (tmp_path / name).read_bytes() == (tmp_path / f"again_{name}").read_bytes()


def test_an_svg_needs_no_font_and_no_other_file(tmp_path):
    style.save(plot(), tmp_path / "plot.svg")
    text = (tmp_path / "plot.svg").read_text(encoding="utf-8")
    assert "<text" not in text
    assert "dc:date" not in text
    assert 'href="#' in text
    assert text.count('href="') == text.count('href="#')
    assert "scale(0.015625)" in text  # of a letter
    assert not re.search(r"[1-9]\.\d{3}|^ ", text, re.MULTILINE), "more digits and spaces than anyone sees"
    assert re.search(r'<use href="#g\w+" x="\d+"/>', text), "a letter in its line"
    assert not re.search(r'<metadata|xlink| id="[\w.]+_\d', text), "names that nothing refers to"


def test_a_sheet_has_two_pixels_for_each_of_the_page_and_white_paper(make, tmp_path):
    style.save(maps.feature_maps(make()), tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.width == int(style.WIDTH * 96 * 2)
        assert image.mode == "P"
        assert image.info == {}
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_importing_the_figures_changes_no_setting_and_loads_no_torch():
    code = (
        "import sys, matplotlib; keys = [k for k in matplotlib.rcParams if k != 'backend'];"
        "before = [matplotlib.rcParams[k] for k in keys];"
        "import attnbench.report;"
        "assert before == [matplotlib.rcParams[k] for k in keys];"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
