"""Backbones with slots, and the attention modules that fill them.

Authors of modules import from here: `from attnbench.networks import Gate, PositiveInt, pooling`.
"""

from attnbench.networks.building import attention_modules, build, build_attention, build_backbone, parameter_count
from attnbench.networks.gates import Attention, Gate
from attnbench.networks.slots import Network, Slot
from attnbench.study.options import Factor, OddInt, OpenShare, PositiveFloat, PositiveInt, Share, Size

__all__ = [
    "Attention",
    "Factor",
    "Gate",
    "Network",
    "OddInt",
    "OpenShare",
    "PositiveFloat",
    "PositiveInt",
    "Share",
    "Size",
    "Slot",
    "attention_modules",
    "build",
    "build_attention",
    "build_backbone",
    "parameter_count",
]
