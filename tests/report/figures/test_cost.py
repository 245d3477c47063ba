import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.text import Annotation

from attnbench.report.figures import cost, labels, style

TITLE = "CIFAR-10, JPEG quality 75"


def draw(costs, **changes):
    return cost.accuracy_against_cost(costs, baseline="baseline", title=TITLE, **changes)


def test_every_variant_is_drawn_with_its_name(costs):
    figure = draw(costs)
    assert TITLE in figure.get_suptitle()
    assert [ax.get_xlabel().split(",")[0] for ax in figure.axes] == [
        "parameters",
        "multiply-adds per image",
        "latency at batch size 1",
    ]
    points = figure.axes[0].collections[-1].get_offsets()
    np.testing.assert_allclose(points, np.column_stack([costs["parameters"] / 1e3, costs["accuracy"]]))
    for ax in figure.axes:
        assert {text.get_text() for text in ax.texts} == set(costs["variant"])


def test_each_batch_size_has_a_panel(costs):
    assert [ax.get_xlabel() for ax in draw(costs.assign(latency_ratio_64=2.0)).axes[2:]] == [
        "latency at batch size 1, ratio to the baseline",
        "latency at batch size 64, ratio to the baseline",
    ]


def test_a_cost_that_was_not_measured_has_no_panel(costs):
    assert len(draw(costs.assign(latency_ratio_1=np.nan, std=np.nan)).axes) == 2


def test_a_control_is_joined_where_its_cost_is_meant_to_be_equal(costs):
    pairs = [("se", "cam", "parameters"), ("se", "sam", "latency")]
    figure = draw(costs, controls=pd.DataFrame(pairs, columns=["variant", "control", "cost"]))
    values = costs.set_index("variant")
    parameters, macs, latency = ([line for line in ax.lines if line.get_linestyle() == "--"] for ax in figure.axes)
    np.testing.assert_allclose(parameters[0].get_xdata(), values.loc[["se", "cam"], "parameters"] / 1e3)
    np.testing.assert_allclose(latency[0].get_xdata(), values.loc[["se", "sam"], "latency_ratio_1"])
    assert (len(parameters), len(macs), len(latency)) == (1, 0, 1)
    colours = figure.axes[0].collections[-1].get_facecolors()
    assert [to_hex(colours[index]).upper() for index in (0, 1, 4, 5)] == [
        *(style.RED, style.BLUE, style.GREEN, style.GREEN),
    ]


def test_names_cover_neither_each_other_nor_the_edge_nor_a_point(costs):
    figure = draw(costs)
    renderer = FigureCanvasAgg(figure).get_renderer()
    for ax in figure.axes:
        boxes = [text_extent(text, renderer) for text in ax.texts]
        window = ax.get_window_extent(renderer)
        points = ax.transData.transform(ax.collections[-1].get_offsets())
        for index, box in enumerate(boxes):
            assert window.x0 <= box.x0 <= box.x1 <= window.x1
            assert window.y0 <= box.y0 <= box.y1 <= window.y1
            assert not any(box.overlaps(other) for other in boxes[index + 1 :])
            assert not any(box.contains(*point) for point in points)


def text_extent(text: Annotation, renderer):
    """Return the extent of the text without its leader line."""
    text.update_positions(renderer)
    text.arrow_patch = None
    return text.get_window_extent(renderer)


@pytest.mark.parametrize("panel", [(0, 0, 100, 100), (40, 0, 100, 60)])
def test_names_of_equal_points_do_not_overlap(panel):
    points, sizes = np.full((2, 2), 50.0), np.full((2, 2), (30.0, 8.0))
    first, second = points + labels.positions(points, sizes, np.array(panel, float))
    assert abs(first[0] - second[0]) >= 30 or abs(first[1] - second[1]) >= 8
    for centre in (first, second):
        assert panel[0] <= centre[0] - 15 <= centre[0] + 15 <= panel[2]
        assert panel[1] <= centre[1] - 4 <= centre[1] + 4 <= panel[3]
