"""Changing colours: brightness, contrast, saturation and hue of float images (n, c, h, w) in 0..1, c = 1 or 3."""

from dataclasses import dataclass

import torch
from torch import Tensor

from attnbench.train.augment.parameters import BRIGHTNESS, CONTRAST, HUE, ORDERS, SATURATION, Parameters

_LUMA = (0.2989, 0.587, 0.114)


@dataclass(frozen=True)
class Blends:
    """How the colours of n images are changed.

    The images are sorted by how many of the three blends (brightness, contrast, saturation) come before their hue, so
    that each blend passes those alone that it is for.
    """

    early: tuple[int, int, int]  # so many images have their first, second, third blend before the hue
    sorting: Tensor  # int64 (n,): the images in that order
    back: Tensor  # int64 (n,): where each of them is in it
    kinds: Tensor  # int64 (n, 3): BRIGHTNESS, CONTRAST, SATURATION in the image's own order, sorted as the images
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
    """Turn the colours by `shift` (n,), in turns of the colour circle; grey images are returned as they are.

    Same as RGB -> HSV, H + shift, HSV -> RGB, without the six cases of the way back: with H in sixths of a turn,
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
    sixth.sub_((sixth / 6).floor_(), alpha=6)  # the remainder by 6; `remainder` is slow
    ramps = (sixth - 3).abs_().sub_(1), (sixth - 2).abs_().neg_().add_(2), (sixth - 4).abs_().neg_().add_(2)
    return torch.stack([ramp.clamp_(0, 1).mul_(chroma).add_(low) for ramp in ramps], 1)


def blends(drawn: Parameters) -> Blends:
    """Return how the drawn parameters change colours; they lie on the processor, where the counts are read."""
    place = torch.tensor([order.index(HUE) for order in ORDERS])[drawn.order]  # (n,), 0..3: blends before the hue
    sorting = place.argsort(descending=True, stable=True)
    kinds = torch.tensor([[kind for kind in order if kind != HUE] for order in ORDERS])[drawn.order[sorting]]
    factors = torch.stack((drawn.brightness, drawn.contrast, drawn.saturation), 1)[sorting].gather(1, kinds)
    first, second, third = (int((place > i).sum()) for i in range(3))
    return Blends((first, second, third), sorting, sorting.argsort(), kinds, factors, drawn.hue[sorting])


def jitter(images: Tensor, plan: Blends) -> Tensor:
    """Change brightness, contrast, saturation and hue of each image, in the image's own order."""
    images = images.index_select(0, plan.sorting)
    for i, count in enumerate(plan.early):
        _blend_(images[:count], plan.kinds[:count, i], plan.factors[:count, i])
    images = hue(images, plan.hue)
    for i, count in enumerate(plan.early):
        _blend_(images[count:], plan.kinds[count:, i], plan.factors[count:, i])
    return images.index_select(0, plan.back)


def _mixed(images: Tensor, kind: int, factor: Tensor) -> Tensor:
    return _blend_(images.clone(), torch.full_like(factor, kind, dtype=torch.int64), factor)


def _blend_(images: Tensor, kind: Tensor, factor: Tensor) -> Tensor:
    """Make the images factor * image + (1 - factor) * other, cut to 0..1; other: by `kind` (n,) 0, mean grey, grey."""
    weight = (1 - factor)[:, None, None, None]
    grey = _grey(images)  # (n, 1, h, w)
    mean = grey.mean((1, 2, 3), keepdim=True)
    other = grey.mul_(weight * _is(kind, SATURATION)).add_(mean * (weight * _is(kind, CONTRAST)))
    return images.mul_(factor[:, None, None, None]).add_(other).clamp_(0, 1)


def _grey(images: Tensor) -> Tensor:
    """Return the luma (n, 1, h, w), a new tensor."""
    if images.shape[1] == 1:
        return images.clone()
    red, green, blue = images.unbind(1)
    return (red * _LUMA[0]).add_(green, alpha=_LUMA[1]).add_(blue, alpha=_LUMA[2])[:, None]


def _equal(a: Tensor, b: Tensor) -> Tensor:
    """Return 1.0 where a == b, else 0.0: `lerp` by it is `where`, exactly, and several times as fast."""
    return torch.eq(a, b, out=torch.empty_like(a, memory_format=torch.contiguous_format))


def _is(kind: Tensor, wanted: int) -> Tensor:
    return (kind == wanted)[:, None, None, None]
