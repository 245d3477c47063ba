"""The tables of the report: from full-precision frames to frames of texts, and those to Markdown."""

import math
from collections.abc import Callable, Collection
from functools import partial

import pandas as pd

from attnbench.report import equal_cost, formatting, method
from attnbench.report.inputs import Inputs
from attnbench.study import attention

NAMES = ("Variant", "Reference", "Attention", "Slot", "Block")  # columns of names as in params.yaml: set as code
WORDS = (
    "Kind",
    "Kept equal",
    "Verdict",
    "Class",
    "Quantity",
    "Corruption",
    "Of",
    "Map",
)  # columns of texts
_SPREADS = ("error_std", "error_std_without", "seed_std")  # shares; the other diagnostics have no unit
_DIAGNOSTICS = {  # quantity of tables/diagnostics.csv -> words
    "error_std": "Error standard deviation, points",
    "error_std_without": "The same without the variant that adds most to it",
    "seed_std": "Standard deviation of seeds, points",
    "additivity": "Tukey's test of additivity, F",
    "pooled_variance": "Pooled variance over 2 MSE",
    "largest_residual": "Largest studentised residual",
    "own_variance": "Own variance over the pooled one, the least likely",
}
VERDICT = ["Variant", "Reference", "Difference, points", "Verdict"]  # what a reader of a comparison needs first
REFERENCE = "1 (ref)"  # a ratio of the baseline to itself


def markdown(frame: pd.DataFrame, words: Collection[str] = WORDS) -> str:
    """Return the frame as a Markdown table, without its index; numbers must already be texts.

    Names and the columns in `words` are aligned left and may hold any text; all others are aligned right, so that
    digits line up. NaN and None are printed as an en dash.
    """
    cells = pd.DataFrame(
        {
            _cell(name): [_cell(value, as_code=name in NAMES, as_text=name in words) for value in frame[name]]
            for name in frame.columns
        }
    )
    alignment = ["left" if name in (*NAMES, *words) else "right" for name in frame.columns]
    # disable_numparse: tabulate would rewrite `1,147,914` and `+0.10`
    return cells.to_markdown(
        index=False, tablefmt="pipe", disable_numparse=True, colalign=alignment if len(frame) else None
    )


def _cell(value: object, *, as_code: bool = False, as_text: bool = True) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return formatting.MISSING
    if as_code:
        return f"`{value}`"
    return formatting.plain(str(value)) if as_text else str(value)


def column(printed: Callable[..., str], frame: pd.DataFrame, *columns: str) -> list[str]:
    """Return one text per row: `printed` of the values in the named columns."""
    return [printed(*values) for values in frame[list(columns)].itertuples(index=False, name=None)]


def results_frame(inputs: Inputs) -> pd.DataFrame:
    """Return one row per variant, in full precision: accuracy, difference to the baseline, cost, ratios of time.

    `latency_<n>` and `training_step` are ratios to the baseline's.
    """
    tables = inputs.tables
    comparisons = tables["comparisons"]
    against = comparisons[comparisons["kind"] == "baseline"][["variant", "difference", "low", "high", "verdict"]]
    frame = tables["accuracy"][["variant", "n", "mean", "std"]].rename(columns={"mean": "accuracy"})
    frame.insert(1, "kind", frame["variant"].map(method.kinds(inputs.study)))
    frame = frame.merge(against, how="left", on="variant")
    frame = frame.merge(tables["cost"][["variant", "parameters", "macs"]], on="variant")
    for size, rows in tables["latency"].groupby("batch_size"):
        frame = frame.merge(rows[["variant", "ratio"]].rename(columns={"ratio": f"latency_{size}"}), on="variant")
    steps = tables["training_step"][["variant", "ratio"]].rename(columns={"ratio": "training_step"})
    return frame.merge(steps, on="variant")


