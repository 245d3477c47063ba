import subprocess
import sys
import warnings

import matplotlib
import pytest
from matplotlib import pyplot
from PIL import Image

from attnbench.report import figures
from attnbench.report.figures import comparison, curves, maps, style

TITLE = "CIFAR-10, JPEG quality 75"


def all_figures(views, epochs, iterations, differences, costs):
    means, seeds = differences
    yield maps.feature_maps(views, TITLE)
    yield maps.active_channels(views, TITLE)
    yield maps.grad_cam(views, TITLE)
    yield maps.channel_gates(views, TITLE)
    yield maps.spatial_gates(views, TITLE)
    yield maps.sheet({"se": views, "cbam": views}, 0, TITLE)
    yield curves.learning_curves(epochs, "baseline", TITLE)
    yield curves.iteration_loss(iterations, "baseline", TITLE)
    yield comparison.difference_forest(means, seeds, baseline="baseline", confidence=0.95, title=TITLE)
    yield comparison.accuracy_against_cost(costs, baseline="baseline", title=TITLE)


def test_every_figure_is_saved_without_a_warning_and_none_stays_open(
    views, epochs, iterations, differences, costs, tmp_path
):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a glyph that the font lacks is a warning
        for number, figure in enumerate(all_figures(views, epochs, iterations, differences, costs)):
            figures.save(figure, tmp_path / f"{number}.png")
    assert len(list(tmp_path.iterdir())) == 10
    assert pyplot.get_fignums() == []


def test_same_figure_same_bytes_and_nobody_is_named(views, tmp_path):
    for name in ("one", "two"):
        figures.save(maps.channel_gates(views, TITLE), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with Image.open(tmp_path / "one") as image:
        assert set(image.info) == {"dpi"}
        assert image.info["dpi"] == pytest.approx((style.DPI, style.DPI), abs=0.1)
        assert image.width == style.DOUBLE * style.DPI


def test_a_users_settings_change_no_figure(views, tmp_path):
    figures.save(maps.channel_gates(views, TITLE), tmp_path / "own")
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "black", "savefig.bbox": "tight"}):
        figures.save(maps.channel_gates(views, TITLE), tmp_path / "other")
    assert (tmp_path / "own").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_missing_glyph_is_an_error_that_leaves_no_file(views, tmp_path):
    figure = maps.channel_gates(views, "\N{CJK UNIFIED IDEOGRAPH-732B}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match=r"Glyph 29483 .* missing from font"):
            figures.save(figure, tmp_path / "cat.png")
    assert list(tmp_path.iterdir()) == []


def test_importing_the_figures_changes_no_setting_and_loads_no_torch():
    code = (
        "import sys, matplotlib; keys = [k for k in matplotlib.rcParams if k != 'backend'];"
        "before = [matplotlib.rcParams[k] for k in keys];"
        "import attnbench.report.figures.maps, attnbench.report.figures.captions, attnbench.report.figures.curves;"
        "import attnbench.report.figures.comparison;"
        "assert before == [matplotlib.rcParams[k] for k in keys];"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
