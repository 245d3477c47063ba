"""Checks of the file as a whole."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attnbench.study import attention
from attnbench.study.document import Location
from attnbench.study.findings import Finding, mapping, repeated, unknown


def place(path: Path, values: dict[str, Any]) -> Iterator[Finding]:
    """The file says where it is, since DVC runs every stage at the root: a copied file must say its new place."""
    root, params, study = (values.get(key) for key in ("root", "params", "name"))
    if isinstance(root, str) and isinstance(params, str) and (path.parent / root / params).resolve() != path.resolve():
        yield ("params",), f"given {params!r}, which from {root!r} is not this file; give its path from the root"
    folder = path.resolve().parent
    if folder.parent.name == "studies" and isinstance(study, str) and study != folder.name:
        yield ("name",), f"given {study!r}; must be {folder.name!r}, the name of its folder"


def repetitions(values: dict[str, Any]) -> Iterator[Finding]:
    """Find what a list of the file names twice."""
    yield from repeated(values.get("seeds"), ("seeds",), "; two runs would have the same name")
    yield from repeated(mapping(values.get("recipe")).get("augmentation"), ("recipe", "augmentation"))
    yield from repeated(mapping(values.get("latency")).get("batch_sizes"), ("latency", "batch_sizes"))


def baseline(values: dict[str, Any]) -> Iterator[Finding]:
    """Find a baseline that is no variant."""
    name, variants = values.get("baseline"), mapping(values.get("variants"))
    if "baseline" in values and variants and name not in [str(variant) for variant in variants]:
        yield ("baseline",), unknown(name, "variant", [str(variant) for variant in variants])


def controls(values: dict[str, Any]) -> Iterator[Finding]:
    """Find controls of what has no module, and controls that are not networks of another size without one."""
    variants = mapping(values.get("variants"))
    for name, control in mapping(values.get("controls")).items():
        at = ("controls", name)
        if name not in variants:
            yield at, unknown(str(name), "variant", [str(variant) for variant in variants])
        elif mapping(variants[name]).get("attention") == attention.NONE:
            yield at, f"{name} has no module to compare; name a variant with one, and {name} as its control"
        if isinstance(control, dict) and not any(control.values()):
            yield at, "names no variant; name one of equal `parameters`, one of equal `latency`, or both"
        for cost, wider in mapping(control).items():
            yield from _control(wider, (*at, cost), variants, values.get("baseline"))


def _control(name: Any, at: Location, variants: dict[str, Any], baseline: Any) -> Iterator[Finding]:
    if name is None:
        return
    known = [str(each) for each in variants]
    if name not in known:
        yield at, unknown(name, "variant", known)
        return
    variant = mapping(variants.get(name))
    if name == baseline:
        yield at, f"{name} is the baseline, which every variant is compared with anyway; name a wider one"
    elif variant.get("attention") != attention.NONE or not variant.get("backbone"):
        yield (
            at,
            f"{name} is no wider network without a module; it needs `attention: {attention.NONE}` and options of the "
            "backbone that differ, as in `backbone: {width: 40}`",
        )
