"""The tables of the report: from full-precision frames to frames of texts, and those to Markdown.

`tables` are the CSV files of the analysis, by name.
"""

import math
import re
from collections.abc import Callable, Collection

import pandas as pd

from attnbench.report import formatting
from attnbench.report.inputs import controls

_WORDS = (
    "Variant",
    "Kind",
    "Wider network",
    "Equal in",
    "Null control",
    "Gate",
    "Verdict",
    "Class",
    "Slot",
    "Quantity",
)
_SPECIAL = re.compile(r"[\\|*`]|<(?=[A-Za-z/!?])")  # characters of a name that Markdown would interpret


def markdown(frame: pd.DataFrame, words: Collection[str] = _WORDS) -> str:
    """Return the frame as a Markdown table, without its index; numbers must already be texts.

    The columns in `words` are aligned left, all others right, so that digits line up. NaN and None are printed as an en
    dash.
    """
    cells = frame.astype(object).map(_cell).rename(columns=_cell)
    alignment = ["left" if column in words else "right" for column in frame.columns]
    # disable_numparse: tabulate would rewrite `1,147,914` and `+0.10`
    return cells.to_markdown(
        index=False, tablefmt="pipe", disable_numparse=True, colalign=alignment if len(frame) else None
    )


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return formatting.MISSING
    return _SPECIAL.sub(r"\\\g<0>", formatting.one_line(str(value)))


def column(printed: Callable[..., str], frame: pd.DataFrame, *columns: str) -> list[str]:
    """Return one text per row: `printed` of the values in the named columns."""
    return [printed(*values) for values in frame[list(columns)].itertuples(index=False, name=None)]


def main_table(tables: dict[str, pd.DataFrame], kinds: dict[str, str], batch_size: int) -> pd.DataFrame:
    """Return one row per variant: accuracy, difference, verdict, size, operations, times as ratios to the baseline's.

    Inference is that at `batch_size`. `kinds` is variant -> what it is; if no variant is a null control or another
    network, the column is omitted.
    """
    latency = tables["latency"]
    frame = (
        tables["accuracy"][["variant", "mean", "std", "n"]]
        .merge(
            tables["differences"].add_prefix("d_").rename(columns={"d_variant": "variant"}), how="left", on="variant"
        )
        .merge(tables["cost"], on="variant")
        .merge(latency[latency["batch_size"] == batch_size], on="variant")
        .merge(tables["training_step"].add_prefix("step_").rename(columns={"step_variant": "variant"}), on="variant")
    )
    printed = pd.DataFrame(
        {
            "Variant": frame["variant"],
            "Kind": frame["variant"].map(kinds),
            "Accuracy, %": column(formatting.plus_minus, frame, "mean", "std"),
            "n": column(formatting.integer, frame, "n"),
            "Difference, points": column(formatting.points_with_interval, frame, "d_mean", "d_low", "d_high"),
            "Verdict": frame["d_verdict"],
            "Parameters": column(formatting.integer_with_difference, frame, "parameters", "parameters_difference"),
            "MACs, millions": column(formatting.millions, frame, "macs"),
            f"Latency ratio, batch {batch_size}": _ratio(frame),
            "Training step, ratio": _ratio(frame, "step_"),
        }
    )
    return printed if printed["Kind"].nunique() > 2 else printed.drop(columns="Kind")


def _ratio(frame: pd.DataFrame, prefix: str = "") -> list[str]:
    return column(
        formatting.ratio_with_interval, frame, *(prefix + end for end in ("ratio", "ratio_low", "ratio_high"))
    )


def _difference(frame: pd.DataFrame) -> list[str]:
    return column(formatting.points_with_interval, frame, "mean", "low", "high")


