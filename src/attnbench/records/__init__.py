"""What the stages leave for each other and for the report: small typed JSON files, tracked by git."""

from attnbench.records.cost import CostRecord, LatencyRecord, LatencyRow
from attnbench.records.data import DataSummary
from attnbench.records.io import Record, read, write
from attnbench.records.run import Environment, Identity, RunRecord, TimingRecord

__all__ = [
    "CostRecord",
    "DataSummary",
    "Environment",
    "Identity",
    "LatencyRecord",
    "LatencyRow",
    "Record",
    "RunRecord",
    "TimingRecord",
    "read",
    "write",
]
