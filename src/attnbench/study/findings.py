"""The findings of checks of params.yaml, and helpers that the checks share."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from attnbench.errors import did_you_mean, listed, shortened
from attnbench.study.document import Location
from attnbench.study.module_files import Option, yaml_text
from attnbench.study.pydantic_errors import sentence, shown_value

Finding = tuple[Location, str]  # where in the file, and what is wrong there

_FINITE = ConfigDict(allow_inf_nan=False)


def mapping(value: Any) -> dict[str, Any]:
    """Return `value` if it is a mapping, else an empty one: the schema reports the wrong type."""
    return value if isinstance(value, dict) else {}


def unknown(name: Any, kind: str, allowed: list[str]) -> str:
    """Return the sentence that nothing of this kind has that name; `name` may be any YAML value."""
    if not isinstance(name, str):
        return f"given {shown_value(name)}; allowed: {listed(allowed)}"
    return f"no {kind} {shown_value(name)}; allowed: {listed(allowed)}{did_you_mean(name, allowed)}"


def misplaced(
    section: dict[str, Any], at: Location, keys: Iterable[str], name: str, allowed: Mapping[str, Option]
) -> Iterator[Finding]:
    """Find options of the module `name` that are written in `section` itself instead of under `options`."""
    for key, value in section.items():
        near = get_close_matches(str(key), list(allowed), n=1)
        if key not in keys and near:
            usage = f"{near[0]}: {shortened(str(value))}"
            yield (*at, key), f"unknown key; {name} has an option {near[0]!r}: write `options: {{{usage}}}`"


def options(
    values: dict[str, Any], at: Location, name: str, allowed: Mapping[str, Option], file: Path
) -> Iterator[Finding]:
    """Find options that the module `name` in `file` does not have, and values that they do not allow."""
    for key, value in values.items():
        location = (*at, key)
        if key not in allowed:
            choices = f"allowed: {listed(list(allowed))}" if allowed else "it has none"
            yield location, f"{name} has no such option ({file}); {choices}{did_you_mean(str(key), list(allowed))}"
            continue
        problem = _value_problem(value, allowed[key].type)
        if problem:
            yield location, f"{problem}; default: {yaml_text(allowed[key].default)}"


def _value_problem(value: Any, kind: Any) -> str | None:
    """Return what is wrong with the value of an option of type `kind`, or None."""
    adapter: TypeAdapter[Any] = TypeAdapter(kind, config=_FINITE)
    try:
        accepted = adapter.validate_python(value, strict=True)
        if isinstance(accepted, int) and type(accepted) is not type(value):  # `Literal[2]` takes 2.0 too
            adapter.validate_python(object(), strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False)
        for detail in details:
            detail["input"] = value
        return sentence(details)
    return None


def repeated(items: Any, at: Location, reason: str = "") -> Iterator[Finding]:
    """Find items that occur twice in a list."""
    seen = set[tuple[type, str]]()
    for index, item in enumerate(items if isinstance(items, list) else []):
        key = (type(item), repr(item))
        if key in seen:
            yield (*at, index), f"{shown_value(item)} is listed twice{reason}; remove one"
        seen.add(key)
