"""The page docs/modules.md: every attention module with its options and its number of parameters."""

import re

import pandas as pd

from attnbench import networks
from attnbench.report.tables import markdown
from attnbench.study import attention, module_files
from attnbench.study.module_files import yaml_text
from attnbench.tools.modules import allowed

WIDTHS = (16, 32, 64, 128, 256, 512, 1024, 2048)  # channels for which parameters are counted
SIZE = (32, 32)  # of the feature maps, for modules that are built for one size

_INTRODUCTION = f"""\
# Attention modules

<!-- Written by `attnbench modules --write docs/modules.md`. Do not edit. -->

What each module computes, its options, its trainable parameters, and how it differs from other implementations.
`attnbench modules` lists the modules in a terminal, `attnbench modules NAME` shows one.

{{index}}

## Parameters

{{parameters}}

*Trainable parameters of one module with default options for C feature maps, counted on the built module. Modules that
are built for one size of feature maps are counted at {SIZE[0]} x {SIZE[1]}: {{sized}}.*
"""
_LABEL = re.compile(r"^(Source|Start|Parameters|Differs from): ")
_INDENT = " " * 4  # of formulas in a header


def page() -> str:
    """Return the page of all modules as Markdown."""
    names = attention.names()
    index = [f"- [`{name}`](#{name}): {_prose(module_files.headline(attention.path(name)))}" for name in names]
    counts = [
        {"Module": name, **{f"{channels:,}": f"{parameters(name, channels):,}" for channels in WIDTHS}}
        for name in names
    ]
    introduction = _INTRODUCTION.format(
        index="\n".join(index),
        parameters=markdown(pd.DataFrame(counts), ("Module",)),
        sized=", ".join(f"`{name}`" for name in names if _sized(name)),
    )
    return "\n".join([introduction, *(_section(name) for name in names)])


def parameters(name: str, channels: int) -> int:
    """Return the number of parameters of a module with default options."""
    return networks.parameter_count(networks.build_attention(name, channels, SIZE))


def header_markdown(header: str) -> str:
    """Return the header of a module file as Markdown: formulas as code, each label as a paragraph."""
    lines: list[str] = []
    in_formula = False
    for line in [*header.splitlines(), ""]:
        is_formula = line.startswith(_INDENT)
        if is_formula != in_formula:
            lines += ["", "```text"] if is_formula else ["```", ""]
            in_formula = is_formula
        if _LABEL.match(line):
            lines.append("")
        lines.append(line.removeprefix(_INDENT) if is_formula else _prose(line))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _prose(line: str) -> str:
    """Return a line with its label in bold, and Markdown's special characters escaped outside of code."""
    parts = re.split(r"(`[^`]*`)", line)
    escaped = "".join(part if part.startswith("`") else re.sub(r"([\\*_<>|#])", r"\\\1", part) for part in parts)
    return _LABEL.sub(r"**\1:** ", escaped)


def _section(name: str) -> str:
    options = [
        {"Option": key, "Default": yaml_text(option.default), "Allowed": allowed(option.type)}
        for key, option in attention.options(name).items()
    ]
    table = markdown(pd.DataFrame(options), ("Option", "Default", "Allowed")) if options else "No options."
    header = header_markdown(module_files.header(attention.path(name)))
    return f"## {name}\n\n{header}\n\n**Paper:** {attention.paper(name)}\n\n{table}\n"


def _sized(name: str) -> bool:
    return module_files.needs_size(attention.path(name))
