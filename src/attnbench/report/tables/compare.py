"""The table of a comparison of two sets of runs."""

import math

import pandas as pd

from attnbench.report.tables import form
from attnbench.report.tables.cells import each


def comparison_table(frame: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return one row of texts per row of numbers, as `attnbench.compare` makes them."""
    return pd.DataFrame(
        {
            "Variant": frame["variant"],
            "n": each(form.integer, frame, "n"),
            "A, %": each(form.percent, frame, "accuracy_a"),
            "B, %": each(form.percent, frame, "accuracy_b"),
            "B - A, points": each(form.points, frame, "difference"),
            f"{confidence * 100:g} % interval": each(_interval, frame, "low", "high"),
            "p": each(form.probability, frame, "p"),
        }
    )


def _interval(low: float, high: float) -> str:
    return form.MISSING if math.isnan(low) else f"[{form.points(low)}, {form.points(high)}]"
