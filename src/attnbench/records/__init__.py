"""The files that stages write for later stages: typed JSON records tracked by git, curves, and arrays."""

from attnbench.records.ablation import AblationRecord, Quantity, SlotAblation
from attnbench.records.cost import CostRecord, LatencyRecord, LatencyRow
from attnbench.records.data import DataSummary
from attnbench.records.identity import Difference, Environment, Identity, code_sha256, params_sha256
from attnbench.records.io import Record, first_problem, read, write
from attnbench.records.maps import MapsRecord
from attnbench.records.owner import OwnedRecord, other_owner, require_of
from attnbench.records.robustness import Calibration, Corrupted, RobustnessRecord
from attnbench.records.runs import RunRecord, TimingRecord

__all__ = [
    "AblationRecord",
    "Calibration",
    "Corrupted",
    "CostRecord",
    "DataSummary",
    "Difference",
    "Environment",
    "Identity",
    "LatencyRecord",
    "LatencyRow",
    "MapsRecord",
    "OwnedRecord",
    "Quantity",
    "Record",
    "RobustnessRecord",
    "RunRecord",
    "SlotAblation",
    "TimingRecord",
    "code_sha256",
    "first_problem",
    "other_owner",
    "params_sha256",
    "read",
    "require_of",
    "write",
]
