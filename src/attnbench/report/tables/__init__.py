"""From full-precision frames to what is printed."""

from attnbench.report.tables.compare import comparison_table
from attnbench.report.tables.controls import control_table
from attnbench.report.tables.costs import cost_table, latency_table, time_table
from attnbench.report.tables.markdown import markdown
from attnbench.report.tables.results import difference_table, main_table, per_class_table

__all__ = [
    "comparison_table",
    "control_table",
    "cost_table",
    "difference_table",
    "latency_table",
    "main_table",
    "markdown",
    "per_class_table",
    "time_table",
]
