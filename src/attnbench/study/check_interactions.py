"""Checks of `interactions`: gains over the baseline here minus the same gains in another study."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attnbench.errors import UserError
from attnbench.study.document import Location, read
from attnbench.study.findings import Finding, mapping, repeated, unknown
from attnbench.study.module_files import yaml_text
from attnbench.study.named_studies import files_of
from attnbench.study.schema import Variant


def check(path: Path, values: dict[str, Any]) -> Iterator[Finding]:
    """Find studies that do not exist, and variants that are not the same in both studies."""
    interactions = mapping(values.get("interactions"))
    if not interactions:
        return
    try:
        files = files_of(path.resolve().parent / str(values.get("root")))
    except UserError as error:
        yield ("interactions",), str(error)
        return
    for study, names in interactions.items():
        at = ("interactions", study)
        if study == values.get("name"):
            yield at, "is this study itself; name another one"
        elif study not in files:
            yield at, unknown(study, "study", list(files))
        else:
            yield from repeated(names, at)
            yield from _variants(names if isinstance(names, list) else [], at, values, _values(files[study]))


def _values(path: Path) -> dict[str, Any]:
    """Return the values of another study; none if its file cannot be read, which is a problem of that study."""
    try:
        return read(path)[0]
    except UserError:
        return {}


def _variants(names: list[Any], at: Location, values: dict[str, Any], others: dict[str, Any]) -> Iterator[Finding]:
    """Find names that are no variants, and those whose variants differ; `others` are the values of the other study."""
    study, baseline = at[-1], values.get("baseline")
    if others and others.get("baseline") != baseline:
        yield at, f"the baseline of {study} is {others.get('baseline')!r}, not {baseline!r}; both need the same"
        return
    for number, name in enumerate([*names, baseline]):
        location = (*at, number) if number < len(names) else at
        for variants, kind in ((values, "variant"), (others, f"variant of {study}")):
            own = mapping(variants.get("variants"))
            if own and name not in own:
                yield location, unknown(name, kind, [str(variant) for variant in own])
        if name == baseline and number < len(names):
            yield location, f"{name} is the baseline, over which the others gain; name other variants"
        here, there = (mapping(mapping(variants.get("variants")).get(name)) for variants in (values, others))
        for key, field in Variant.model_fields.items() if here and there else ():
            own, other = (variant.get(key, field.get_default()) for variant in (here, there))
            if own != other:
                yield (
                    location,
                    f"{name} has `{key}: {yaml_text(own)}`, but `{key}: {yaml_text(other)}` in {study}; name variants "
                    "that are the same in both studies",
                )
