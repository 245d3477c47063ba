"""Accuracy under every kind of corruption, as differences to the baseline."""

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from attnbench.records.robustness import CORRUPTIONS
from attnbench.report import formatting
from attnbench.report.figures import style
from attnbench.report.figures.forest import MINUS

_LEAST = 2  # percentage points that have the strongest colour, unless there are larger differences


@style.context()
def corruptions(table: pd.DataFrame, *, kinds: dict[str, str]) -> Figure:
    """Draw the difference to the baseline in points as a heat map: a row per variant, a column per corruption.

    `table` has the columns variant, corruption, severity and mean (accuracy, a share). `kinds` is variant -> what it
    is; null controls are left out. Below the names of the corruptions is the accuracy of the baseline.
    """
    baseline = next(name for name, kind in kinds.items() if kind == "baseline")
    others = [name for name, kind in kinds.items() if kind not in ("baseline", "null control")]
    shares = table.groupby(["variant", "corruption"])["mean"].mean()
    accuracy = shares.unstack()[list(CORRUPTIONS)]  # a row per variant
    difference = accuracy.loc[others].sub(accuracy.loc[baseline], axis="columns")
    largest = max(_LEAST, 100 * float(difference.abs().to_numpy().max(initial=0)))
    texts = difference.map(lambda share: formatting.points(share, 1).replace("-", MINUS))
    figure = style.new_figure(1.25 + 0.27 * len(others))
    ax = figure.subplots()
    sns.heatmap(
        100 * difference, vmin=-largest, vmax=largest, cmap="RdBu", cbar=False, linewidths=0.5, ax=ax,
        annot=texts, fmt="", annot_kws={"fontsize": 8.5},
    )  # fmt: skip
    of_baseline = [formatting.percent(shares[baseline, name], 1) for name in CORRUPTIONS]
    # one word: "gaussian noise" would run into its neighbour where names of variants are long
    short = [formatting.corruption(name).rpartition(" ")[2] for name in CORRUPTIONS]
    labels = [f"{name}\n{own} %" for name, own in zip(short, of_baseline, strict=True)]
    ax.set_xticks(ax.get_xticks(), labels)
    ax.set(
        xlabel="difference to the baseline in percentage points;\nbelow each corruption, the accuracy of the baseline"
    )
    ax.set(ylabel="")
    ax.tick_params(length=0, axis="both", rotation=0)
    return figure
