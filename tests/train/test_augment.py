"""Batched augmentation against torchvision, image by image, and the properties of the random draws."""

import dataclasses
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
import torchvision.transforms.v2.functional as tv
from torch import Tensor

from attnbench.errors import UserError
from attnbench.train.augment import augment, colour, draw_epoch, geometry, packed
from attnbench.train.augment.batch import OPERATIONS
from attnbench.train.augment.parameters import ORDERS, Parameters, draw

N = 32
PADDING = 4


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def photos(n: int = N, c: int = 3, h: int = 32, w: int = 32, seed: int = 0) -> Tensor:
    """Return random images with greys, primary colours, black and white, the special cases of colour formulas."""
    images = torch.randint(0, 256, (n, c, h, w), dtype=torch.uint8, generator=generator(seed))
    images[:, :, :4, :4] = torch.randint(0, 2, (n, c, 4, 4), generator=generator(seed)).to(torch.uint8) * 255
    images[:, :, -3:] = images[:, :1, -3:]
    return images


def augmented(
    images: Tensor, operations: tuple[str, ...], generator: torch.Generator, channels: int | None = None
) -> Tensor:
    """Augment one batch with parameters from the generator."""
    return augment(
        images, operations, draw_epoch([len(images)], operations, PADDING, generator, images.device)[0], channels
    )


@contextmanager
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


def unit(images: Tensor) -> Tensor:
    return images.float() / 255


def one_by_one(images: Tensor, parameter: Tensor, function: Callable[[Tensor, float], Tensor]) -> Tensor:
    return torch.stack([function(image, value) for image, value in zip(images, parameter.tolist(), strict=True)])


@pytest.mark.parametrize("padding", [1, PADDING, 9])
@pytest.mark.parametrize("shape", [(32, 32), (24, 40), (5, 7)])
def test_crop_and_flip_are_torchvisions(shape: tuple[int, int], padding: int) -> None:
    images, drawn = photos(h=shape[0], w=shape[1]), draw(N, padding, generator(1))
    expected = torch.stack(
        [
            tv.crop(tv.pad(image, [padding]), int(top) + padding, int(left) + padding, *shape)
            for image, top, left in zip(images, drawn.top, drawn.left, strict=True)
        ]
    )
    assert torch.equal(geometry.crop(images, drawn.top, drawn.left), expected)
    mirrored = torch.where(drawn.flipped[:, None, None, None], tv.horizontal_flip(expected), expected)
    assert torch.equal(geometry.flip(expected, drawn.flipped), mirrored)
    assert torch.equal(geometry.crop_and_flip(images, drawn.top, drawn.left, drawn.flipped), mirrored)


@pytest.mark.parametrize("c", [1, 3])
@pytest.mark.parametrize(
    ("ours", "theirs", "field"),
    [
        (colour.brightness, tv.adjust_brightness, "brightness"),
        (colour.contrast, tv.adjust_contrast, "contrast"),
        (colour.saturation, tv.adjust_saturation, "saturation"),
        (colour.hue, tv.adjust_hue, "hue"),
    ],
)
def test_colour_operations_are_torchvisions(
    ours: Callable[[Tensor, Tensor], Tensor], theirs: Callable[[Tensor, float], Tensor], field: str, c: int
) -> None:
    images, parameter = unit(photos(c=c)), getattr(draw(N, PADDING, generator(2)), field)
    torch.testing.assert_close(ours(images, parameter), one_by_one(images, parameter, theirs), rtol=0, atol=2e-6)


def test_hue_holds_for_every_shift() -> None:
    images, shift = unit(photos(11)), torch.linspace(-0.5, 0.5, 11)
    torch.testing.assert_close(colour.hue(images, shift), one_by_one(images, shift, tv.adjust_hue), rtol=0, atol=5e-6)


@pytest.mark.parametrize("c", [1, 3])
def test_jitter_follows_the_order_of_each_image(c: int) -> None:
    n = len(ORDERS)
    images = unit(photos(n, c=c))
    drawn = dataclasses.replace(draw(n, PADDING, generator(3)), order=torch.arange(n))
    steps = (
        (tv.adjust_brightness, drawn.brightness),
        (tv.adjust_contrast, drawn.contrast),
        (tv.adjust_saturation, drawn.saturation),
        (tv.adjust_hue, drawn.hue),
    )
    expected = []
    for i, order in enumerate(ORDERS):
        changed = images[i]
        for kind in order:
            function, parameter = steps[kind]
            changed = function(changed, float(parameter[i]))
        expected.append(changed)
    torch.testing.assert_close(colour.jitter(images, colour.blends(drawn)), torch.stack(expected), rtol=0, atol=1e-5)


