"""What the intervals promise, simulated, beside other ways to decide; writes the tables of docs/statistics.md.

Deselected unless asked for: `python -m pytest -n0 -m slow tests/analyse` takes a minute on one core.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from attnbench.analyse.statistics import expected_half_width

from . import simulated_twins, simulation
from .simulation import METHODS, NOISE, coverage, familywise_error, power, to_baseline

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
SEEDS, VARIANTS = (2, 3, 5, 10), (3, 4, 8, 12, 17)
POWER_CELLS = ((0.25, 4, 3), (0.25, 8, 5), (0.5, 8, 3), (0.5, 8, 10))
RULE = "**the rule**"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@pytest.fixture(scope="module")
def errors() -> dict[int, dict[tuple[int, str], float]]:
    """Return seeds -> variants and noise -> familywise error of the rule."""
    cells = {(v, noise): v for v in VARIANTS for noise in NOISE}
    return {n: {(v, noise): familywise_error(METHODS[RULE], noise, v, n) for v, noise in cells} for n in SEEDS}


@pytest.fixture(scope="module")
def coverages() -> dict[tuple[int, float], tuple[float, float, float]]:
    """Return seeds and preference -> share of the images, and coverages."""
    return {(n, preference): coverage(preference, 4, n) for n in (3, 5) for preference in (0.4, 1.5, 3.0)}


def test_no_difference_is_found_more_often_than_stated(errors) -> None:
    normal = [error for cells in errors.values() for (_, noise), error in cells.items() if noise == "normal"]
    assert max(normal) <= 5.5
    assert max(max(cells.values()) for cells in errors.values()) <= 7.5


def test_other_images_are_covered(coverages) -> None:
    assert min(both for _, _, both in coverages.values()) >= 92.5
    assert coverages[5, 3.0][1] < 80  # seeds alone do not


def test_scipys_dunnett_is_scipys() -> None:
    values = np.random.default_rng(0).standard_normal((20, 4, 5))
    values[:, 1] += 1.5
    p = [stats.dunnett(*study[1:], control=study[0], rng=np.random.default_rng(0)).pvalue for study in values]
    assert ((np.array(p) < 0.05) == (simulation.scipy_dunnett(values) != 0)).all()


def test_the_tables_of_the_page(errors, coverages) -> None:
    error_rows = [
        [name, *(f"{familywise_error(method, noise, 8, 3):.1f}" for noise in NOISE)] for name, method in METHODS.items()
    ]
    worst_rows = []
    for n, cells in errors.items():
        (v, noise), error = max(cells.items(), key=lambda cell: cell[1])
        normal = max(cells[v, "normal"] for v in VARIANTS)
        worst_rows.append([f"{n}", f"{normal:.1f}", f"{error:.1f}", f"{noise}, {v} variants"])
    power_rows = [
        [name, *("/".join(f"{power(method, *cell, points):.0f}" for points in (0.3, 0.5, 1.0)) for cell in POWER_CELLS)]
        for name, method in METHODS.items()
    ]
    cover_rows = [[f"{n}", *(f"{number:.0f}" for number in numbers)] for (n, _), numbers in coverages.items()]
    text = "\n\n".join(
        [
            "**A difference where there is none**: percent of studies of 8 variants and 3 seeds, nominal 5 %.",
            table(["", *NOISE], error_rows),
            f"The rule with {', '.join(map(str, VARIANTS))} variants and all noise of that table, largest cell:",
            table(["seeds", "normal", "worst", "where"], worst_rows),
            "**Power**: percent of studies that find a variant better by 0.3/0.5/1.0 points.",
            table(["", *(f"sd {sd}, {v} variants, {n} seeds" for sd, v, n in POWER_CELLS)], power_rows),
            "**Other test images**: percent of studies of 4 variants whose intervals all hold the truth, nominal 95 %.",
            table(["seeds", "images' share of the variance", "other seeds", "other seeds and images"], cover_rows),
        ]
    )
    assert_on_page("simulations", text)


def test_the_half_widths_of_the_page() -> None:
    rows = [
        [f"{v} variants", *(f"{expected_half_width(to_baseline(v), n, 1.0, 0.95):.1f}" for n in (2, 3, 5, 10, 20))]
        for v in VARIANTS
    ]
    assert_on_page("half-widths", table(["", *(f"{n} seeds" for n in (2, 3, 5, 10, 20))], rows))


def test_interactions_are_found_no_more_often_than_stated() -> None:
    """Gains of two studies with 3 common seeds: the table of the page, and the worst case of what is decided by."""
    rows, (rule, *_) = [], simulated_twins.METHODS
    for name in simulated_twins.METHODS:
        cells = [simulated_twins.error_and_half_width(name, cell, 9, 3) for cell in simulated_twins.CELLS]
        rows.append([name, *(f"{error:.1f} (±{half:.1f})" for error, half in cells)])
        assert name != rule or max(error for error, _ in cells) <= 7.5
    assert_on_page("interactions", table(["", *simulated_twins.CELLS], rows))


def assert_on_page(name: str, text: str) -> None:
    begin, end = f"<!-- begin {name} -->\n", f"\n<!-- end {name} -->"
    if os.environ.get("ACCEPT"):
        before, rest = PAGE.read_text(encoding="utf-8").split(begin)
        PAGE.write_text(
            f"{before}{begin}{text}{end}{rest[rest.index(end.strip()) + len(end.strip()) :]}", encoding="utf-8"
        )
    assert f"{begin}{text}{end}" in PAGE.read_text(encoding="utf-8"), (
        "docs/statistics.md has other numbers; write these with "
        "`ACCEPT=1 python -m pytest -n0 -m slow tests/analyse` and commit them"
    )
