from dataclasses import replace

import numpy as np
import pytest

from attnbench.report.figures import maps, panels
from attnbench.report.figures.channel_gates import channel_gates, statistics

TITLE = "CIFAR-10, JPEG quality 75"


def words(figure) -> list[str]:
    return [text.get_text() for text in figure.texts] + [ax.get_title() for ax in figure.axes]


def images(figure) -> list:
    """Return the panels' images; the bare figure's axes but the last, which is the colour bar."""
    return [image for ax in figure.axes[:-1] for image in ax.images]


@pytest.mark.parametrize("draw", [maps.feature_maps, maps.active_channels, maps.grad_cam, maps.spatial_gates])
def test_title_of_the_data_and_variant_are_on_the_figure(views, draw):
    title = draw(views, TITLE).get_suptitle()
    assert TITLE in title
    assert "cbam, seed 5" in title


def test_feature_maps_are_the_first_channels_with_their_numbers(views):
    figure = maps.feature_maps(views, TITLE)
    picture, _, first, second = figure.axes[:4]  # the images of both rows come first
    np.testing.assert_array_equal(picture.images[0].get_array(), views.images[0].transpose(1, 2, 0))
    assert len(first.images) == 9
    for shown, values in zip(second.images, views.blocks["block2"].features[0], strict=True):
        np.testing.assert_array_equal(shown.get_array(), values.astype(np.float32))
    assert [text.get_text() for text in second.texts] == ["0", "1", "2", "3", "4", "5", "6"]
    assert first.images[8].get_extent() == pytest.approx((2.02, 2.98, 2.98, 2.02))  # the ninth: third row, third column


def test_one_scale_for_all_panels_of_a_figure(views):
    highest = max(float(block.grad_cam.max()) for block in views.blocks.values())
    shown = [image for image in images(maps.grad_cam(views, TITLE)) if image.cmap.name == maps.HEAT]
    assert len(shown) == 2 * 2
    assert {(image.norm.vmin, image.norm.vmax) for image in shown} == {(0.0, highest)}


def test_a_row_is_labelled_with_true_and_predicted_class_and_probability(views):
    assert {"true: cat", "pred.: cat 0.87", "true: dog"} <= set(words(maps.grad_cam(views, TITLE)))
    figure = maps.grad_cam(replace(views, labels=np.array([0, 2])), TITLE)
    colours = {text.get_text(): text.get_color() for text in figure.texts}
    assert "true: a class with …" in colours
    predictions = [text.get_color() for text in figure.texts if text.get_text().startswith("pred.")]
    assert predictions[0] == "black" != predictions[1]  # the second is wrong


def test_active_channels_have_their_numbers_above(views):
    figure = maps.active_channels(views, TITLE)
    numbers = [ax.get_title() for ax in figure.axes if ax.get_title()]
    indices = [views.blocks[name].active_index[image] for name in views.blocks for image in range(2)]
    assert numbers == [str(number) for row in indices for number in row]
    overlays = [ax for ax in figure.axes if ax.get_title()]
    np.testing.assert_array_equal(overlays[1].images[1].get_array(), views.blocks["block1"].active[0, 1])
    assert overlays[1].images[1].get_alpha() == 0.5


def test_a_variant_without_gates_has_no_figure_of_them(no_gates, make):
    assert channel_gates(no_gates, TITLE) is None
    assert maps.spatial_gates(no_gates, TITLE) is None
    assert channel_gates(make(channel=False), TITLE) is None
    assert maps.spatial_gates(make(spatial=False), TITLE) is None


def test_channel_gates_against_channel(views):
    figure = channel_gates(views, TITLE)
    gate = views.gates["block2.after_pool"].channel.astype(np.float64)
    first, second, mean = figure.axes[1].lines
    np.testing.assert_array_equal(first.get_xydata(), np.column_stack([np.arange(7), gate[0]]))
    np.testing.assert_array_equal(second.get_ydata(), gate[1])
    np.testing.assert_allclose(mean.get_ydata(), gate.mean(axis=0))


