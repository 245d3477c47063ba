"""The tables of cost: counted, measured, and timed."""

import pandas as pd

from attnbench.report.tables import form
from attnbench.report.tables.cells import each


def cost_table(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row per variant; operations of different kinds stay in columns of their own."""
    frame = tables["cost"]
    return pd.DataFrame(
        {
            "Variant": frame["variant"],
            "Parameters": each(form.integer, frame, "parameters"),
            "of attention": each(form.integer, frame, "attention_parameters"),
            "MACs": each(form.integer, frame, "macs"),
            "MACs of attention": each(form.integer, frame, "attention_macs"),
            "Pooling operations": each(form.integer, frame, "pooling_operations"),
            "Element-wise operations": each(form.integer, frame, "elementwise_operations"),
            "Activations, MiB": each(form.mebibytes, frame, "activation_bytes"),
        }
    )


def latency_table(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row per batch size and variant."""
    frame = tables["latency"]
    return pd.DataFrame(
        {
            "Variant": frame["variant"],
            "Batch": each(form.integer, frame, "batch_size"),
            "Median, ms": each(form.significant, frame, "median_ms"),
            "IQR, ms": each(form.significant, frame, "iqr_ms"),
            "90th percentile, ms": each(form.significant, frame, "p90_ms"),
            "Ratio to the baseline": each(form.ratio_with_interval, frame, "ratio", "ratio_low", "ratio_high"),
            "Rounds": each(form.integer, frame, "rounds"),
        }
    )


def time_table(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row per variant: medians over the n runs that have a timing."""
    frame = tables["time"]
    return pd.DataFrame(
        {
            "Variant": frame["variant"],
            "Seconds per epoch": each(form.significant, frame, "seconds_per_epoch"),
            "Images per second": each(form.significant, frame, "images_per_second"),
            "Seconds per run": each(form.significant, frame, "total_seconds"),
            "Load average": each(form.significant, frame, "load_average"),
            "n": each(form.integer, frame, "n"),
        }
    )
