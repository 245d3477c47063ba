"""What the checks have in common."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from attnbench.config.document import Location
from attnbench.config.problems import refuse
from attnbench.errors import did_you_mean, listed
from attnbench.families import Option

Finding = tuple[Location, str]


def mapping(value: Any) -> dict[str, Any]:
    """Return `value` if it is a mapping, else an empty one: what the schema refuses has nothing to check."""
    return value if isinstance(value, dict) else {}


def unknown(name: str, kind: str, allowed: list[str]) -> str:
    """Say that nothing of this kind has that name."""
    return f"no {kind} {name!r}; allowed: {listed(allowed)}{did_you_mean(name, allowed)}"


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
        try:
            TypeAdapter(allowed[key].type).validate_python(value, strict=True)
        except ValidationError as error:
            yield (
                location,
                f"{refuse(error.errors(include_url=False))}; {name} takes {allowed[key].default!r} if not given",
            )


def repeated(items: Any, at: Location, why: str = "") -> Iterator[Finding]:
    """Find what a list names twice."""
    for index, item in enumerate(items if isinstance(items, list) else []):
        if item in items[:index]:
            yield (*at, index), f"{item!r} is listed twice{why}; remove one"
