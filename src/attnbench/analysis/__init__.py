"""From the records of all runs to the numbers of the report. Nothing is rounded here, and nothing is drawn."""

from attnbench.analysis.costs import load_costs, load_latency
from attnbench.analysis.runs import load_runs
from attnbench.analysis.write import analyse

__all__ = ["analyse", "load_costs", "load_latency", "load_runs"]
