"""Generated images: ten plane shapes on clutter, drawn from a seed. The default data set, which needs no download.

Each image has one shape of random position, size, tilt, colour and contrast, filled or as an outline, among bars and
pieces of other shapes on a textured, noisy background. Colour, position and area are independent of the class.

Everything drawn is lighter than the background. With a random sign of the contrast, a small network stays at chance for
a training of a few hundred steps, and no variants could be distinguished.
"""

import numpy as np
from numpy.typing import NDArray

from attnbench.data.clutter import (
    Numbers,
    Pose,
    bar,
    coverage,
    fragment,
    outlined,
    outlines_of,
    rotation,
    texture,
    uniform,
)
from attnbench.data.outlines import OUTLINES, Grid
from attnbench.data.source_images import LabelledImages, SourceImages
from attnbench.study.schema import ShapesData

SIZE = 32  # pixels
_CHUNK = 250  # images drawn at once, so that the arrays fit into the processor's cache
_SCALE = (7.0, 10.5)  # pixels per unit: the shapes cover 94 to 225 pixels of 1,024
REACH = 1.45  # units from the origin to the furthest corner of any shape
_CONTRAST = (70.0, 150.0)  # distance between the colours of shape and background, of 255 levels
_TEXTURE = 32.0  # largest amplitude of the background's texture, levels
_NOISE = 15.0  # largest standard deviation of the noise, levels
_FRAGMENTS = 2  # at most
_BARS = 2  # at most
_TURN = 0.3  # radians to either side, at most
_GROUND = (20.0, 150.0)  # levels of the background in each channel


def generate(data: ShapesData) -> SourceImages:
    """Draw the images. The same `seed` gives the same bytes; training and test images come from separate streams."""
    train, test = np.random.SeedSequence(data.seed).spawn(2)
    return SourceImages(
        title="generated shapes",
        provenance=(
            f"{data.train_images + data.test_images:,} images of {SIZE} x {SIZE} drawn by this program from seed "
            f"{data.seed}: one of {len(OUTLINES)} shapes on clutter in each, with the mask of its area."
        ),
        classes=tuple(OUTLINES),
        train=_labelled(np.random.Generator(np.random.PCG64(train)), data.train_images),
        test=_labelled(np.random.Generator(np.random.PCG64(test)), data.test_images),
    )


def _labelled(generator: np.random.Generator, count: int) -> LabelledImages:
    labels = generator.permutation(np.arange(count) % len(OUTLINES))  # as balanced as the count allows
    drawn = [_draw(generator, labels[start : start + _CHUNK]) for start in range(0, count, _CHUNK)]
    images, masks = zip(*drawn, strict=True)
    return LabelledImages(np.concatenate(images), labels.astype(np.int64), np.concatenate(masks))


def _draw(generator: np.random.Generator, labels: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    count = len(labels)
    hardness = uniform(generator, 0, 1, count)  # easy images among hard ones: a short training learns from them first
    ground = uniform(generator, *_GROUND, (count, 3))
    canvas = np.repeat(ground[:, :, None, None], SIZE, axis=2).repeat(SIZE, axis=3)  # (n, 3, h, w)
    for cells in (3, 9):
        tint = uniform(generator, -1, 1, (count, 3)) * (hardness * np.float32(_TEXTURE))[:, None]
        canvas += texture(generator, count, SIZE, cells)[:, None] * tint[:, :, None, None]
    for _ in range(_FRAGMENTS):
        _paint(generator, canvas, ground, fragment(generator, count, SIZE, (2.5, 5.0)), hardness)
    for _ in range(_BARS):
        _paint(generator, canvas, ground, bar(generator, count, SIZE, 9), hardness)
    distance = outlines_of(labels, _placed(generator, count), SIZE)
    _paint(generator, canvas, ground, coverage(outlined(generator, distance)), np.ones_like(hardness))
    deviation = 2 + hardness * np.float32(_NOISE)
    canvas += generator.standard_normal(canvas.shape, dtype=np.float32) * deviation[:, None, None, None]
    return np.rint(np.clip(canvas, 0, 255)).astype(np.uint8), (distance < 0).astype(np.uint8)


def _placed(generator: np.random.Generator, count: int) -> Pose:
    """Draw poses with which every shape is completely inside the image."""
    scale = uniform(generator, *_SCALE, count)
    margin = scale * np.float32(REACH)
    room = np.float32(SIZE) - 2 * margin
    x, y = (margin + room * uniform(generator, 0, 1, count) for _ in range(2))
    return Pose(x, y, *rotation(generator, count, _TURN), scale)


def _paint(
    generator: np.random.Generator, canvas: NDArray[np.float32], ground: Numbers, cover: Grid, share: Numbers
) -> None:
    """Paint the covered area of each image in one colour, with the probability `share` (n,)."""
    count = len(canvas)
    direction = uniform(generator, 0, 1, (count, 3))
    direction /= np.sqrt(direction[:, :1] ** 2 + direction[:, 1:2] ** 2 + direction[:, 2:] ** 2)
    colour = ground + direction * uniform(generator, *_CONTRAST, (count, 1))
    shown = cover * (generator.random(count) < share)[:, None, None]
    canvas += shown[:, None] * (colour[:, :, None, None] - canvas)
