"""From pixels 0..1 to the network's input."""

from collections.abc import Sequence

import torch
from torch import Tensor


class Normalisation:
    """Subtract each channel's mean, divide by its standard deviation, lay out as channels_last."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], device: torch.device) -> None:
        self.mean = torch.tensor(mean, device=device)[:, None, None]
        self.std = torch.tensor(std, device=device)[:, None, None]

    def __call__(self, images: Tensor) -> Tensor:
        """Return images (n, c, h, w), float in 0..1, normalised; the images given are overwritten."""
        return images.sub_(self.mean).div_(self.std).contiguous(memory_format=torch.channels_last)
