import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from attnbench.report.figures import labels, price

COSTS = {"step": "training step", "latency": "latency"}


@pytest.fixture
def frame() -> pd.DataFrame:
    """Thirty variants that lie as close together as real ones, the baseline first."""
    number = np.arange(30)
    names = ["baseline", *(f"variant_with_long_name_{index}" for index in number[1:])]
    frame = pd.DataFrame({"variant": names, "difference": 0.001 * (number * 5 % 7), "verdict": "inconclusive"})
    frame = frame.assign(low=frame["difference"] - 0.01, high=frame["difference"] + 0.01)
    for column in COSTS:
        frame[column] = 1 + 0.01 * (number % 13)
        frame[f"{column}_low"], frame[f"{column}_high"] = frame[column] - 0.01, frame[column] + 0.01
    return frame


def test_the_front_has_what_no_other_beats_in_both(frame):
    rows = pd.DataFrame(
        [("baseline", 1.0, 0.0), ("dear", 1.3, 0.01), ("good", 1.2, 0.01), ("slow", 1.1, -0.01), ("best", 1.4, 0.02)],
        columns=["variant", "step", "difference"],
    )
    assert price.front(rows, "step") == ["baseline", "good", "best"]


def test_names_cover_neither_each_other_nor_the_edge_nor_a_point_of_theirs(frame):
    figure = price.price(frame, baseline="baseline", costs=COSTS)
    renderer = FigureCanvasAgg(figure).get_renderer()
    for ax in figure.axes:
        boxes = [extent(text, renderer) for text in ax.texts]
        assert len(boxes) == 14
        assert set(price.front(frame, "step")) <= {text.get_text() for text in ax.texts}
        window = ax.get_window_extent(renderer)
        for index, box in enumerate(boxes):
            assert window.x0 <= box.x0 <= box.x1 <= window.x1
            assert window.y0 <= box.y0 <= box.y1 <= window.y1
            assert not any(box.overlaps(other) for other in boxes[index + 1 :])


def extent(text, renderer):
    """Return the extent of the text without its leader line."""
    text.update_positions(renderer)
    return Text.get_window_extent(text, renderer)


def test_points_are_paired_differences_and_what_was_not_measured_is_left_out(frame):
    figure = price.price(frame.assign(step=frame["step"].where(frame.index < 2)), baseline="baseline", costs=COSTS)
    points = figure.axes[0].collections[-1].get_offsets()
    np.testing.assert_allclose(points, [(1.0, 0.0), (1.01, 0.5)])
    assert len(figure.axes[1].collections[-1].get_offsets()) == 30


@pytest.mark.parametrize("panel", [(0, 0, 100, 100), (40, 0, 100, 60)])
def test_names_of_equal_points_do_not_overlap(panel):
    points, sizes = np.full((2, 2), 50.0), np.full((2, 2), (30.0, 8.0))
    first, second = points + labels.positions(points, sizes, np.array(panel, float))
    assert abs(first[0] - second[0]) >= 30 or abs(first[1] - second[1]) >= 8
    for centre in (first, second):
        assert panel[0] <= centre[0] - 15 <= centre[0] + 15 <= panel[2]
        assert panel[1] <= centre[1] - 4 <= centre[1] + 4 <= panel[3]


def test_a_front_of_the_baseline_alone_is_not_in_the_legend(frame):
    def legend(frame):
        figure = price.price(frame, baseline="baseline", costs=COSTS)
        return [text.get_text() for text in figure.legends[0].get_texts()]

    assert legend(frame) == ["inconclusive", "Pareto front"]
    others = frame["variant"] != "baseline"
    frame.loc[others, ["difference", "low", "high"]] -= 1
    assert legend(frame) == ["inconclusive"]
