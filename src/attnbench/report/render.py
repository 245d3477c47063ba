"""From inputs to REPORT.md and its figures. Equal inputs give equal bytes: no time, no host, no order of a set."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from attnbench.records import files
from attnbench.report import gallery, method, sections, tables, words
from attnbench.report.abstract import abstract, verdicts
from attnbench.report.equal_cost import LATENCY_WITHIN, PARAMETERS_WITHIN, equal_cost
from attnbench.report.inputs import Inputs, read
from attnbench.report.undecided import excluding, undecided
from attnbench.study.paths import StudyPaths
from attnbench.study.schema import Study

TEMPLATE = "REPORT.md.j2"


def write_report(study: Study, paths: StudyPaths) -> None:
    """Write `REPORT.md` into `paths.report` and its figures into `paths.figures`.

    Raises:
        UserError: a table or a record is missing; nothing is written then.
    """
    inputs = read(study, paths)
    files.write_text(paths.report / "REPORT.md", render(inputs, gallery.draw(inputs)))


def render(inputs: Inputs, figures: gallery.Gallery) -> str:
    """Return the report as Markdown."""
    text = environment().get_template(TEMPLATE).render(context(inputs), figures=figures)
    return text.rstrip() + "\n"


def environment() -> Environment:
    """Return the template's environment; a name that the context lacks is an error, not an empty text."""
    found = Environment(
        loader=PackageLoader("attnbench", "report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(words.FILTERS)
    return found


def context(inputs: Inputs) -> dict[str, Any]:
    """Return all that the template names, but the figures."""
    study = inputs.study
    return {
        "study": study,
        "data": inputs.data,
        "baseline": study.baseline,
        "others": inputs.others,
        "abstract": abstract(inputs),
        "verdicts": verdicts(inputs),
        "excluding": excluding(inputs),
        "undecided": undecided(inputs),
        "equal_cost": equal_cost(inputs),
        "within": {"parameters": PARAMETERS_WITHIN, "latency": LATENCY_WITHIN},
        "method": _method(inputs),
        "tables": _tables(inputs),
        "time": sections.timing(inputs),
        "differing_environments": sections.differing_environments(inputs),
        "references": method.references(study),
        "dvc": method.commands(study),
    }


def _method(inputs: Inputs) -> dict[str, Any]:
    study = inputs.study
    return {
        "network": method.network(study),
        "parameters": int(inputs.row("cost", study.baseline)["parameters"]),
        "modules": method.modules(study),
        "other_networks": method.other_networks(study),
        "augmentation": method.augmentation(study),
        "schedule": method.schedule(study),
        "loss": method.loss(study),
        "latency": sections.latency(inputs),
        "standard_error": sections.standard_error(inputs),
    }


def _tables(inputs: Inputs) -> dict[str, str]:
    frames, word = inputs.tables, ("Variant", "Wider network", "Equal in", "Class", "Verdict")
    made = {
        "main": tables.main_table(frames, inputs.study.latency.batch_sizes[0]),
        "differences": tables.difference_table(frames),
        "per_class": tables.per_class_table(frames),
        "cost": tables.cost_table(frames),
        "latency": tables.latency_table(frames),
        "time": tables.time_table(frames),
    }
    if inputs.study.controls:
        made["controls"] = tables.control_table(frames)
    texts = {name: tables.markdown(frame, word) for name, frame in made.items()}
    return texts | {
        "variants": sections.variants(inputs),
        "environment": sections.environments(inputs),
        "data": sections.data(inputs),
    }