def difference_table(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row per variant other than the baseline: the difference and all that its verdict rests on."""
    frame = tables["differences"]
    return pd.DataFrame(
        {
            "Variant": frame["variant"],
            "Difference, points": _difference(frame),
            "Std of differences": column(formatting.percent, frame, "std"),
            "p": column(formatting.probability, frame, "p"),
            "p, Holm": column(formatting.probability, frame, "p_holm"),
            "Smallest detectable, points": column(formatting.percent, frame, "smallest_detectable"),
            "Verdict": frame["verdict"],
        }
    )


def inconclusive_table(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row per inconclusive difference that has a spread: what it would have taken to decide it."""
    frame = tables["differences"]
    frame = frame[(frame["verdict"] == "inconclusive") & (frame["std"] > 0)]
    return pd.DataFrame(
        {
            "Variant": frame["variant"],
            "Observed difference, points": _difference(frame),
            "Smallest detectable, points": column(formatting.percent, frame, "smallest_detectable"),
            "Seeds needed for the observed": column(_seeds_needed, frame, "seeds_needed", "seeds_limit"),
        }
    )


def _seeds_needed(needed: float, limit: int) -> str:
    return f"more than {formatting.integer(limit)}" if math.isnan(needed) else formatting.integer(needed)


def control_table(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row per variant and wider network: the difference, its verdict, and the ratios of their costs."""
    frame, latency = controls(tables, null=False), tables["control_latency"]
    columns: dict[str, pd.Series | list[str]] = {
        "Variant": frame["variant"],
        "Wider network": frame["control"],
        "Equal in": [formatting.listing(costs.split()) for costs in frame["kind"]],
        "Difference, points": _difference(frame),
        "p": column(formatting.probability, frame, "p"),
        "p, Holm": column(formatting.probability, frame, "p_holm"),
        "Smallest detectable, points": column(formatting.percent, frame, "smallest_detectable"),
        "Verdict": frame["verdict"],
        "Parameters": column(formatting.ratio, frame, "parameters_ratio"),
        "MACs": column(formatting.ratio, frame, "macs_ratio"),
    }
    for size in latency["batch_size"].unique():
        at_size = frame[["variant", "control"]].merge(latency[latency["batch_size"] == size], on=["variant", "control"])
        columns[f"Latency, batch {size}"] = _ratio(at_size)
    return pd.DataFrame(columns)


def null_control_table(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row per variant and null control: the difference and its verdict."""
    frame = controls(tables, null=True)
    return pd.DataFrame(
        {
            "Variant": frame["variant"],
            "Null control": frame["control"],
            "Gate": frame["kind"],
            "Difference, points": _difference(frame),
            "p, Holm": column(formatting.probability, frame, "p_holm"),
            "Smallest detectable, points": column(formatting.percent, frame, "smallest_detectable"),
            "Verdict": frame["verdict"],
        }
    )


def ablation_table(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row per variant with a module: what freezing and shuffling change, and statistics of the gates."""
    frame = tables["ablation"]
    return pd.DataFrame(
        {
            "Variant": frame["variant"],
            "Accuracy, %": column(formatting.percent, frame, "accuracy"),
            **{
                f"{kind.capitalize()}, points": column(
                    formatting.points_with_interval, frame, f"{kind}_mean", f"{kind}_low", f"{kind}_high"
                )
                for kind in ("frozen", "shuffled")
            },
            **_gate_columns(frame),
        }
    )


def ablation_slots_table(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row per variant, slot and quantity, such as the channel gate of CBAM."""
    frame = tables["ablation_slots"]
    return pd.DataFrame(
        {
            "Variant": frame["variant"],
            "Slot": frame["slot"],
            "Quantity": frame["quantity"],
            "Mean": column(formatting.significant, frame, "mean"),
            "Spread": column(formatting.significant, frame, "spread"),
            **_gate_columns(frame),
            "Hidden units": column(formatting.integer, frame, "hidden_units"),
        }
    )


def _gate_columns(frame: pd.DataFrame) -> dict[str, list[str]]:
    return {
        "Factor": column(formatting.ratio, frame, "factor"),
        "Spread of the factor": column(formatting.significant, frame, "factor_spread"),
        "Saturated, %": column(formatting.percent, frame, "saturated"),
        "Dead units, %": column(formatting.percent, frame, "dead"),
    }


def per_class_table(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row per class and one column per variant: mean accuracy in percent."""
    frame = tables["per_class"]
    shares = frame.pivot(index="class", columns="variant", values="mean")
    shares = shares.loc[frame["class"].unique(), frame["variant"].unique()]  # pivot sorts
    return shares.map(lambda share: formatting.percent(share, 1)).rename_axis("Class").reset_index()


def cost_table(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row per variant; operations of different kinds have separate columns."""
    frame = tables["cost"]
    return pd.DataFrame(
        {
            "Variant": frame["variant"],
            "Parameters": column(formatting.integer, frame, "parameters"),
            "of attention": column(formatting.integer, frame, "attention_parameters"),
            "MACs": column(formatting.integer, frame, "macs"),
            "MACs of attention": column(formatting.integer, frame, "attention_macs"),
            "Pooling operations": column(formatting.integer, frame, "pooling_operations"),
            "Element-wise operations": column(formatting.integer, frame, "elementwise_operations"),
            "Activations, MiB": column(formatting.mebibytes, frame, "activation_bytes"),
        }
    )


def time_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per batch size and variant, of the table `latency` or `training_step`."""
    return pd.DataFrame(
        {
            "Variant": frame["variant"],
            "Batch": column(formatting.integer, frame, "batch_size"),
            "Median, ms": column(formatting.significant, frame, "median_ms"),
            "IQR, ms": column(formatting.significant, frame, "iqr_ms"),
            "90th percentile, ms": column(formatting.significant, frame, "p90_ms"),
            "Ratio to the baseline": _ratio(frame),
            "Rounds": column(formatting.integer, frame, "rounds"),
        }
    )


def environment_table(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row per fact, and one column per class of machine, the most frequent first."""
    facts = {
        "processor": "Processor",
        "device": "Device",
        "instruction_set": "Instruction set",
        "threads": "Threads per run",
        "precision": "Precision",
        "memory_format": "Memory format",
        "python": "Python",
        "torch": "torch",
        "cudnn": "cuDNN",
        "driver": "Driver",
        "seeds": "Seeds",
        "n": "Runs",
    }
    frame = tables["environment"].reindex(columns=list(facts)).rename(columns=facts).dropna(axis="columns", how="all")
    frame["Seeds"] = [formatting.listing(seeds.split()) for seeds in frame["Seeds"]]
    frame.index = (
        [f"Environment {number}" for number in range(1, len(frame) + 1)] if len(frame) > 1 else ["Environment"]
    )
    return frame.T.rename_axis("Fact").reset_index()
