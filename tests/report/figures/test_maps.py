from dataclasses import replace

import numpy as np
import pytest

from attnbench.records.views import GateView
from attnbench.report.figures import fonts, maps, panels

DASH = "\N{EN DASH}"


def words(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def shown(figure, colours: str) -> list:
    images = [image for image in figure.axes[0].images if image.get_array().ndim == 2]  # not the inputs
    return [image for image in images if image.cmap.name == colours]


def gates_of(values: np.ndarray, **more: np.ndarray):
    return {
        f"{name}.site": GateView(None, array.astype(np.float16)) for name, array in {"block1": values, **more}.items()
    }


def test_a_constant_gate_looks_constant_and_its_range_is_written(make):
    views = replace(
        make(), gates=gates_of(np.full((2, 4, 4), 0.5), block2=np.linspace(0.48, 0.51, 32).reshape(2, 4, 4))
    )
    figure = maps.spatial_gates({"sam": views})
    images = shown(figure, "RdBu_r")
    assert {(image.norm.vmin, image.norm.vmax) for image in images} == {(0, 1)}
    np.testing.assert_array_equal(images[0].get_array(), np.full((4, 4), 0.5))
    assert {image.get_interpolation() for image in images} == {"nearest"}
    assert {image.get_alpha() for image in images} == {None}
    assert {"sam", f"block1\n0.50{DASH}0.50", f"block2\n0.48{DASH}0.51"} <= set(words(figure))


def test_a_gate_that_leaves_0_to_1_has_a_wider_axis_and_the_others_keep_theirs(make):
    views = replace(make(), gates=gates_of(np.full((2, 4, 4), 0.5), block2=np.full((2, 4, 4), -0.5)))
    figure = maps.spatial_gates({"identity": views})
    assert {(image.norm.vmin, image.norm.vmax) for image in shown(figure, "RdBu_r")} == {(0, 1), (-0.5, 1.5)}
    assert any(text.startswith("Gates that leave 0 to 1") for text in words(figure))


def test_variants_without_spatial_gates_are_left_out(make):
    without, one = make("se", gates=False), make("cbam")
    assert maps.spatial_gates({"se": without}) is None
    assert "se" not in words(maps.spatial_gates({"se": without, "cbam": one}))


def test_each_panel_of_grad_cam_has_its_own_scale_and_wrong_predictions_both_classes(make):
    views = {"baseline": make("baseline"), "cbam": make("cbam", wrong=1)}
    figure = maps.grad_cam(views, "block2")
    images = shown(figure, panels.HEAT)
    blocks = [view.blocks["block2"] for view in views.values()]
    expected = [blocks[0].grad_cam[0], blocks[0].grad_cam[1], *blocks[1].grad_cam, blocks[1].grad_cam_true[1]]
    for image, values in zip(images, expected, strict=True):
        np.testing.assert_array_equal(image.get_array(), values)
        assert (image.norm.vmin, image.norm.vmax) == (0, values.max())
    assert words(figure).count("cat") == 2  # the first image, and what cbam takes the second for
    assert "for dog,\nthe true class" in words(figure)


def test_no_evidence_is_blue_and_not_divided_by_zero(make):
    views = make()
    silent = {name: replace(block, grad_cam=block.grad_cam * 0) for name, block in views.blocks.items()}
    images = shown(maps.grad_cam({"cbam": replace(views, blocks=silent)}, "block1"), panels.HEAT)
    assert {image.norm.vmax for image in images} == {1.0}


def test_feature_maps_have_a_scale_for_each_block_and_their_numbers(make):
    views = make()
    blocks = dict(views.blocks, block1=replace(views.blocks["block1"], features=10 * views.blocks["block1"].features))
    figure = maps.feature_maps(replace(views, blocks=blocks))
    images = shown(figure, "viridis")
    tops = [np.percentile(block.features, 99) for block in blocks.values()]
    assert [image.norm.vmax for image in images] == pytest.approx([tops[0]] * 18 + [tops[1]] * 14)
    np.testing.assert_array_equal(images[19].get_array(), views.blocks["block2"].features[0, 1])
    assert str(views.blocks["block2"].features_index[6]) in words(figure)


def test_most_active_channels_have_their_numbers(make):
    views = make()
    figure = maps.active_channels(views)
    numbers = [str(channel) for block in views.blocks.values() for channel in block.active_index.T.flat]
    assert [text for text in words(figure) if text.isdigit()] == numbers


def test_a_sheet_of_every_second_image(make):
    views = make(images=4)
    for figure in (
        maps.grad_cam({"cbam": views}, "block1", step=2),
        maps.feature_maps(views, step=2),
        maps.active_channels(views, step=2),
    ):
        inputs = [image.get_array() for image in figure.axes[0].images if image.get_array().ndim == 3]
        np.testing.assert_array_equal(inputs, views.images[::2].transpose(0, 2, 3, 1))


def test_thirty_variants_fill_bands_of_fewer_images_inside_the_sheet(make):
    views = {f"a_long_name_of_a_variant_{index}": make(images=10) for index in range(30)}
    for figure in (maps.grad_cam(views, "block2"), maps.spatial_gates(views)):
        width, height = figure.get_size_inches()
        assert height < 17
        boxes = [image.get_extent() for image in figure.axes[0].images]
        assert all(0 <= left < right <= width and 0 <= top < bottom <= height for left, right, bottom, top in boxes)
        assert len(shown(figure, panels.HEAT) + shown(figure, "RdBu_r")) == 30 * 3


def test_class_names_are_drawn_as_they_are_or_as_numbers(make):
    views = make(classes=("a $ or $$ <b>", "\N{CJK UNIFIED IDEOGRAPH-732B}\U0010fffd"), images=2)
    figure = maps.feature_maps(views)
    figure.draw_without_rendering()
    assert {"a $ or $$ <b>", "class 2"} <= set(words(figure))
    assert any("has its number" in text for text in words(figure))
    assert not any("has its number" in text for text in words(maps.feature_maps(make())))
    assert fonts.class_name(["a class with a long name"], 0) == ("a class with …", [fonts.DEFAULT])


def test_an_image_at_the_end_of_a_long_sheet_keeps_its_second_row(make):
    views = {f"v{number}": make(f"v{number}", images=7) for number in range(9)}
    long = maps.grad_cam(views | {"wrong": make("wrong", images=7, wrong=5)}, "block2")
    assert sum(text.endswith("the true class") for text in words(long)) == 2  # in both bands, of the sixth image
    assert sum(text in ("cat", "dog") for text in words(long)) == 2 * 6 + 1  # and what was predicted


def test_every_panel_has_the_outline_of_the_object(make):
    masks = np.zeros((2, 16, 16), np.uint8)
    masks[:, 8:12, 4:8] = 1
    views = replace(make(), masks=masks)
    figure = maps.grad_cam({"a": views, "b": views}, "block2")
    boxes = [image.get_extent() for image in shown(figure, panels.HEAT)]
    for outline, (left, right, _, top) in zip(figure.axes[0].collections, boxes, strict=True):
        [points] = outline.get_segments()
        ends = [left, top] + (right - left) * np.array([[1 / 4, 1 / 2], [1 / 2, 3 / 4]])
        np.testing.assert_allclose([points.min(axis=0), points.max(axis=0)], ends)


def test_grey_images(make):
    views = make()
    figure = maps.grad_cam({"cbam": replace(views, images=views.images[:, :1])}, "block1")
    np.testing.assert_array_equal(shown(figure, "gray")[0].get_array(), views.images[0, 0])
