"""Trained networks and attention modules outside a study: load, insert, explain, export.

`import attnbench` offers the three functions of this file, as in `attnbench.load("runs/quickstart/cbam-0")`.
"""

from attnbench.use.modules import attention, insert
from attnbench.use.trained import TrainedRun, load

__all__ = ["TrainedRun", "attention", "insert", "load"]
