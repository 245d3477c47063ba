"""From inputs to the files of a report. Equal inputs give equal bytes: no time, no host, no order of a set.

The prose is in the templates; Python supplies numbers and choices.
"""

import re
from collections.abc import Mapping
from typing import Any

import jinja2

from attnbench.records import files
from attnbench.report import (
    answer,
    equal_cost,
    formatting,
    gallery,
    maps,
    measured,
    method,
    published,
    robustness,
    tables,
)
from attnbench.report.html_page import html_page
from attnbench.report.inputs import Inputs, read
from attnbench.report.paper import paper
from attnbench.report.results import results
from attnbench.study import Study, StudyPaths
from attnbench.study.paths import pipeline_target, repro

DOCUMENTS = ("REPORT.md", "DETAILS.md")


def write_report(study: Study, paths: StudyPaths) -> None:
    """Write the documents, REPORT.html, results.csv, and the folders `figures` and `paper`, into `paths.report`.

    Raises:
        UserError: a table or a record is missing, or a file cannot be written; then all files stay as they were.
    """
    inputs = read(study, paths)
    with files.replacing_several(paths.report) as folder:
        figures = gallery.draw(inputs, folder)
        values = context(inputs)
        texts = {name: _render(values, name, figures) for name in DOCUMENTS}
        details = _render(values, "DETAILS.md", {})  # maps of every variant would make the page large
        documents = {"REPORT.md": texts["REPORT.md"], "DETAILS.md": details}
        texts["REPORT.html"] = html_page(study.title, documents, folder / paths.figures.name)
        texts["results.csv"] = results(inputs).to_csv(index=False, float_format="%.10g", lineterminator="\n")
        texts |= {f"paper/{name}": text for name, text in paper(inputs).items()}
        for name, text in texts.items():
            files.write_text(folder / name, text)


def render(inputs: Inputs, document: str, figures: Mapping[str, str]) -> str:
    """Return a document as Markdown; a figure that is not in `figures` (see `gallery.draw`) is left out."""
    return _render(context(inputs), document, figures)


def _render(values: dict[str, Any], document: str, figures: Mapping[str, str]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("attnbench", "report"),
        undefined=jinja2.StrictUndefined,  # a name that the context lacks is an error, not an empty text
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(formatting.FILTERS)
    text = environment.get_template(f"{document}.j2").render(values, figures=figures)
    return _one_line_per_paragraph(text)


def _one_line_per_paragraph(text: str) -> str:
    """Return Markdown without the line breaks and repeated spaces of the template within paragraphs and items."""
    joined = re.sub(r"(?<=[^\n])\n(?!\n|- |\||#|    )", " ", text)
    joined = re.sub(r"(?m)^(?!    |\|).*$", lambda line: re.sub(" +", " ", line[0]).strip(), joined)
    return re.sub(r"\n{3,}", "\n\n", joined).strip() + "\n"


def context(inputs: Inputs) -> dict[str, Any]:
    """Return everything that the templates name, except the figures."""
    study = inputs.study
    rows = {name: inputs.rows(name) for name in inputs.tables}
    verdicts = answer.against_baseline(inputs)
    kinds = method.kinds(study)
    with_module = method.with_module(study)
    return {
        "study": study,
        "data": inputs.data,
        "latency": inputs.latency,
        "views": inputs.views,
        "rows": rows,
        "base": inputs.rows("accuracy", variant=study.baseline)[0],
        "parameters": inputs.rows("cost", variant=study.baseline)[0]["parameters"],
        "verdicts": verdicts,
        "pinned": answer.half_width_range(
            [row for group in verdicts.values() for row in group] or inputs.compared("baseline")
        ),
        "noisiest": answer.noisiest(inputs),
        "moved_by_images": [
            row["variant"] for row in inputs.compared("baseline") if row["verdict_images"] != row["verdict"]
        ],
        "plan": answer.plan(inputs),
        "price": answer.price(inputs, verdicts),
        "readings": answer.readings(inputs),
        "fits_better": answer.fits_better(inputs),
        "wider_gaps": answer.wider_gaps(inputs),
        "doubts": answer.doubts(inputs),
        "narrowest": (answer.half_width_range(inputs.rows("comparisons")) or (None, None))[0],
        "distributions": answer.distributions(inputs),
        "with_module": with_module,
        "modules_tested": len({study.variants[name].attention for name in with_module}),
        "null_controls": [name for name, kind in kinds.items() if kind == "null control"],
        "declares_controls": any(kinds[name] == "null control" for pair in study.comparisons for name in pair),
        "pairs": equal_cost.pairs(inputs),
        "margin": study.margin_share,
        "compare": {other: _comparison_with(study, other) for other in study.interactions},
        "within": equal_cost.WITHIN,
        "changed": {kind: answer.changed(inputs, kind) for kind in ("frozen", "shuffled")},
        "one_image": measured.one_image(inputs),
        "measured_in": measured.environment_number(inputs),
        "measured_differences": measured.differences(inputs, 1),
        "measure": repro(study, ["latency"], force=True),
        "train_again": _train_again(study, rows["left_out"]),
        "target": pipeline_target(study),
        "backbone": method.backbone(study),
        "modules": method.modules(study),
        "other_networks": method.other_networks(study),
        "references": list(method.papers(study).values()),
        "corrupted_images": robustness.images(inputs),
        "robustness": robustness.decided(inputs),
        "maps": maps.facts(inputs),
        "tables": _tables(inputs),
    }


def _comparison_with(study: Study, other: str) -> str:
    """Return the command that prints the interactions with another study, at the confidence and margin of this one."""
    margin = "" if study.margin is None else f" --margin {formatting.setting(study.margin)}"
    return f"attnbench compare {other} {study.name} --confidence {formatting.setting(study.confidence)}{margin}"


def _train_again(study: Study, left_out: list[dict[str, Any]]) -> str | None:
    """Return the command that trains the runs that DVC takes to be up to date; None if there are none."""
    stages = [f"train@{row['run']}" for row in left_out if row["forced"]]
    return repro(study, stages, force=True) if stages else None


def _tables(inputs: Inputs) -> dict[str, str]:
    """Return name -> table as Markdown; a table without rows is an empty text."""
    numbers = {
        "main": tables.main_table(inputs),
        "declared": tables.comparison_table(inputs, "declared")[tables.VERDICT],
        "comparisons": tables.comparison_table(inputs),
        "diagnostics": tables.diagnostics_table(inputs),
        "attention": tables.attention_table(inputs),
        "equal_cost": tables.equal_cost_table(inputs),
        "per_class": tables.per_class_table(inputs),
        "cost": tables.cost_table(inputs),
        "latency": tables.time_table(inputs.tables["latency"]),
        "training_step": tables.time_table(inputs.tables["training_step"]),
        "ablation": tables.ablation_table(inputs),
        "ablation_slots": tables.ablation_slots_table(inputs),
        **robustness.all_tables(inputs),
        **maps.all_tables(inputs),
    }
    words = {
        "variants": method.variant_table(inputs.study),
        "environment": tables.environment_table(inputs),
        "published": published.published(inputs.study),
    }
    texts = {name: tables.markdown(frame) for name, frame in numbers.items() if len(frame)}
    texts |= {name: tables.markdown(frame, words=frame.columns) for name, frame in words.items() if len(frame)}
    return dict.fromkeys([*numbers, *words], "") | texts
