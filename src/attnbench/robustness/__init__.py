"""Accuracy of trained networks on corrupted images, and calibration. Their file: `attnbench.records.robustness`."""

from attnbench.robustness.accuracy import clean_accuracy, corrupted_accuracy, rows_of
from attnbench.robustness.calibration import calibration

__all__ = ["calibration", "clean_accuracy", "corrupted_accuracy", "rows_of"]
