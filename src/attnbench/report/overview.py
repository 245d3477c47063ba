"""The files of all studies that have a report, from the results.csv of each: README.md, results.csv and forest.svg."""

import csv
import io
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from attnbench.errors import UserError
from attnbench.records import files
from attnbench.report import formatting
from attnbench.study.paths import relative_to_cwd

_TOP = """\
# Reports

Every study that has been run, one row each. `attnbench run` writes this page, the figure below it and
[results.csv](results.csv), which has a row for every variant; [docs/reports.md](../docs/reports.md) describes its
columns. Verdicts and training steps are those of variants that are no null controls, against the study's baseline. Data
and code: the first digits of SHA-256, of the images and of the code that trained the baseline, and the day (UTC) on
which they came to this page.

| Study | Question | Images | Network | Seeds | Verdicts, points | Training step | Data | Code |
|:------|:---------|:-------|:--------|------:|:-----------------|--------------:|:-----|:-----|
"""
_NUMBERS = {"margin", "difference", "low", "high", "training_step_ratio"}
_NEEDED = _NUMBERS | {
    *("study", "title", "question", "images", "network", "epochs", "variant", "kind", "n"),
    *("verdict", "data_sha256", "code_sha256"),
}
_NUMBER = re.compile(r"(-?\d+(\.\d+)?(e[-+]\d\d)?)?", re.ASCII)  # or empty: a baseline has no difference
_FIGURE = """
![Differences of modules to the baseline in every study](forest.svg)

*Modules against the baseline of their study, studies of the same images on one scale. Intervals of one study are
simultaneous; null controls are in its report.*
"""


def write_overview(root: Path) -> list[str]:
    """Write the files from `reports/*/results.csv` under the root of the repository; nothing where there is none.

    The figure is drawn where results.csv changes or the figure is missing. Return a line for each study that is left
    out because its file cannot be read.
    """
    folder = root / "reports"
    page, results, figure = (folder / name for name in ("README.md", "results.csv", "forest.svg"))
    studies, problems = [], []
    for path in sorted(folder.glob("[!.]*/results.csv")):  # a folder with a dot is being written, or was when killed
        try:
            studies.append(_read(path))
        except UserError as error:
            problems.append(f"{relative_to_cwd(page)} leaves out {path.parent.name}: {error}")
    if not studies:
        return problems
    rows = _joined(studies)
    is_drawn = results.exists() and figure.exists() and results.read_bytes() == rows.encode()
    with files.replacing_several(folder) as new:
        if _modules(studies) and not is_drawn:
            from attnbench.report.figures import forest, style  # noqa: PLC0415 -- matplotlib takes a second to import

            style.save(forest.of_studies(rows), new / figure.name)
        files.write_text(new / page.name, overview(studies, _days(page), datetime.now(UTC).date()))
        files.write_text(new / results.name, rows)
    return problems


def _read(path: Path) -> list[dict[str, str]]:
    """Return the rows of a results.csv.

    Raises:
        UserError: it cannot be read, or is not what a report writes.
    """
    file = relative_to_cwd(path)
    rows = _rows(files.content(file).decode(errors="replace"))
    if rows is None:
        raise UserError(
            f"{file} is not what a report writes; run `attnbench run {path.parent.name}`, restore the file with git, "
            "or remove it"
        )
    return rows


def _rows(text: str) -> list[dict[str, str]] | None:
    """Return the rows of a CSV, or None if it is not what a report writes."""
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except csv.Error:
        return None
    baselines = [row for row in rows if row.get("kind") == "baseline"]
    is_ragged = any(None in row or None in row.values() for row in rows)  # as with the marks of a conflict
    if len(baselines) != 1 or is_ragged or not _NEEDED.issubset(rows[0]):
        return None
    return rows if all(_NUMBER.fullmatch(row[column]) for row in rows for column in _NUMBERS) else None


def _joined(studies: list[list[dict[str, str]]]) -> str:
    """Return one CSV of the rows of all studies; a column that a study lacks is empty."""
    rows = [row for study in studies for row in study]
    columns = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _days(page: Path) -> dict[str, str]:
    """Return hash -> day from the cells `1a2b3c4d, 2026-01-31` of the present page, if there is one."""
    text = page.read_text(encoding="utf-8", errors="replace") if page.exists() else ""
    return dict(re.findall(r"\| ([0-9a-f]{8}), (\d{4}-\d\d-\d\d) (?=\|)", text))


def overview(studies: list[list[dict[str, str]]], days: Mapping[str, str], today: date) -> str:
    """Return reports/README.md. A study is its rows of results.csv; `days` is hash -> day of its listing."""
    return (
        _TOP
        + "".join(f"| {' | '.join(_cells(variants, days, today))} |\n" for variants in studies)
        + (_FIGURE if _modules(studies) else "")
    )


def _modules(studies: list[list[dict[str, str]]]) -> bool:
    """Return whether any study has a module to draw."""
    return any(row["kind"] == "attention" for study in studies for row in study)


def _cells(variants: list[dict[str, str]], days: Mapping[str, str], today: date) -> list[str]:
    """Return the cells of a study, as Markdown."""
    study = variants[0]
    base = next(row for row in variants if row["kind"] == "baseline")
    compared = [row for row in variants if row["kind"] not in ("baseline", "null control")]
    steps = [_number(row["training_step_ratio"]) for row in compared]
    span = list(dict.fromkeys(formatting.ratio(step, 2) for step in (min(steps), max(steps)))) if steps else []
    return [
        f"[`{study['study']}`]({study['study']}/REPORT.md)",
        formatting.plain(study["question"] or study["title"]),
        formatting.plain(study["images"]),
        f"`{study['network']}`",
        base["n"],
        "; ".join(_verdicts(compared)) or formatting.MISSING,
        f"{' to '.join(span)} times" if span else formatting.MISSING,
        *(f"{digits}, {days.get(digits, today)}" for digits in (base["data_sha256"][:8], base["code_sha256"][:8])),
    ]


def _estimate(row: dict[str, str]) -> tuple[float, float, float]:
    return _number(row["difference"]), _number(row["low"]), _number(row["high"])


def _number(text: str) -> float:
    return float(text or "nan")


def _verdicts(compared: list[dict[str, str]]) -> list[str]:
    """Return the better and the worse variants with their differences, and how many others there are."""
    texts = []
    for verdict in ("better", "worse"):
        rows = [row for row in compared if row["verdict"] == verdict]
        names = [f"`{row['variant']}` {formatting.difference(*_estimate(row))}" for row in rows]
        texts += [f"{verdict}: {formatting.shortened(names, 4)}"] if names else []
    for verdict in ("equivalent", "inconclusive"):
        number = sum(row["verdict"] == verdict for row in compared)
        texts += [f"{number} {verdict}"] if number else []
    return texts
