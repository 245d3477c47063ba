"""docs/studies.md, from the folders of the studies."""

import re
from pathlib import Path

from attnbench import study
from attnbench.study.schema import Study

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "studies.md"
TOP = """\
# Studies

Each study is a folder under `studies/` with its params.yaml; `make repro STUDY=<name>` runs it. A run is one
variant with one seed. Where a report is named, the study has been run and its records are in git; the others are
ready to run, and no number here comes from them. The question and its source stand at the top of each params.yaml.

This page is made from the folders, by `ACCEPT=1 python -m pytest -n0 tests/studies`; the tests fail where it differs.
"""


def params() -> list[Path]:
    """Return the params.yaml of all studies: the root's, then the others by name."""
    return [ROOT / "params.yaml", *sorted((ROOT / "studies").glob("*/params.yaml"))]


def comment(path: Path) -> str:
    """Return the comment at the top of a params.yaml, in one line, without the note on images."""
    lines = path.read_text(encoding="utf-8").splitlines()
    ended = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    text = " ".join(line.removeprefix("#").strip() for line in lines[:ended])
    return re.sub(r" ?Images: see README, \"Studies\"\.", "", text).strip()


def question(path: Path) -> str:
    """Return the question; for a study that has none, what its comment says."""
    found, mark, _ = comment(path).partition("?")
    return found + mark


def page() -> str:
    """Return the text of the page."""
    return "\n".join([TOP, *_table(), "", *_sections()]) + "\n"


def _table() -> list[str]:
    rows = ["| study | question | variants x seeds x epochs | report |", "|---|---|---|---|"]
    for path in params():
        found = study.load(path)
        epochs = len(found.variants) * len(found.seeds) * found.recipe.epochs
        size = f"{len(found.variants)} x {len(found.seeds)} x {found.recipe.epochs} = {epochs:,}"
        rows.append(f"| `{found.study}` | {question(path)} | {size} | {_report(found)} |")
    return rows


def _report(found: Study) -> str:
    report = f"reports/{found.study}/REPORT.md"
    return f"[yes](../{report})" if (ROOT / report).is_file() else "not run"


def _sections() -> list[str]:
    lines: list[str] = []
    for path in params():
        found = study.load(path)
        command = "make repro" if path.parent == ROOT else f"make repro STUDY={found.study}"
        rest = comment(path).removeprefix(question(path)).strip()
        options = ", ".join(f"{name}: {value}" for name, value in found.backbone.options.items())
        network = f"`{found.backbone.name}`" + (f" ({options})" if options else "")
        lines += [
            f"## `{found.study}`",
            "",
            question(path),
            *([rest] if rest else []),
            "",
            f"- variants: {', '.join(f'`{name}`' for name in found.variants)}",
            f"- network {network}, on {found.data.source if found.data.source != 'folder' else found.data.title}",
            f"- `{command}`",
            "",
        ]
    return lines[:-1]
