"""Trained networks whose modules do not see the image they act on. Their file: `attnbench.records.ablation`."""

from attnbench.ablate.ablation import Ablation, ablate

__all__ = ["Ablation", "ablate"]