def main_table(inputs: Inputs) -> pd.DataFrame:
    """Return one row per variant that is no null control, the baseline first."""
    frame = results_frame(inputs).set_index("variant", drop=False)
    frame = frame.loc[method.without_null_controls(inputs.study)].reset_index(drop=True)
    sizes = sorted({min(inputs.study.latency.batch_sizes), max(inputs.study.latency.batch_sizes)})
    return pd.DataFrame(
        {
            "Variant": frame["variant"],
            "Accuracy, %": column(formatting.plus_minus, frame, "accuracy", "std"),
            "Difference, points": _difference(frame, inputs),
            "Verdict": _verdicts(frame, inputs),
            "Parameters": _added(frame["parameters"], formatting.integer),
            "MACs": _added(frame["macs"], formatting.millions),
            **{f"Latency, batch {size}": _ratios(frame, f"latency_{size}") for size in sizes},
            "Training step": _ratios(frame, "training_step"),
        }
    )


def _added(counts: "pd.Series[float]", printed: Callable[[float], str]) -> list[str]:
    """Return the baseline's count, which is the first, and how much more other networks have, in percent."""
    base, *others = counts
    return [printed(base), *(f"{formatting.points(count / base - 1)} %" for count in others)]


def _ratios(frame: pd.DataFrame, name: str) -> list[str]:
    return [
        REFERENCE if kind == "baseline" else formatting.ratio(value, 2)
        for kind, value in zip(frame["kind"], frame[name], strict=True)
    ]


def _difference(frame: pd.DataFrame, inputs: Inputs) -> list[str]:
    printed = partial(formatting.points_with_interval, margin=inputs.study.margin_share)
    return column(printed, frame, "difference", "low", "high")


def _verdicts(frame: pd.DataFrame, inputs: Inputs) -> list[str | None]:
    return [
        formatting.verdict(word, inputs.study.margin) if isinstance(word, str) else None for word in frame["verdict"]
    ]


def comparison_table(inputs: Inputs, *kinds: str) -> pd.DataFrame:
    """Return one row per comparison of these kinds, or of all: the difference and all that its verdict rests on."""
    frame = inputs.tables["comparisons"]
    if kinds:
        frame = frame[[bool(set(kinds) & set(kind.split())) for kind in frame["kind"]]]
    return pd.DataFrame(
        {
            "Variant": frame["variant"],
            "Reference": frame["reference"],
            "Kind": [kind.replace("_", " ") for kind in frame["kind"]],
            "Difference, points": _difference(frame, inputs),
            "Other images too": column(
                partial(formatting.interval, margin=inputs.study.margin_share), frame, "low_images", "high_images"
            ),
            "Standard error": column(formatting.percent, frame, "standard_error"),
            "Degrees of freedom": column(formatting.significant, frame, "degrees_of_freedom"),
            "Verdict": _verdicts(frame, inputs),
        }
    )


def diagnostics_table(inputs: Inputs) -> pd.DataFrame:
    """Return one row per quantity on the assumptions of the intervals.

    Of own variances it is the least likely, of spreads without a variant the least.
    """
    frame = inputs.tables["diagnostics"]
    without = frame[frame["quantity"] == "error_std_without"]
    frame = frame.drop(without.sort_values("value", kind="stable").index[1:])
    own = frame[frame["quantity"] == "own_variance"]
    frame = frame[frame["quantity"] != "own_variance"]
    nearness = [-abs(math.log(value)) if value > 0 else 0.0 for value in own["value"]]  # to 1; several p may be equal
    least_likely = own.assign(nearness=nearness).sort_values(["p", "nearness"], kind="stable").head(1)
    frame = pd.concat([frame, least_likely[frame.columns]])
    spreads = frame["quantity"].isin(_SPREADS)
    return pd.DataFrame(
        {
            "Quantity": frame["quantity"].map(_DIAGNOSTICS),
            "Value": [
                (formatting.percent if is_spread else formatting.significant)(value)
                for is_spread, value in zip(spreads, frame["value"], strict=True)
            ],
            "Interval": [
                "" if math.isnan(low) else f"{formatting.percent(low)} to {formatting.percent(high)}"
                for low, high in zip(frame["low"], frame["high"], strict=True)
            ],
            "p": ["" if math.isnan(p) else formatting.significant(p) for p in frame["p"]],
            "Of": ["" if not isinstance(of, str) else of for of in frame["of"]],
        }
    )


