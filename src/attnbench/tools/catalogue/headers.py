"""The header of a family file as Markdown."""

import re

_LABEL = re.compile(r"^(Source|Parameters|Differs from): ")
_FORMULA = " " * 4  # lines of formulas are indented


def markdown(text: str) -> str:
    """Return a header as Markdown: formulas as code, and a paragraph of its own for each label."""
    lines: list[str] = []
    for line in text.splitlines():
        formula = line.startswith(_FORMULA)
        if formula != _is_open(lines):
            lines += ["", "```text"] if formula else ["```", ""]
        if _LABEL.match(line):
            lines.append("")
        lines.append(line.removeprefix(_FORMULA) if formula else _prose(line))
    if _is_open(lines):
        lines.append("```")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _is_open(lines: list[str]) -> bool:
    return sum(line.startswith("```") for line in lines) % 2 == 1


def _prose(line: str) -> str:
    """Return a line with its label in bold and what Markdown would read as marks escaped, but in code."""
    parts = re.split(r"(`[^`]*`)", line)
    escaped = "".join(part if part.startswith("`") else re.sub(r"([\\*_<>|#])", r"\\\1", part) for part in parts)
    return _LABEL.sub(r"**\1:** ", escaped)
