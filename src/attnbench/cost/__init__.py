"""What a variant costs: counted in the traced network, and measured on a machine."""

from attnbench.cost.count import Counts, count
from attnbench.cost.latency import inference_times, measure, measure_inference, measure_steps, step_times

__all__ = ["Counts", "count", "inference_times", "measure", "measure_inference", "measure_steps", "step_times"]
