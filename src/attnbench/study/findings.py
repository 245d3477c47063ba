"""What the checks have in common."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from attnbench.errors import did_you_mean, listed
from attnbench.study.document import Location
from attnbench.study.module_files import Option, written
from attnbench.study.problems import given as shown_value
from attnbench.study.problems import refuse

Finding = tuple[Location, str]

_FINITE = ConfigDict(allow_inf_nan=False)


def mapping(value: Any) -> dict[str, Any]:
    """Return `value` if it is a mapping, else an empty one: what the schema refuses has nothing to check."""
    return value if isinstance(value, dict) else {}


def unknown(name: Any, kind: str, allowed: list[str]) -> str:
    """Say that nothing of this kind has that name, which may be no text at all."""
    if not isinstance(name, str):
        return f"given {shown_value(name)}; allowed: {listed(allowed)}"
    return f"no {kind} {name!r}; allowed: {listed(allowed)}{did_you_mean(name, allowed)}"


def misplaced(
    section: dict[str, Any], at: Location, keys: Iterable[str], name: str, allowed: dict[str, Option]
) -> Iterator[Finding]:
    """Find options of `name` that stand in `section` itself, among its own `keys`, instead of under `options`."""
    for key, value in section.items():
        near = get_close_matches(str(key), list(allowed), n=1)
        if key not in keys and near:
            yield (*at, key), f"unknown key; {name} has an option {near[0]!r}: write `options: {{{near[0]}: {value}}}`"


def options(
    given: dict[str, Any], at: Location, name: str, allowed: dict[str, Option], file: Path
) -> Iterator[Finding]:
    """Find options that the family `name`, read from `file`, does not have, and values that it does not take."""
    for key, value in given.items():
        location = (*at, key)
        if key not in allowed:
            known = f"allowed: {listed(list(allowed))}" if allowed else "it has none"
            yield location, f"{name} has no such option ({file}); {known}{did_you_mean(str(key), list(allowed))}"
            continue
        wrong = _refused(value, allowed[key].type)
        if wrong:
            yield location, f"{wrong}; {name} takes {written(allowed[key].default)} if not given"


def _refused(value: Any, kind: Any) -> str | None:
    """Say what is wrong with the value of an option of type `kind`, or return None."""
    adapter: TypeAdapter[Any] = TypeAdapter(kind, config=_FINITE)
    try:
        found = adapter.validate_python(value, strict=True)
        if isinstance(found, int) and type(found) is not type(value):  # `Literal[2]` takes 2.0 too
            adapter.validate_python(object(), strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False)
        for each in details:
            each["input"] = value
        return refuse(details)
    return None


def repeated(items: Any, at: Location, why: str = "") -> Iterator[Finding]:
    """Find what a list names twice."""
    for index, item in enumerate(items if isinstance(items, list) else []):
        if any(type(item) is type(other) and item == other for other in items[:index]):
            yield (*at, index), f"{item!r} is listed twice{why}; remove one"