def test_statistics_of_gates_by_hand():
    assert (
        statistics(np.array([[0.2, 0.4], [0.2, 0.8]]))  # means of the channels .2 and .6, spreads over images 0 and .2
        == "mean 0.400, std over channels 0.200, over images 0.100"
    )


def test_sheet_has_variants_as_rows_and_blocks_as_columns(make):
    rows = {name: make(name) for name in ("baseline", "se", "cbam_first")}
    figure = maps.sheet(rows, 1, TITLE)
    texts = words(figure)
    assert [text for text in texts if text in rows] == list(rows)
    assert texts.count("true: dog") == 3
    assert {"block1", "block2"} <= set(texts)
    shown = [image for image in images(figure) if image.cmap.name == maps.HEAT]
    expected = [views.blocks[name].grad_cam[1] for views in rows.values() for name in views.blocks]
    for image, values in zip(shown, expected, strict=True):
        np.testing.assert_array_equal(image.get_array(), values)
    highest = max(values.max() for values in expected)
    assert {float(image.norm.vmax) for image in shown} == {float(highest)}


def test_outline_of_the_object_is_drawn_where_it_is_known(views):
    assert any(ax.collections for ax in maps.grad_cam(views, TITLE).axes[:-1])
    unknown = replace(views, masks=None)
    assert not any(ax.collections for ax in maps.grad_cam(unknown, TITLE).axes[:-1])


def test_maps_without_any_evidence_can_be_drawn(views):
    silent = {name: replace(block, grad_cam=block.grad_cam * 0) for name, block in views.blocks.items()}
    assert maps.grad_cam_scale([replace(views, blocks=silent)]).high == 1.0


@pytest.mark.parametrize(
    ("ticks", "labels"),
    [
        ([0.0, 0.25, 0.5], ["0", "0.25", "0.5"]),
        ([0.4801, 0.4953, 0.5004, 0.5112], ["0.48", "0.495", "0.5", "0.511"]),
        ([0.5, 0.5], ["0.5", "0.5"]),
    ],
)
def test_numbers_at_a_colour_bar_differ(ticks, labels):
    """A gate that hardly changes has a span of hundredths."""
    assert [text.removesuffix("0") if "." in text else text for text in panels.tick_labels(ticks)] == labels


def test_panels_lie_inside_the_figure_and_apart(views):
    figure = maps.active_channels(views, TITLE)
    boxes = [ax.get_position() for ax in figure.axes]
    assert all(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= 1 and box.y1 <= 1 for box in boxes)
    for index, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[index + 1 :])


def test_grey_images(views):
    one = views.images[:, :1]
    grey = replace(views, images=one)
    shown = maps.grad_cam(grey, TITLE).axes[0].images[0]
    np.testing.assert_array_equal(shown.get_array(), one[0, 0])


@pytest.mark.parametrize(
    ("low", "high", "ends"),
    [(-0.5, 1.5, (-0.5, 1.5)), (1.25, 1.25, (0, 1.25)), (-0.5, -0.5, (-0.5, 1)), (1, 1, (0, 1))],
)
def test_gates_outside_0_to_1_are_on_the_scale(views, low, high, ends):
    """`start: identity` applies such gates, and equal ones before it has learned anything."""
    channel, spatial = np.full((2, 7), low, np.float16), np.full((2, 4, 4), low, np.float16)
    channel[0, 0] = spatial[0, 0, 0] = high
    identity = replace(
        views, gates={"block2.after_pool": replace(views.gates["block2.after_pool"], channel=channel, spatial=spatial)}
    )
    shown = [image for image in images(maps.spatial_gates(identity, TITLE)) if image.cmap.name == maps.HEAT]
    assert {(image.norm.vmin, image.norm.vmax) for image in shown} == {ends}
    bottom, top = channel_gates(identity, TITLE).axes[0].get_ylim()
    assert bottom < low <= high < top
