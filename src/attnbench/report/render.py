"""From inputs to REPORT.md and its figures. Equal inputs give equal bytes: no time, no host, no order of a set.

The prose is in REPORT.md.j2; Python supplies numbers and choices.
"""

import re
from typing import Any

import jinja2

from attnbench.records import files
from attnbench.report import (
    blindness,
    equal_cost,
    formatting,
    gallery,
    measured,
    method,
    null_controls,
    tables,
)
from attnbench.report.inputs import Inputs, by_verdict, overruled, read
from attnbench.study import Study, StudyPaths
from attnbench.study.paths import repro


def write_report(study: Study, paths: StudyPaths) -> None:
    """Write `REPORT.md` into `paths.report` and its figures into `paths.figures`.

    Raises:
        UserError: a table or a record is missing; nothing is written then.
    """
    inputs = read(study, paths)
    files.write_text(paths.report / "REPORT.md", render(inputs, gallery.draw(inputs)))


def render(inputs: Inputs, figures: dict[str, str]) -> str:
    """Return the report as Markdown; a figure that is not in `figures` (see `gallery.draw`) is left out."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("attnbench", "report"),
        undefined=jinja2.StrictUndefined,  # a name that the context lacks is an error, not an empty text
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(formatting.FILTERS)
    text = environment.get_template("REPORT.md.j2").render(context(inputs), figures=figures)
    return _one_line_per_paragraph(text)


def _one_line_per_paragraph(text: str) -> str:
    """Return Markdown without the line breaks of the template within paragraphs and items of lists."""
    joined = re.sub(r"(?<=[^\n])\n(?!\n|- |\||#|    )", " ", text)
    return re.sub(r"\n{3,}", "\n\n", joined).strip() + "\n"


def context(inputs: Inputs) -> dict[str, Any]:
    """Return everything that the template names, except the figures."""
    study = inputs.study
    is_null = {name: kind == "null control" for name, kind in method.kinds(study).items()}
    rows = {name: inputs.rows(name) for name in inputs.tables}
    rows["differences"] = [row | {"overruled": overruled(row)} for row in rows["differences"]]
    return {
        "study": study,
        "data": inputs.data,
        "latency": inputs.latency,
        "measured_in": measured.environment_number(inputs),
        "measured_differences": measured.differences(inputs, 1),
        "measure": repro(study, ["latency"], force=True),
        "views": inputs.views,
        "rows": rows,
        "accuracy": {row["variant"]: row for row in rows["accuracy"]},
        "cost": {row["variant"]: row for row in rows["cost"]},
        "by_verdict": by_verdict(rows["differences"]),
        "by_verdict_of_null_controls": by_verdict([row for row in rows["differences"] if is_null[row["variant"]]]),
        "by_verdict_of_others": by_verdict([row for row in rows["differences"] if not is_null[row["variant"]]]),
        "others": [row["variant"] for row in rows["differences"]],
        "null_controls": [name for name, null in is_null.items() if null],
        "commands": {forced: _training(study, rows["left_out"], forced) for forced in (False, True)},
        "largest": largest(inputs),
        "backbone": method.backbone(study),
        "modules": method.modules(study),
        "other_networks": method.other_networks(study),
        "references": method.references(study),
        "pairs": equal_cost.pairs(inputs),
        "null": null_controls.outcome(inputs),
        "within": {"parameters": equal_cost.PARAMETERS_WITHIN, "latency": equal_cost.LATENCY_WITHIN},
        "blind": {kind: blindness.outcomes(inputs, kind) for kind in ("frozen", "shuffled")},
        "tables": _tables(inputs),
    }


def _training(study: Study, left_out: list[dict[str, Any]], forced: bool) -> str | None:
    """Return the command that trains the runs that keep seeds out: those that DVC must be forced to, or the others."""
    stages = [f"train@{row['run']}" for row in left_out if row["forced"] == forced]
    return repro(study, stages, force=forced) if stages else None


def largest(inputs: Inputs) -> dict[str, Any]:
    """Return the row of the largest difference to the baseline, whatever its sign, among variants with attention.

    A null control has none. If no variant has attention, of all variants. `only_modules` says whether others were left
    out.
    """
    rows, kinds = inputs.rows("differences"), method.kinds(inputs.study)
    with_module = [row for row in rows if kinds[row["variant"]] == "attention"]
    row = max(with_module or rows, key=lambda row: abs(row["mean"]))
    return row | {"only_modules": 0 < len(with_module) < len(rows)}


def _tables(inputs: Inputs) -> dict[str, str]:
    frames = inputs.tables
    numbers = {
        "main": tables.main_table(frames, method.kinds(inputs.study), inputs.study.latency.batch_sizes[0]),
        "differences": tables.difference_table(frames),
        "inconclusive": tables.inconclusive_table(frames),
        "per_class": tables.per_class_table(frames),
        "cost": tables.cost_table(frames),
        "latency": tables.time_table(frames["latency"]),
        "training_step": tables.time_table(frames["training_step"]),
        "ablation": tables.ablation_table(frames),
        "ablation_slots": tables.ablation_slots_table(frames),
    }
    if inputs.study.controls:
        numbers |= {"controls": tables.control_table(frames), "null": tables.null_control_table(frames)}
    words = {"variants": method.variant_table(inputs.study), "environment": tables.environment_table(frames)}
    return {name: tables.markdown(frame) for name, frame in numbers.items()} | {
        name: tables.markdown(frame, words=frame.columns) for name, frame in words.items()
    }
