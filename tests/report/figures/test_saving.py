import subprocess
import sys
import warnings

import matplotlib
import pytest
from PIL import Image

from attnbench.report.figures import channel_gates, style

TITLE = "CIFAR-10, JPEG quality 75"


def test_the_same_figure_gives_the_same_bytes_without_a_name_or_date(views, tmp_path):
    for name in ("one", "two"):
        style.save(channel_gates.channel_gates(views, TITLE), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with Image.open(tmp_path / "one") as image:
        assert set(image.info) == {"dpi"}
        assert image.info["dpi"] == pytest.approx((style.DPI, style.DPI), abs=0.1)
        assert image.width == style.DOUBLE * style.DPI


def test_a_users_settings_change_no_figure(views, tmp_path):
    style.save(channel_gates.channel_gates(views, TITLE), tmp_path / "own")
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "black", "savefig.bbox": "tight"}):
        style.save(channel_gates.channel_gates(views, TITLE), tmp_path / "other")
    assert (tmp_path / "own").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_missing_glyph_is_an_error_that_leaves_no_file(views, tmp_path):
    figure = channel_gates.channel_gates(views, "\N{CJK UNIFIED IDEOGRAPH-732B}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match=r"Glyph 29483 .* missing from font"):
            style.save(figure, tmp_path / "cat.png")
    assert list(tmp_path.iterdir()) == []


def test_importing_the_figures_changes_no_setting_and_loads_no_torch():
    code = (
        "import sys, matplotlib; keys = [k for k in matplotlib.rcParams if k != 'backend'];"
        "before = [matplotlib.rcParams[k] for k in keys];"
        "import attnbench.report;"
        "assert before == [matplotlib.rcParams[k] for k in keys];"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
