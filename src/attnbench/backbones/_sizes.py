"""Sizes of feature maps, told from the size of the image without running anything."""

from attnbench.families import Size


def strided(size: Size, stride: int) -> Size:
    """Return the size behind a convolution or pool of `stride` whose padding keeps the size at stride 1, rounded up."""
    height, width = size
    return -(-height // stride), -(-width // stride)
