"""From the records of all runs to the numbers of the report. Nothing is rounded here, and nothing is drawn."""

from attnbench.analyse.costs import load_costs, load_latency
from attnbench.analyse.runs import load_runs
from attnbench.analyse.write import analyse

__all__ = ["analyse", "load_costs", "load_latency", "load_runs"]
