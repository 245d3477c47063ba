"""The text of docs/studies.md, generated from the params.yaml of all studies."""

import re
from pathlib import Path

from attnbench.study import Study, load

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "studies.md"
TOP = """\
# Studies

Each study is a folder of `studies/` with its params.yaml; `make repro STUDY=STUDY` runs it. A run trains one variant
from one seed. Studies with a report have been run, and their records are in git. The others are ready to run; no number
here comes from them. The head of each params.yaml says where its question comes from and what it decides. Hours depend
on the machine: `attnbench plan STUDY` times a training step of every variant and prints them, if the machine is idle.
Images of a folder have to be read before; it says how.

This page is generated from the params.yaml files with `ACCEPT=1 python -m pytest -n0 tests/docs/test_studies.py`; the
tests check that it is up to date.
"""


def params() -> list[Path]:
    """Return the params.yaml of all studies: the root's, then the others by name."""
    return [ROOT / "params.yaml", *sorted((ROOT / "studies").glob("*/params.yaml"))]


def comment(path: Path) -> str:
    """Return the comment at the head of a params.yaml as one line, without the note on images."""
    lines = path.read_text(encoding="utf-8").splitlines()
    end = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    text = " ".join(line.removeprefix("#").strip() for line in lines[:end])
    return re.sub(r" ?Images: see docs/images\.md\.", "", text).strip()


def page() -> str:
    """Return the text of the page."""
    return "\n".join([TOP, *_table(), "", *_sections()]) + "\n"


def _table() -> list[str]:
    rows = ["| study | question | variants x seeds x epochs | report |", "|---|---|---|---|"]
    for path in params():
        study = load(path)
        epochs = len(study.variants) * len(study.seeds) * study.recipe.epochs
        size = f"{len(study.variants)} x {len(study.seeds)} x {study.recipe.epochs} = {epochs:,}"
        rows.append(f"| `{study.name}` | {study.question} | {size} | {_report(study)} |")
    return rows


def _report(study: Study) -> str:
    report = f"reports/{study.name}/REPORT.md"
    return f"[yes](../{report})" if (ROOT / report).is_file() else "not run"


def _sections() -> list[str]:
    lines: list[str] = []
    for path in params():
        study = load(path)
        command = "make repro" if path.parent == ROOT else f"make repro STUDY={study.name}"
        options = ", ".join(f"{name}: {value}" for name, value in study.backbone.options.items())
        network = f"`{study.backbone.name}`" + (f" ({options})" if options else "")
        lines += [
            f"## `{study.name}`",
            "",
            f"{study.question}",
            comment(path),
            "",
            f"- variants: {', '.join(f'`{name}`' for name in study.variants)}",
            f"- network {network}, on {study.data.source if study.data.source != 'folder' else study.data.title}",
            *(f"- compared with `{other}`: `attnbench compare {other} {study.name}`" for other in study.interactions),
            f"- `{command}`; how many hours it takes here: `attnbench plan {study.name}`",
            "",
        ]
    return lines[:-1]
