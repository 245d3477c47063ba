"""The table of variants with a module beside wider networks of equal cost."""

import pandas as pd

from attnbench.report.tables import form
from attnbench.report.tables.cells import each


def control_table(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row per pair: the difference in accuracy, its verdict, and the control's costs to the variant's."""
    frame = tables["controls"]
    latency = tables["control_latency"]
    columns: dict[str, pd.Series | list[str]] = {
        "Variant": frame["variant"],
        "Wider network": frame["control"],
        "Equal in": [" and ".join(costs.split()) for costs in frame["costs"]],
        "Difference, points": each(form.points_with_interval, frame, "mean", "low", "high"),
        "p": each(form.probability, frame, "p"),
        "p, Holm": each(form.probability, frame, "p_holm"),
        "Smallest detectable, points": each(form.percent, frame, "smallest_detectable"),
        "Verdict": frame["verdict"],
        "Parameters": each(form.ratio, frame, "parameters_ratio"),
        "MACs": each(form.ratio, frame, "macs_ratio"),
    }
    for size in latency["batch_size"].unique():
        own = frame[["variant", "control"]].merge(latency[latency["batch_size"] == size], on=["variant", "control"])
        columns[f"Latency, batch {size}"] = each(form.ratio_with_interval, own, "ratio", "ratio_low", "ratio_high")
    return pd.DataFrame(columns)
