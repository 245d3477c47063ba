"""The tables of accuracy: from full-precision frames to frames of texts."""

import pandas as pd

from attnbench.report.tables import form
from attnbench.report.tables.cells import each


def main_table(tables: dict[str, pd.DataFrame], batch_size: int) -> pd.DataFrame:
    """Return one row per variant: accuracy, difference, verdict, size, operations, latency at `batch_size`, time.

    `tables` are those that `attnbench.analyse` writes, by name.
    """
    latency = tables["latency"]
    frame = (
        tables["accuracy"][["variant", "mean", "std", "n"]]
        .merge(
            tables["differences"].add_prefix("d_").rename(columns={"d_variant": "variant"}), how="left", on="variant"
        )
        .merge(tables["cost"], on="variant")
        .merge(latency[latency["batch_size"] == batch_size], on="variant")
        .merge(tables["time"][["variant", "seconds_per_epoch"]], on="variant")
    )
    return pd.DataFrame(
        {
            "Variant": frame["variant"],
            "Accuracy, %": each(form.plus_minus, frame, "mean", "std"),
            "n": each(form.integer, frame, "n"),
            "Difference, points": each(form.points_with_interval, frame, "d_mean", "d_low", "d_high"),
            "Verdict": frame["d_verdict"],
            "Parameters": each(form.integer_with_difference, frame, "parameters", "parameters_difference"),
            "MACs, millions": each(form.millions, frame, "macs"),
            f"Latency ratio, batch {batch_size}": each(
                form.ratio_with_interval, frame, "ratio", "ratio_low", "ratio_high"
            ),
            "Seconds per epoch": each(form.significant, frame, "seconds_per_epoch"),
        }
    )


def difference_table(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row per variant other than the baseline: the difference and all that its verdict rests on."""
    frame = tables["differences"]
    return pd.DataFrame(
        {
            "Variant": frame["variant"],
            "Difference, points": each(form.points_with_interval, frame, "mean", "low", "high"),
            "Std of differences": each(form.percent, frame, "std"),
            "p": each(form.probability, frame, "p"),
            "p, Holm": each(form.probability, frame, "p_holm"),
            "Smallest detectable, points": each(form.percent, frame, "smallest_detectable"),
            "Verdict": frame["verdict"],
        }
    )


def per_class_table(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row per class and one column per variant: mean accuracy in percent, and the variants' own order."""
    frame = tables["per_class"]
    variants = list(dict.fromkeys(frame["variant"]))
    columns = {
        variant: [form.percent(value, 1) for value in frame.loc[frame["variant"] == variant, "mean"]]
        for variant in variants
    }
    classes = frame.loc[frame["variant"] == variants[0], "class"].to_list()
    return pd.DataFrame({"Class": classes} | columns)
