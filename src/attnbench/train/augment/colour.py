"""Brightness, contrast, saturation and hue of float images (n, c, h, w) in 0..1, c = 1 or 3."""

from dataclasses import dataclass

import torch
from torch import Tensor

from attnbench.train.augment.parameters import CONTRAST, HUE, ORDERS, SATURATION, Parameters

_LUMA = (0.2989, 0.587, 0.114)


@dataclass(frozen=True)
class Blends:
    """The colour changes of n images: three blends before the hue change and three after it, half of them idle.

    A blend is brightness, contrast or saturation: factor * image + grey_weight * grey + mean_weight * mean grey. An
    idle one has the factor 1 and the weights 0 and changes no bit. So every batch of n images takes the same steps,
    whatever was drawn, as a CUDA graph requires.
    """

    factors: Tensor  # float32 (n, 6)
    grey_weights: Tensor  # float32 (n, 6): 1 - factor for saturation, else 0
    mean_weights: Tensor  # float32 (n, 6): 1 - factor for contrast, else 0
    hue: Tensor  # float32 (n,)

    def weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the three weights of every blend."""
        return self.factors, self.grey_weights, self.mean_weights


def brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Scale the images by `factor` (n,)."""
    return _blended(images, factor, is_grey=False, is_mean=False)


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Move the images away from (factor > 1) or towards their mean grey."""
    return _blended(images, factor, is_grey=False, is_mean=True)


def saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Move every pixel away from (factor > 1) or towards its grey."""
    return _blended(images, factor, is_grey=True, is_mean=False)


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
    """Return the colour changes for drawn parameters, which must be on the processor."""
    kinds = torch.tensor([[kind for kind in order if kind != HUE] for order in ORDERS])[parameters.order]  # (n, 3)
    drawn = torch.stack((parameters.brightness, parameters.contrast, parameters.saturation), 1).gather(1, kinds)
    before_hue = torch.tensor([order.index(HUE) for order in ORDERS])[parameters.order]  # (n,), 0..3 blends
    is_early = torch.arange(3) < before_hue[:, None]
    factors = torch.cat((drawn.where(is_early, 1.0), drawn.where(~is_early, 1.0)), 1)  # (n, 6)
    kinds = kinds.repeat(1, 2)
    weights = 1 - factors
    return Blends(factors, weights * (kinds == SATURATION), weights * (kinds == CONTRAST), parameters.hue)


def jitter(images: Tensor, changes: Blends) -> Tensor:
    """Change brightness, contrast, saturation and hue of each image, in the image's own order."""
    columns = (weights[:, :, None, None, None].unbind(1) for weights in changes.weights())
    steps = list(zip(*columns, strict=True))  # factor, grey weight and mean weight (n, 1, 1, 1), six times
    images = images.clone()
    for step in steps[:3]:
        _blend_(images, *step)
    images = hue(images, changes.hue)
    for step in steps[3:]:
        _blend_(images, *step)
    return images


def _blended(images: Tensor, factor: Tensor, *, is_grey: bool, is_mean: bool) -> Tensor:
    factor = factor[:, None, None, None]
    return _blend_(images.clone(), factor, (1 - factor) * is_grey, (1 - factor) * is_mean)


def _blend_(images: Tensor, factor: Tensor, grey_weight: Tensor, mean_weight: Tensor) -> Tensor:
    """Blend in place: factor * image + grey_weight * grey + mean_weight * mean grey, clamped; weights (n, 1, 1, 1)."""
    grey = _grey(images)  # (n, 1, h, w)
    mean = grey.mean((1, 2, 3), keepdim=True)
    other = grey.mul_(grey_weight).add_(mean * mean_weight)
    return images.mul_(factor).add_(other).clamp_(0, 1)


def _grey(images: Tensor) -> Tensor:
    """Return the luma (n, 1, h, w) as a new tensor."""
    if images.shape[1] == 1:
        return images.clone()
    red, green, blue = images.unbind(1)
    return (red * _LUMA[0]).add_(green, alpha=_LUMA[1]).add_(blue, alpha=_LUMA[2])[:, None]


def _equal(a: Tensor, b: Tensor) -> Tensor:
    """Return 1.0 where a == b, else 0.0. `lerp` with it equals `where` exactly and is several times as fast."""
    return torch.eq(a, b, out=torch.empty_like(a, memory_format=torch.contiguous_format))