@pytest.mark.parametrize("shape", [(32, 32), (31, 31), (24, 40)])
def test_rotate_is_torchvisions(shape: tuple[int, int]) -> None:
    images = unit(photos(64, h=shape[0], w=shape[1]))
    degrees = torch.cat([torch.tensor([0.0, 15.0, -15.0, 90.0]), draw(60, PADDING, generator(4)).degrees])
    expected = one_by_one(images, degrees, tv.rotate)
    ours = geometry.rotate(images, degrees)
    different = (ours != expected).any(1).float().mean()  # at an exact half the last bit decides
    assert different < 1e-4
    assert (expected == 0).all(1).float().mean() > 0.01  # the black corners were there to compare


def test_rotate_turns_counter_clockwise() -> None:
    images = torch.tensor([[1.0, 2.0], [3.0, 4.0]])[None, None]
    assert geometry.rotate(images, torch.tensor([90.0]))[0, 0].tolist() == [[2.0, 4.0], [1.0, 3.0]]


@pytest.mark.parametrize("operations", [(), ("crop", "flip"), ("jitter",), ("rotate",), OPERATIONS])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_result_is_float_in_0_to_1_and_input_stays(operations: tuple[str, ...], layout: torch.memory_format) -> None:
    images = photos().contiguous(memory_format=layout)
    before = images.clone()
    result = augmented(images, operations, generator())
    assert result.shape == images.shape
    assert result.dtype == torch.float32
    assert result.min() >= 0
    assert result.max() <= 1
    assert torch.equal(images, before)
    if not operations:
        assert torch.equal(result, unit(images))


@pytest.mark.parametrize("c", [1, 3, 4, 5])
def test_packed_images_are_augmented_as_plain_ones(c: int) -> None:
    """As in training: pixels of 1, 2, 4 or 8 bytes, and the added channels are dropped again."""
    images = photos(c=c)
    rows = packed(images)
    assert rows.shape[3] in (1, 2, 4, 8)
    for operations in [(), ("crop",), ("flip",), ("crop", "flip"), ("rotate",), *([OPERATIONS] if c in (1, 3) else [])]:
        ours = augmented(rows.permute(0, 3, 1, 2), operations, generator(), c)
        assert torch.equal(ours, augmented(images, operations, generator()))


@pytest.mark.parametrize("operations", [("crop", "flip"), OPERATIONS])
def test_layout_of_the_input_does_not_matter(operations: tuple[str, ...]) -> None:
    images = photos()
    last = images.contiguous(memory_format=torch.channels_last)
    assert torch.equal(augmented(images, operations, generator()), augmented(last, operations, generator()))


def test_operations_act_in_one_order_however_they_are_named() -> None:
    images = photos()
    assert torch.equal(augmented(images, OPERATIONS, generator()), augmented(images, OPERATIONS[::-1], generator()))


def test_operations_compose() -> None:
    images, drawn = photos(), draw(N, PADDING, generator())
    moved = geometry.flip(geometry.crop(images, drawn.top, drawn.left), drawn.flipped)
    expected = geometry.rotate(colour.jitter(unit(moved), colour.blends(drawn)), drawn.degrees)
    torch.testing.assert_close(augmented(images, OPERATIONS, generator()), expected, rtol=0, atol=1e-6)


def test_an_epoch_is_drawn_as_its_batches_one_by_one() -> None:
    together, separate = generator(), generator()
    epoch = draw_epoch([N, N, 5], OPERATIONS, PADDING, together, torch.device("cpu"))
    for batch, size in zip(epoch, (N, N, 5), strict=True):
        (alone,) = draw_epoch([size], OPERATIONS, PADDING, separate, torch.device("cpu"))
        for part in ("parameters", "blends"):
            mine, other = dataclasses.asdict(getattr(batch, part)), dataclasses.asdict(getattr(alone, part))
            assert all(torch.equal(mine[name], other[name]) for name in other)
    assert torch.equal(together.get_state(), separate.get_state())


