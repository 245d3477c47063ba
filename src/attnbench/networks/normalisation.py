"""From pixels in 0..1 to the input of a network."""

from collections.abc import Sequence

import torch
from torch import Tensor


class Normalisation:
    """Standardises pixels per channel: subtracts the mean, divides by the standard deviation."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], device: torch.device) -> None:
        self.mean = torch.tensor(mean, device=device)[:, None, None]  # (c, 1, 1)
        self.std = torch.tensor(std, device=device)[:, None, None]

    def __call__(self, images: Tensor) -> Tensor:
        """Return float images (n, c, h, w) in 0..1, standardised; the input is overwritten."""
        return images.sub_(self.mean).div_(self.std)
