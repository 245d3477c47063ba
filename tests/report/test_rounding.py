"""No rounded interval contradicts its verdict, even with ends close to 0 or to the margin."""

import re
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from made_inputs import made_inputs

from attnbench.analyse.statistics.blocks import verdict
from attnbench.analyse.tables import summary
from attnbench.compare.comparison import RunComparison
from attnbench.compare.comparison_text import comparison_text
from attnbench.compare.matched_runs import MatchedRuns
from attnbench.compare.run_sets import RunSet, RunSource
from attnbench.report import formatting, tables
from attnbench.report.figures.forest import forest
from attnbench.report.inputs import Inputs
from attnbench.report.results import results

MARGIN = 0.45  # points; 100 times its share is a little more
NAMES = [f"se_{number}" for number in range(48)]
Printed = dict[str, tuple[float, float, float, str]]  # variant -> difference, low and high in points, verdict


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Return comparisons whose ends are up to 1e-8 points from what decides their verdicts."""
    stream = np.random.default_rng(0)
    limits, sides = np.array([0, -MARGIN, MARGIN]), np.array([-1, 1])
    rows = []
    for name in NAMES:
        distances = stream.choice(sides, 2) * 10.0 ** stream.integers(-8, 1, 2) * stream.uniform(1, 9, 2)
        low, high = np.sort(stream.choice(limits, 2) + distances) / 100
        inside = stream.uniform(low, high)
        rows.append((name, "baseline", inside, low, high, verdict(low, high, MARGIN / 100)))
    assert len({row[-1] for row in rows}) == 4
    return pd.DataFrame(rows, columns=["variant", "kind", "difference", "low", "high", "verdict"])


@pytest.fixture(scope="module")
def inputs(frame: pd.DataFrame) -> Inputs:
    made = made_inputs(dict(zip(NAMES, frame["verdict"], strict=True)), margin=MARGIN)
    columns = ["difference", "low", "high", "verdict"]
    made.tables["comparisons"][columns] = frame[columns]
    made.tables["comparisons"][["low_images", "high_images"]] = frame[["low", "high"]]
    return made


def read(texts: list[str]) -> Printed:
    """Return what texts such as `se_1 | +0.20 | [-0.200, +0.496] | equivalent` say."""
    number = r"([+-]?[\d.]+)"
    pattern = re.compile(rf"(se_\d+)\D+?{number}\W+?\[{number}, {number}\].*?(better|worse|equivalent|inconclusive)")
    found = [match.groups() for text in texts if (match := pattern.search(text))]
    return {name: (*map(float, numbers), word) for name, *numbers, word in found}  # type: ignore[misc]


def check(printed: Printed) -> None:
    assert list(printed) == NAMES
    for name, (difference, low, high, word) in printed.items():
        assert verdict(low, high, MARGIN) == word, (name, low, high)
        assert low <= difference <= high, (name, low, difference, high)


def test_tables_of_the_report(inputs: Inputs) -> None:
    columns = ["Variant", "Difference, points", "Verdict"]
    for table in (tables.main_table(inputs), tables.comparison_table(inputs)):
        check(read(tables.markdown(table[columns]).splitlines()))
    other_images = tables.comparison_table(inputs)
    means = other_images["Difference, points"].str.partition(" ")[0]
    other_images["Difference, points"] = means + " " + other_images["Other images too"]
    check(read(tables.markdown(other_images[columns]).splitlines()))


def test_differences_without_their_intervals(inputs: Inputs) -> None:
    texts = tables.attention_table(inputs).set_index("Variant")["Against baseline"]
    for mean, word in texts.str.split().loc[NAMES]:
        assert {"better": float(mean) > 0, "worse": float(mean) < 0, "equivalent": abs(float(mean)) < MARGIN}.get(
            word, True
        )


def test_the_forest(inputs: Inputs, frame: pd.DataFrame) -> None:
    seeds = pd.DataFrame(columns=["variant", "reference", "seed", "difference"])
    kinds = dict.fromkeys(NAMES, "attention")
    figure = forest(inputs.tables["comparisons"], seeds, kinds=kinds, confidence=0.95, margin=MARGIN)
    axis = figure.axes[0]
    labels = [text.get_text() for text in axis.get_yticklabels()]
    numbers = [text.get_text().replace("\N{MINUS SIGN}", "-") for text in axis.child_axes[0].get_yticklabels()]
    words = frame.set_index("variant")["verdict"]
    printed = read([f"{name} {text} {words[name]}" for name, text in zip(labels, numbers, strict=True)])
    check({name: printed[name] for name in NAMES})


def test_files_of_numbers(inputs: Inputs, frame: pd.DataFrame) -> None:
    means = pd.DataFrame({"variant": NAMES, "mean": 0.7})
    values = summary({"accuracy": means, "comparisons": frame})
    check({name: tuple(row[key] for key in ("difference", "low", "high", "verdict")) for name, row in values.items()})
    text = results(inputs).to_csv(index=False, float_format="%.10g")
    rows = pd.read_csv(StringIO(text)).set_index("variant").loc[NAMES, ["difference", "low", "high", "verdict"]]
    check({str(name): (100 * mean, 100 * low, 100 * high, word) for name, mean, low, high, word in rows.itertuples()})


def test_the_text_of_a_comparison(frame: pd.DataFrame) -> None:
    side = RunSet(RunSource("made_up"), None, [], [], {}, None)
    runs = MatchedRuns({}, {}, paired=True, only_a=[], only_b=[])
    accuracy = frame.assign(n_a=3, n_b=3, accuracy_a=0.7, accuracy_b=0.7)
    counts = pd.DataFrame(columns=["variant", "count", "a", "b"])
    comparison = RunComparison(side, side, 0.95, MARGIN / 100, runs, [], accuracy, None, counts, None)
    check(
        read([re.sub(r"\| +3 \|.*?70\.00 \|.*?70\.00", "", line) for line in comparison_text(comparison).splitlines()])
    )


def test_ratios() -> None:
    stream = np.random.default_rng(0)
    for _ in range(100):
        distances = stream.choice([-1, 1], 2) * 10.0 ** stream.integers(-8, 0, 2) * stream.uniform(1, 9, 2)
        ends = sorted((1 + distances).tolist())
        text = formatting.ratio_with_interval(stream.uniform(*ends), *ends)
        value, *printed = map(float, re.findall(r"[\d.]+", text))
        assert printed[0] <= value <= printed[1]
        assert np.sign(np.array(printed) - 1).tolist() == np.sign(np.array(ends) - 1).tolist()
