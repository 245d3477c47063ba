import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.text import Annotation

from attnbench.report.figures import comparison, labels, style

TITLE = "CIFAR-10, JPEG quality 75"


def forest(differences, **changes):
    means, seeds = differences
    return comparison.difference_forest(
        means.assign(**changes), seeds, baseline="baseline", confidence=0.95, title=TITLE
    )


def test_forest_is_sorted_with_interval_mean_and_seeds(differences):
    figure = forest(differences)
    ax = figure.axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["cbam", "se", "cam"]  # from below
    zero, interval, mean, seeds, *rest = ax.lines
    assert list(zero.get_xdata()) == [0, 0]
    assert list(interval.get_xdata()) == [-1.1, -0.5]
    assert list(mean.get_xdata()) == [-0.8]
    np.testing.assert_allclose(seeds.get_xdata(), [-0.9, -0.8, -0.7])
    assert len(rest) == 2 * 3
    assert TITLE in figure.get_suptitle()
    assert "95 % interval" in figure.legends[0].get_texts()[0].get_text()


def test_forest_colours_what_is_decided_not_what_leaves_out_zero(differences):
    """An interval is that of one comparison; the verdict takes all of them into account."""
    colours = [line.get_color() for line in forest(differences).axes[0].lines[1::3]]
    assert colours == [style.GREY, style.GREY, style.BLUE]  # cbam, se, cam


def test_forest_writes_the_numbers(differences):
    numbers = forest(differences).axes[0].child_axes[0].get_yticklabels()
    minus = "\N{MINUS SIGN}"
    assert numbers[0].get_text() == f"{minus}0.80  [{minus}1.10, {minus}0.50]"


def test_forest_with_one_seed_has_no_interval(differences):
    figure = forest(differences, low=np.nan, high=np.nan)
    assert figure.axes[0].child_axes[0].get_yticklabels()[2].get_text() == "+0.90"


def test_a_difference_that_rounds_to_zero_has_no_sign(differences):
    figure = forest(differences, difference=[-0.001, -0.8, 0.9], low=np.nan, high=np.nan)
    assert figure.axes[0].child_axes[0].get_yticklabels()[1].get_text() == "0.00"


def test_accuracy_against_cost_draws_every_variant(costs):
    figure = comparison.accuracy_against_cost(costs, baseline="baseline", title=TITLE)
    assert TITLE in figure.get_suptitle()
    assert [ax.get_xlabel().split(",")[0] for ax in figure.axes] == [
        "parameters",
        "multiply-adds per image",
        "latency at batch size 1",
    ]
    points = figure.axes[0].collections[-1].get_offsets()
    np.testing.assert_allclose(points, np.column_stack([costs["parameters"] / 1e3, 100 * costs["accuracy_mean"]]))
    for ax in figure.axes:
        assert {text.get_text() for text in ax.texts} == set(costs["variant"])


def test_each_batch_size_has_a_panel(costs):
    figure = comparison.accuracy_against_cost(costs.assign(latency_ratio_64=2.0), baseline="baseline", title=TITLE)
    assert [ax.get_xlabel() for ax in figure.axes[2:]] == [
        "latency at batch size 1, ratio to the baseline",
        "latency at batch size 64, ratio to the baseline",
    ]


def test_a_control_is_joined_where_its_cost_is_meant_to_be_equal(costs):
    pairs = [("se", "cam", "parameters"), ("se", "sam", "latency")]
    controls = pd.DataFrame(pairs, columns=["variant", "control", "cost"])
    figure = comparison.accuracy_against_cost(costs, baseline="baseline", title=TITLE, controls=controls)
    places = costs.set_index("variant")
    parameters, macs, latency = ([line for line in ax.lines if line.get_linestyle() == "--"] for ax in figure.axes)
    np.testing.assert_allclose(parameters[0].get_xdata(), places.loc[["se", "cam"], "parameters"] / 1e3)
    np.testing.assert_allclose(latency[0].get_xdata(), places.loc[["se", "sam"], "latency_ratio_1"])
    assert (len(parameters), len(macs), len(latency)) == (1, 0, 1)
    colours = figure.axes[0].collections[-1].get_facecolors()
    assert [to_hex(colours[index]).upper() for index in (0, 1, 4, 5)] == [
        style.RED,
        style.BLUE,
        style.GREEN,
        style.GREEN,
    ]


def test_forest_says_what_a_variant_is_compared_with(differences):
    means, seeds = differences
    figure = comparison.difference_forest(
        means, seeds, baseline="wider networks", confidence=0.95, title=TITLE, than="the wider network"
    )
    assert figure.axes[0].get_xlabel().endswith("(right: better than the wider network)")


def test_names_cover_neither_each_other_nor_the_edge_nor_a_point(costs):
    figure = comparison.accuracy_against_cost(costs, baseline="baseline", title=TITLE)
    renderer = FigureCanvasAgg(figure).get_renderer()
    for ax in figure.axes:
        boxes = [_words(text, renderer) for text in ax.texts]
        window = ax.get_window_extent(renderer)
        points = ax.transData.transform(ax.collections[-1].get_offsets())
        for index, box in enumerate(boxes):
            assert window.x0 <= box.x0 <= box.x1 <= window.x1
            assert window.y0 <= box.y0 <= box.y1 <= window.y1
            assert not any(box.overlaps(other) for other in boxes[index + 1 :])
            assert not any(box.contains(*point) for point in points)


def _words(text: Annotation, renderer):
    """Return the place of the words alone, without the leader line."""
    text.update_positions(renderer)
    text.arrow_patch = None
    return text.get_window_extent(renderer)


def test_cost_that_was_not_measured_gets_no_panel(costs):
    figure = comparison.accuracy_against_cost(
        costs.assign(latency_ratio_1=np.nan, accuracy_std=np.nan), baseline="baseline", title=TITLE
    )
    assert len(figure.axes) == 2


def test_placement_moves_the_second_of_two_equal_points_away():
    points, sizes = np.array([[50.0, 50.0], [50.0, 50.0]]), np.array([[30.0, 8.0], [30.0, 8.0]])
    first, second = labels.place(points, sizes, (0, 0, 100, 100))
    assert abs(first[0] - second[0]) >= 30 or abs(first[1] - second[1]) >= 8


def test_placement_is_the_same_every_time():
    points = np.random.default_rng(0).random((12, 2)) * 60 + 20
    sizes = np.full((12, 2), (30.0, 8.0))
    np.testing.assert_array_equal(
        labels.place(points, sizes, (0, 0, 200, 100)), labels.place(points, sizes, (0, 0, 200, 100))
    )


@pytest.mark.parametrize("kind", [comparison.difference_forest, comparison.accuracy_against_cost])
def test_frames_are_not_changed(kind, differences, costs):
    frame = differences[0] if kind is comparison.difference_forest else costs
    before = frame.copy()
    if kind is comparison.difference_forest:
        forest(differences)
    else:
        comparison.accuracy_against_cost(costs, baseline="baseline", title=TITLE)
    pd.testing.assert_frame_equal(frame, before)