def test_same_seed_same_bits_other_seed_others() -> None:
    with deterministic():
        first = augmented(photos(), OPERATIONS, generator(5))
        assert torch.equal(first, augmented(photos(), OPERATIONS, generator(5)))
    assert not torch.equal(first, augmented(photos(), OPERATIONS, generator(6)))


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    augmented(photos(), OPERATIONS, generator())
    assert torch.equal(torch.get_rng_state(), before)


def test_images_of_a_batch_differ_from_each_other() -> None:
    images = photos(1).expand(N, -1, -1, -1)
    for operation in OPERATIONS:
        distinct = torch.unique(augmented(images, (operation,), generator()).flatten(1), dim=0)
        assert len(distinct) == 2 if operation == "flip" else len(distinct) > N // 2


def test_draws_cover_their_ranges_evenly() -> None:
    n = 24_000
    drawn = draw(n, PADDING, generator())
    assert all(len(getattr(drawn, field.name)) == n for field in dataclasses.fields(Parameters))
    for offset in (drawn.top, drawn.left):
        assert_even(torch.bincount(offset + PADDING), 2 * PADDING + 1)
    assert_even(torch.bincount(drawn.order), 24)
    assert_even(torch.bincount(drawn.flipped.long()), 2)
    for values, low, high in (
        (drawn.brightness, 0.8, 1.2),
        (drawn.contrast, 0.8, 1.2),
        (drawn.saturation, 0.8, 1.2),
        (drawn.hue, -0.1, 0.1),
        (drawn.degrees, -15, 15),
    ):
        assert values.dtype == torch.float32
        assert low - 1e-6 <= values.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < values.max() <= high + 1e-6
        assert_even(torch.histc(values, 10, low, high), 10)


def assert_even(counts: Tensor, bins: int) -> None:
    """Each bin is within five standard deviations of its share."""
    assert len(counts) == bins
    share = counts.sum().item() / bins
    assert (counts - share).abs().max() < 5 * math.sqrt(share)


def test_draws_of_different_kinds_are_unrelated() -> None:
    drawn = draw(20_000, PADDING, generator())
    table = torch.stack([getattr(drawn, field.name).float() for field in dataclasses.fields(Parameters)])
    off_diagonal = torch.corrcoef(table) - torch.eye(len(table))
    assert off_diagonal.abs().max() < 0.04  # five standard deviations of a correlation of unrelated numbers


def test_jitter_refuses_images_without_colours_to_change() -> None:
    with pytest.raises(UserError, match=r"'jitter' changes colours and needs images of 1 or 3 channels; these have 4"):
        augmented(photos(c=4), ("jitter",), generator())
    assert augmented(photos(c=4), ("crop", "flip", "rotate"), generator()).shape == (N, 4, 32, 32)


def test_an_operation_takes_the_same_numbers_with_and_without_the_others() -> None:
    alone, together = generator(), generator()
    (flipped,), (all_four,) = (
        draw_epoch([N], operations, PADDING, stream, torch.device("cpu"))
        for operations, stream in ((("flip",), alone), (OPERATIONS, together))
    )
    assert flipped.blends is None
    assert torch.equal(flipped.parameters.flipped, all_four.parameters.flipped)
    assert torch.equal(alone.get_state(), together.get_state())


def test_a_blend_that_is_not_drawn_changes_no_bit() -> None:
    images = unit(photos())
    (drawn,) = draw_epoch([N], ("jitter",), PADDING, generator(), torch.device("cpu"))
    assert drawn.blends is not None
    factors, grey, mean = drawn.blends.weights()
    idle = factors == 1
    assert idle.sum(1).tolist() == [3] * N  # three before the hue change or after it
    assert not grey[idle].any()
    assert not mean[idle].any()
    nothing = colour.Blends(torch.ones(N, 6), torch.zeros(N, 6), torch.zeros(N, 6), torch.zeros(N))
    expected = colour.hue(images, nothing.hue)  # the one step that is never idle
    assert torch.equal(colour.jitter(images, nothing).view(torch.int32), expected.view(torch.int32))
