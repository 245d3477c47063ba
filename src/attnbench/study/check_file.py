"""Checks of the study as a whole: its own path, repetitions and baseline."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attnbench.study.findings import Finding, mapping, repeated, unknown
from attnbench.study.pydantic_errors import shown_value
from attnbench.study.schema import PARAMS, ROOT


def check(path: Path, values: dict[str, Any]) -> Iterator[Finding]:
    """Find a wrong path or name, repeated list items, and a baseline that is no variant."""
    yield from _own_path(path, values)
    yield from repeated(values.get("seeds"), ("seeds",), "; two runs would have the same name")
    yield from _augmentation(mapping(values.get("recipe")))
    yield from repeated(mapping(values.get("latency")).get("batch_sizes"), ("latency", "batch_sizes"))
    yield from _baseline(values)


def _augmentation(recipe: dict[str, Any]) -> Iterator[Finding]:
    operations = recipe.get("augmentation")
    yield from repeated(operations, ("recipe", "augmentation"))
    if "crop_padding" in recipe and isinstance(operations, list) and "crop" not in operations:
        yield ("recipe", "crop_padding"), "has no effect without `crop` in `augmentation`; remove it, or add `crop`"


def _own_path(path: Path, values: dict[str, Any]) -> Iterator[Finding]:
    """The file states its own path, since DVC runs every stage at the root: a copied file must state its new one."""
    root, params, name = (values.get(key) for key in ("root", "params", "name"))
    are_paths = all(
        isinstance(text, str) and re.fullmatch(pattern, text) for text, pattern in ((root, ROOT), (params, PARAMS))
    )
    if are_paths and (path.parent / str(root) / str(params)).resolve() != path.resolve():
        problem = f"given {shown_value(params)}, which from {shown_value(root)} is not this file"
        yield ("params",), f"{problem}; give its path from the root"
    folder = path.resolve().parent
    if folder.parent.name == "studies" and isinstance(name, str) and name != folder.name:
        yield ("name",), f"given {shown_value(name)}; must be {folder.name!r}, the name of its folder"


def _baseline(values: dict[str, Any]) -> Iterator[Finding]:
    name, variants = values.get("baseline"), mapping(values.get("variants"))
    if "baseline" in values and variants and name not in [str(variant) for variant in variants]:
        yield ("baseline",), unknown(name, "variant", [str(variant) for variant in variants])
