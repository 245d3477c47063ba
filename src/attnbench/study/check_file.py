"""Checks of the study as a whole: its own path, repetitions, baseline and controls."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attnbench.study import attention
from attnbench.study.document import Location
from attnbench.study.findings import Finding, mapping, repeated, unknown


def check(path: Path, values: dict[str, Any]) -> Iterator[Finding]:
    """Find a wrong path or name, repeated list items, and a baseline or controls that are not valid variants."""
    yield from _own_path(path, values)
    yield from repeated(values.get("seeds"), ("seeds",), "; two runs would have the same name")
    yield from repeated(mapping(values.get("recipe")).get("augmentation"), ("recipe", "augmentation"))
    yield from repeated(mapping(values.get("latency")).get("batch_sizes"), ("latency", "batch_sizes"))
    yield from _baseline(values)
    yield from _controls(values)


def _own_path(path: Path, values: dict[str, Any]) -> Iterator[Finding]:
    """The file states its own path, since DVC runs every stage at the root: a copied file must state its new one."""
    root, params, name = (values.get(key) for key in ("root", "params", "name"))
    if isinstance(root, str) and isinstance(params, str) and (path.parent / root / params).resolve() != path.resolve():
        yield ("params",), f"given {params!r}, which from {root!r} is not this file; give its path from the root"
    folder = path.resolve().parent
    if folder.parent.name == "studies" and isinstance(name, str) and name != folder.name:
        yield ("name",), f"given {name!r}; must be {folder.name!r}, the name of its folder"


def _baseline(values: dict[str, Any]) -> Iterator[Finding]:
    name, variants = values.get("baseline"), mapping(values.get("variants"))
    if "baseline" in values and variants and name not in [str(variant) for variant in variants]:
        yield ("baseline",), unknown(name, "variant", [str(variant) for variant in variants])


def _controls(values: dict[str, Any]) -> Iterator[Finding]:
    variants = mapping(values.get("variants"))
    for name, control in mapping(values.get("controls")).items():
        at = ("controls", name)
        if name not in variants:
            yield at, unknown(str(name), "variant", [str(variant) for variant in variants])
        elif mapping(variants[name]).get("attention") == attention.NONE:
            yield at, f"{name} has no attention; name a variant that has, and {name} as its control"
        if isinstance(control, dict) and not any(control.values()):
            yield at, "names no variant; name one of equal `parameters`, one of equal `latency`, or both"
        for cost, wider in mapping(control).items():
            yield from _control(wider, (*at, cost), variants, values.get("baseline"))


def _control(name: Any, at: Location, variants: dict[str, Any], baseline: Any) -> Iterator[Finding]:
    """Find a control that is not a wider network without attention."""
    if name is None:
        return
    names = [str(variant) for variant in variants]
    if name not in names:
        yield at, unknown(name, "variant", names)
        return
    variant = mapping(variants.get(name))
    if name == baseline:
        yield at, f"{name} is the baseline, which every variant is compared with anyway; name a wider one"
    elif variant.get("attention") != attention.NONE or not variant.get("backbone"):
        yield (
            at,
            f"{name} is not a wider network without attention; it needs `attention: {attention.NONE}` and options of "
            "the backbone that differ, as in `backbone: {width: 40}`",
        )