def attention_table(inputs: Inputs) -> pd.DataFrame:
    """Return one row per variant with attention: differences to its references, and with frozen or shuffled gates."""
    kinds = [kind for kind in ("baseline", *attention.NULL_CONTROLS) if inputs.compared(kind)]
    printed = partial(formatting.difference, margin=inputs.study.margin_share)
    differences = {
        (row["variant"], kind): f"{printed(row['difference'], row['low'], row['high'])} {row['verdict']}"
        for kind in kinds
        for row in inputs.compared(kind)
    }
    names = method.with_module(inputs.study)
    ablation = inputs.tables["ablation"].set_index("variant").reindex(names)
    return pd.DataFrame(
        {
            "Variant": names,
            **{f"Against {kind}": [differences.get((name, kind)) for name in names] for kind in kinds},
            **{
                kind.capitalize(): column(
                    formatting.points_with_interval, ablation, f"{kind}_mean", f"{kind}_low", f"{kind}_high"
                )
                for kind in ("frozen", "shuffled")
            },
        }
    )


def equal_cost_table(inputs: Inputs) -> pd.DataFrame:
    """Return one row per comparison with a wider network: the difference, its verdict, and the ratios of the costs."""
    pairs = equal_cost.pairs(inputs)
    frame = pd.DataFrame(pairs, columns=[*inputs.tables["comparisons"], "costs"]).astype({"low": float, "high": float})
    ratios = pd.DataFrame([pair["ratios"] for pair in pairs], columns=list(equal_cost.MEASURES))
    return pd.DataFrame(
        {
            "Variant": frame["variant"],
            "Reference": frame["reference"],
            "Kept equal": [formatting.listing(costs) for costs in frame["costs"]],
            "Difference, points": _difference(frame, inputs),
            "Verdict": _verdicts(frame, inputs),
            **{heading: column(formatting.ratio, ratios, name) for name, heading in equal_cost.MEASURES.items()},
        }
    )


def ablation_table(inputs: Inputs) -> pd.DataFrame:
    """Return one row per variant with attention: accuracy as trained and with changed gates, and what the gates do."""
    frame = _attending(inputs.tables["ablation"], inputs)
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


def ablation_slots_table(inputs: Inputs) -> pd.DataFrame:
    """Return one row per variant, slot and quantity, such as the channel gate of CBAM; null controls are compared."""
    frame = inputs.tables["ablation_slots"]
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


def _attending(frame: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """Return the rows of variants with attention: the gates of null controls never change."""
    return frame[frame["variant"].isin(method.with_module(inputs.study))]


def _gate_columns(frame: pd.DataFrame) -> dict[str, list[str]]:
    return {
        "Factor": column(formatting.ratio, frame, "factor"),
        "Spread of the factor": column(formatting.significant, frame, "factor_spread"),
        "Saturated, %": column(formatting.percent, frame, "saturated"),
        "Dead units, %": column(formatting.percent, frame, "dead"),
    }


def per_class_table(inputs: Inputs) -> pd.DataFrame:
    """Return one row per class and one column per variant that is no null control: mean accuracy in percent."""
    frame = inputs.tables["per_class"]
    kinds = method.kinds(inputs.study)
    frame = frame[frame["variant"].map(kinds) != "null control"]
    shares = frame.pivot(index="class", columns="variant", values="mean")
    shares = shares.loc[frame["class"].unique(), frame["variant"].unique()]  # pivot sorts
    return shares.map(lambda share: formatting.percent(share, 1)).rename_axis("Class").reset_index()


def cost_table(inputs: Inputs) -> pd.DataFrame:
    """Return one row per variant; operations of different kinds have separate columns."""
    frame = inputs.tables["cost"]
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
            "Ratio to the baseline": column(formatting.ratio_with_interval, frame, "ratio", "ratio_low", "ratio_high"),
            "Rounds": column(formatting.integer, frame, "rounds"),
        }
    )


def environment_table(inputs: Inputs) -> pd.DataFrame:
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
    frame = (
        inputs.tables["environment"]
        .reindex(columns=list(facts))
        .rename(columns=facts)
        .dropna(axis="columns", how="all")
    )
    frame["Seeds"] = [formatting.listing(seeds.split()) for seeds in frame["Seeds"]]
    frame.index = (
        [f"Environment {number}" for number in range(1, len(frame) + 1)] if len(frame) > 1 else ["Environment"]
    )
    return frame.T.rename_axis("Fact").reset_index()
