"""How far probabilities can be trusted. For probabilities p (n, k) and labels y (n,), confidence c = max p:

    ECE     sum over bins b of n_b / n |accuracy in b - mean confidence in b|; 15 bins (i / 15, (i + 1) / 15]
    Brier   mean over images of sum over classes of (p - [class = y])^2, from 0 to 2
    NLL     mean over images of -log p of the true class, nats

Source: Guo et al. 2017, arXiv:1706.04599, equation 3 (ECE); Brier 1950, Monthly Weather Review 78, equation 2.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from attnbench.records.robustness import Calibration

BINS = 15


def calibration(logits: Tensor, labels: Tensor) -> Calibration:
    """Return the calibration of logits (n, k) against labels int64 (n,)."""
    logits = logits.double()
    p = logits.softmax(1)
    confidence, predicted = p.max(1)  # (n,), (n,)
    surplus = (predicted == labels).double() - confidence
    bins = (confidence * BINS).ceil().long().clamp(1, BINS) - 1
    by_bin = torch.zeros(BINS, dtype=torch.float64).index_add(0, bins, surplus)
    return Calibration(
        ece=min(1.0, by_bin.abs().sum().item() / len(labels)),
        brier=(p - one_hot(labels, p.shape[1])).square().sum(1).mean().item(),
        nll=cross_entropy(logits, labels).item(),
    )
