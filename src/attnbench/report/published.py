"""Accuracies that others publish for a variant, where a study has it, and what differs there."""

import pandas as pd

from attnbench.study import Study

_TUTORIAL = {"bias": False, "norm": False, "init": "torch"}  # CBAM as the tutorial writes it
_IMAGENET = "ResNet-50 on ImageNet"
# module -> accuracy without and with it in percent, network and images, source; modules as in `attention`, no options
_GAINS = {
    "se": (75.20, 76.71, _IMAGENET, "arXiv:1709.01507, table 2"),
    "eca": (75.20, 77.48, f"{_IMAGENET}; the first number is another paper's", "arXiv:1910.03151, table 3"),
    "cbam": (75.44, 77.34, _IMAGENET, "arXiv:1807.06521, table 4"),
    "cam": (75.44, 77.20, _IMAGENET, "arXiv:1807.06521, table 1"),
    "srm": (75.89, 77.13, _IMAGENET, "arXiv:1903.10829, the authors' repository"),
}


def published(study: Study) -> pd.DataFrame:
    """Return one row per variant of which a paper or a tutorial reports the accuracy, as texts."""
    rows = []
    for name, variant in study.variants.items():
        if variant.attention in _GAINS and not variant.options and variant.start == "paper":
            without, with_module, network, source = _GAINS[variant.attention]
            gain = f"{with_module - without:+.2f} points ({without:.2f} to {with_module:.2f} %)"
            rows.append((name, gain, network, source))
        elif (variant.attention, variant.site, variant.options) == ("cbam", "after_pool", _TUTORIAL):
            differs = (
                "this network on CIFAR-10, one run of 50 epochs: Adam at 0.001, dropout 0.5, "
                "a rate that fell with the loss on the test images"
            )
            rows.append((name, "85.98 % accuracy", differs, "a tutorial"))
    return pd.DataFrame(rows, columns=["Variant", "Published", "There", "Source"])
