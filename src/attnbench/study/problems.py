"""What pydantic found wrong, said for the person who wrote the file."""

import math
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from attnbench.errors import did_you_mean, listed
from attnbench.study.document import Location, Positions, Problem
from attnbench.study.examples import example

_MUST_BE = {  # by pydantic's type of error, to stand behind "must be"
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "list_type": "a list in brackets",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "literal_error": "{expected}",
    "greater_than_equal": "at least {ge}",
    "greater_than": "greater than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "too_short": "at least {min_length} long",
    "string_too_short": "text that is not empty",
    "invalid_key": "text",
}
_PATTERNS = {
    "^[a-z0-9_]+$": "made of a-z, 0-9 and _ alone",
    "^[0-9a-f]{64}$": "64 digits of 0-9 and a-f",
}


def problems(error: ValidationError, section: type[BaseModel], positions: Positions) -> list[Problem]:
    """Return one problem for each wrong key; what the members of a union say about one value is put together."""
    together: dict[Location, list[tuple[Location, ErrorDetails]]] = {}
    found = []
    placed = [(each, _walk(section, each["loc"])) for each in error.errors(include_url=False)]
    misspelt = {_meant(place) for each, place in placed if each["type"] == "extra_forbidden"}
    for each, place in placed:
        if each["type"] == "missing" and place.location in misspelt:
            continue  # it is there, under another name, and told under that
        if place.choice is not None:
            together.setdefault(place.choice, []).append((place.location, each))
        else:
            found.append(positions.problem(*_explain(each, place)))
    for choice, group in together.items():
        inner = [(location, each) for location, each in group if location != choice]  # e.g. one item of a list
        chosen = inner or group
        for location in dict.fromkeys(location for location, _ in chosen):
            details = [each for where, each in chosen if where == location]
            found.append(positions.problem(location, refuse(details)))
    return found


def refuse(errors: list[ErrorDetails]) -> str:
    """Return what was given, and what it must be: one of what the errors ask for."""
    refused = next((each for each in errors if each["type"] == "value_error"), None)
    if refused is not None:  # a check of our own, which says what is allowed
        return f"given {refused['ctx']['error']}"
    phrases = list(dict.fromkeys(_must_be(each) for each in errors))
    wanted = " or ".join([", ".join(phrases[:-1]), phrases[-1]] if phrases[1:] else phrases)
    value = errors[0]["input"]
    expected = [each["ctx"]["expected"] for each in errors if each["type"] == "literal_error"]
    words = [word for text in expected for word in text.split("'")[1::2]]
    near = did_you_mean(value, words) if isinstance(value, str) else ""
    return f"given {given(value)}; must be {wanted}{near}"


def given(value: Any) -> str:
    """Return a value as it was written, shortened."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return f"a mapping of {len(value)} key{'s' if len(value) != 1 else ''}"
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    text = repr(value) if isinstance(value, int | float | str | list) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _must_be(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if error["type"] == "string_pattern_mismatch":
        return _PATTERNS.get(context["pattern"], f"text like {context['pattern']}")
    return _MUST_BE.get(error["type"], error["msg"]).format(**context)


class _Place(NamedTuple):
    location: Location  # pydantic's path without what stands in no file: tags and labels of unions, `[key]`
    choice: Location | None  # where a union of plain values begins, if one is on the path
    owner: Any  # the section that the last key belongs to
    kind: Any  # the type of the last key


def _explain(error: ErrorDetails, place: _Place) -> tuple[Location, str]:
    location, owner = place.location, place.owner
    match error["type"]:
        case "missing":
            return location, f"missing; add it, for example `{example(owner, str(location[-1]))}`"
        case "extra_forbidden":
            allowed = list(owner.model_fields)
            near = did_you_mean(str(location[-1]), allowed)
            return location, f"unknown key; allowed: {listed(allowed)}{near}"
        case "union_tag_not_found" | "union_tag_invalid":
            return _explain_tag(error, place)
    return location, refuse([error])


def _explain_tag(error: ErrorDetails, place: _Place) -> tuple[Location, str]:
    """Explain the key that tells which kind of section this is, such as `source`: missing, misspelt, or wrong."""
    tags = [tag for section in get_args(place.kind) for tag in _tags_of(section)]
    key, values = error["ctx"]["discriminator"].strip("'"), error["input"]
    if key in values:
        wrong = values[key]
        near = did_you_mean(wrong, tags) if isinstance(wrong, str) else ""
        return (*place.location, key), f"given {given(wrong)}; allowed: {listed(tags)}{near}"
    near_keys = get_close_matches(key, [str(each) for each in values], n=1)
    if near_keys:
        return (*place.location, near_keys[0]), f"unknown key (did you mean {key!r}?); `{key}` may be {listed(tags)}"
    return (*place.location, key), f"missing; allowed: {listed(tags)}"


def _meant(place: _Place) -> Location:
    """Return where the key stands that an unknown key is nearest to."""
    *above, key = place.location
    return (*above, *get_close_matches(str(key).lower(), list(place.owner.model_fields), n=1))


def _walk(section: type[BaseModel], path: tuple[int | str, ...]) -> _Place:
    """Follow pydantic's path through the types."""
    place = _Place((), None, None, section)
    for part in path:
        if part == "[key]":
            break
        location, choice, _, kind = place
        if not _is_union(kind):
            place = _Place((*location, part), choice, kind, _bare(_member(kind, part)))
        elif all(_is_section(member) for member in get_args(kind)):
            place = place._replace(kind=next(member for member in get_args(kind) if part in _tags_of(member)))
        else:
            place = place._replace(choice=location, kind=None)
    return place


def _member(kind: Any, part: int | str) -> Any:
    """Return the type of what stands under a key of a section, of a mapping, or in a list; None where unknown."""
    if _is_section(kind):
        field = kind.model_fields.get(str(part))
        return field.annotation if field else None
    return get_args(kind)[-1] if get_args(kind) else None


def _bare(kind: Any) -> Any:
    """Return a type without its annotations, and without None."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if _is_union(kind):
        members = [member for member in get_args(kind) if member is not NoneType]
        return members[0] if len(members) == 1 else kind
    return kind


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType)


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _tags_of(section: type[BaseModel]) -> tuple[str, ...]:
    """Return the values of the section's first literal key: what a union tells it by."""
    literals = (field.annotation for field in section.model_fields.values() if get_origin(field.annotation) is Literal)
    return get_args(next(literals, None))
