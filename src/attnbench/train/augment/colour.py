"""Brightness, contrast, saturation and hue of float images (n, c, h, w) in 0..1, c = 1 or 3."""

from dataclasses import dataclass

import torch
from torch import Tensor

from attnbench.train.augment.parameters import BRIGHTNESS, CONTRAST, HUE, ORDERS, SATURATION, Parameters

_LUMA = (0.2989, 0.587, 0.114)


@dataclass(frozen=True)
class Blends:
    """The colour changes of n images.

    The images are sorted by the number of blends (brightness, contrast, saturation) that precede their hue change.
    Each blend then applies to one contiguous slice of the batch.
    """

    early: tuple[int, int, int]  # number of images whose first, second, third blend precedes the hue change
    sorting: Tensor  # int64 (n,): index that sorts the images
    back: Tensor  # int64 (n,): index that restores their order
    kinds: Tensor  # int64 (n, 3): BRIGHTNESS, CONTRAST, SATURATION in each image's order, for the sorted images
    factors: Tensor  # float32 (n, 3)
    hue: Tensor  # float32 (n,)


def brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Scale the images by `factor` (n,)."""
    return _mixed(images, BRIGHTNESS, factor)


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Move the images away from (factor > 1) or towards their mean grey."""
    return _mixed(images, CONTRAST, factor)


def saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Move every pixel away from (factor > 1) or towards its grey."""
    return _mixed(images, SATURATION, factor)


def hue(images: Tensor, shift: Tensor) -> Tensor:
    """Rotate the hue by `shift` (n,), in turns of the colour circle; grey images are returned unchanged.

    Equals RGB -> HSV, H + shift, HSV -> RGB, without the six cases of the conversion back: with H in sixths of a turn,
    red = min + (max - min) clip(|H - 3| - 1, 0, 1), green the same of 2 - |H - 2|, blue of 2 - |H - 4|.
    """
    if images.shape[1] == 1:
        return images
    red, green, blue = images.unbind(1)  # (n, h, w)
    low = torch.minimum(red, green).minimum(blue)  # `aminmax` over a dimension takes ten times as long
    high = torch.maximum(red, green).maximum(blue)
    chroma = high - low
    divisor = chroma.clamp(min=torch.finfo(images.dtype).tiny)
    from_green, from_blue = (blue - red).div_(divisor).add_(2), (red - green).div_(divisor).add_(4)
    sixth = from_blue.lerp_(from_green, _equal(high, green)).lerp_((green - blue).div_(divisor), _equal(high, red))
    sixth.add_(6 * shift[:, None, None])
    sixth.sub_((sixth / 6).floor_(), alpha=6)  # remainder modulo 6; `remainder` is slow
    ramps = (sixth - 3).abs_().sub_(1), (sixth - 2).abs_().neg_().add_(2), (sixth - 4).abs_().neg_().add_(2)
    return torch.stack([ramp.clamp_(0, 1).mul_(chroma).add_(low) for ramp in ramps], 1)


def blends(parameters: Parameters) -> Blends:
    """Return the colour changes for drawn parameters, which must be on the processor: counts are read from them."""
    before_hue = torch.tensor([order.index(HUE) for order in ORDERS])[parameters.order]  # (n,), 0..3 blends
    sorting = before_hue.argsort(descending=True, stable=True)
    kinds = torch.tensor([[kind for kind in order if kind != HUE] for order in ORDERS])[parameters.order[sorting]]
    factors = torch.stack((parameters.brightness, parameters.contrast, parameters.saturation), 1)
    factors = factors[sorting].gather(1, kinds)
    first, second, third = (int((before_hue > i).sum()) for i in range(3))
    return Blends((first, second, third), sorting, sorting.argsort(), kinds, factors, parameters.hue[sorting])


def jitter(images: Tensor, changes: Blends) -> Tensor:
    """Change brightness, contrast, saturation and hue of each image, in the image's own order."""
    images = images.index_select(0, changes.sorting)
    for i, count in enumerate(changes.early):
        _blend_(images[:count], changes.kinds[:count, i], changes.factors[:count, i])
    images = hue(images, changes.hue)
    for i, count in enumerate(changes.early):
        _blend_(images[count:], changes.kinds[count:, i], changes.factors[count:, i])
    return images.index_select(0, changes.back)


def _mixed(images: Tensor, kind: int, factor: Tensor) -> Tensor:
    return _blend_(images.clone(), torch.full_like(factor, kind, dtype=torch.int64), factor)


def _blend_(images: Tensor, kind: Tensor, factor: Tensor) -> Tensor:
    """Blend in place: factor * image + (1 - factor) * other, clamped; other: 0, mean grey or grey by `kind`."""
    weight = (1 - factor)[:, None, None, None]
    grey = _grey(images)  # (n, 1, h, w)
    mean = grey.mean((1, 2, 3), keepdim=True)
    other = grey.mul_(weight * _is(kind, SATURATION)).add_(mean * (weight * _is(kind, CONTRAST)))
    return images.mul_(factor[:, None, None, None]).add_(other).clamp_(0, 1)


def _grey(images: Tensor) -> Tensor:
    """Return the luma (n, 1, h, w) as a new tensor."""
    if images.shape[1] == 1:
        return images.clone()
    red, green, blue = images.unbind(1)
    return (red * _LUMA[0]).add_(green, alpha=_LUMA[1]).add_(blue, alpha=_LUMA[2])[:, None]


def _equal(a: Tensor, b: Tensor) -> Tensor:
    """Return 1.0 where a == b, else 0.0. `lerp` with it equals `where` exactly and is several times as fast."""
    return torch.eq(a, b, out=torch.empty_like(a, memory_format=torch.contiguous_format))


def _is(kind: Tensor, value: int) -> Tensor:
    return (kind == value)[:, None, None, None]
