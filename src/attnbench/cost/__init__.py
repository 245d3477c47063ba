"""What a variant costs: counted in the traced network, and measured on a machine."""

from attnbench.cost.count import Counts, count
from attnbench.cost.latency import measure, measure_inference, measure_steps

__all__ = ["Counts", "count", "measure", "measure_inference", "measure_steps"]
