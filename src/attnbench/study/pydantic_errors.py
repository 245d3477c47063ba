"""Pydantic's errors as sentences for the author of the file."""

import math
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from attnbench.errors import did_you_mean, listed, shortened
from attnbench.study.document import Location, Positions, Problem
from attnbench.study.examples import example
from attnbench.study.schema import LINE, PARAGRAPH, PARAMS, ROOT

_MUST_BE = {  # by pydantic's error type; completes "must be ..."
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
    "string_too_long": "at most {max_length} characters long",
    "string_unicode": "text",
    "invalid_key": "text",
}
_PATTERNS = {
    "^[a-z0-9_]+$": "made of only a-z, 0-9 and _",
    "^[0-9a-f]{64}$": "64 digits of 0-9 and a-f",
    LINE: "one line of text, without control characters",
    PARAGRAPH: "text, without control characters",
    PARAMS: "a path of letters, digits, '_', '-' and '.', such as 'studies/mine/params.yaml'",
    ROOT: "'.', '..', '../..' and so on",
    "^(tcp|tls)://[^\\s/:]+:[0-9]+$": "the address of a scheduler, such as 'tcp://10.0.0.1:8786'",
    "^(cpu|cuda|cuda:[0-9]+)$": "'cpu', 'cuda' or, for one card of several, 'cuda:0', 'cuda:1', ...",
}


def problems(error: ValidationError, section: type[BaseModel], positions: Positions) -> list[Problem]:
    """Return one problem for each invalid key. Errors of several members of a union about one value are merged."""
    targets = [(details, _target(section, details["loc"])) for details in error.errors(include_url=False)]
    misspelt = {_intended(target) for details, target in targets if details["type"] == "extra_forbidden"}
    result = []
    unions: dict[Location, list[tuple[Location, ErrorDetails]]] = {}
    for details, target in targets:
        if details["type"] == "missing" and target.location in misspelt:
            continue  # present under a misspelt name, and reported there
        if target.union is not None:
            unions.setdefault(target.union, []).append((target.location, details))
        else:
            result.append(positions.problem(*_explain(details, target)))
    for union, errors in unions.items():
        inner = [(location, details) for location, details in errors if location != union]  # e.g. one item of a list
        by_location: dict[Location, list[ErrorDetails]] = {}
        for location, details in inner or errors:
            by_location.setdefault(location, []).append(details)
        result += [positions.problem(location, sentence(details)) for location, details in by_location.items()]
    return result


def sentence(errors: list[ErrorDetails]) -> str:
    """Return one sentence about the errors of one value: what was given, and the alternatives that are allowed."""
    custom = next((error for error in errors if error["type"] == "value_error"), None)
    if custom is not None:  # raised by one of our validators; its text says what is allowed
        return f"given {custom['ctx']['error']}"
    phrases = list(dict.fromkeys(_must_be(error) for error in errors))
    allowed = " or ".join([", ".join(phrases[:-1]), phrases[-1]] if phrases[1:] else phrases)
    value = errors[0]["input"]
    literals = [error["ctx"]["expected"] for error in errors if error["type"] == "literal_error"]
    words = [word for text in literals for word in text.split("'")[1::2]]
    near = did_you_mean(value, words) if isinstance(value, str) else ""
    return f"given {shown_value(value)}; must be {allowed}{near}"


def shown_value(value: Any) -> str:
    """Return a value as it is written in YAML, shortened."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return f"a mapping of {len(value)} key{'s' if len(value) != 1 else ''}"
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    text = repr(value) if isinstance(value, int | float | str | list) else str(value)
    return shortened(text)


def _must_be(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if error["type"] == "string_pattern_mismatch":
        return _PATTERNS.get(context["pattern"], f"text like {context['pattern']}")
    return _MUST_BE.get(error["type"], error["msg"]).format(**context)


class _Target(NamedTuple):
    """The key that an error is about."""

    location: Location  # pydantic's path without the parts that are in no file: tags and labels of unions, `[key]`
    union: Location | None  # where a union of plain values begins, if one is on the path
    owner: Any  # the section that the last key belongs to
    kind: Any  # the type of the last key


def _explain(error: ErrorDetails, target: _Target) -> tuple[Location, str]:
    location, owner = target.location, target.owner
    match error["type"]:
        case "missing":
            return location, f"missing; add it, for example `{example(owner, str(location[-1]))}`"
        case "extra_forbidden":
            allowed = list(owner.model_fields)
            near = did_you_mean(str(location[-1]), allowed)
            return location, f"unknown key; allowed: {listed(allowed)}{near}"
        case "union_tag_not_found" | "union_tag_invalid":
            return _explain_tag(error, target)
    return location, sentence([error])


def _explain_tag(error: ErrorDetails, target: _Target) -> tuple[Location, str]:
    """Explain a missing, misspelt or invalid key that selects the kind of a section, such as `source`."""
    tags = [tag for section in get_args(target.kind) for tag in _tags_of(section)]
    key, values = error["ctx"]["discriminator"].strip("'"), error["input"]
    if key in values:
        value = values[key]
        near = did_you_mean(value, tags) if isinstance(value, str) else ""
        return (*target.location, key), f"given {shown_value(value)}; allowed: {listed(tags)}{near}"
    near_keys = get_close_matches(key, [str(name) for name in values], n=1)
    if near_keys:
        return (*target.location, near_keys[0]), f"unknown key (did you mean {key!r}?); `{key}` may be {listed(tags)}"
    return (*target.location, key), f"missing; allowed: {listed(tags)}"


def _intended(target: _Target) -> Location:
    """Return the location of the allowed key that an unknown key resembles most."""
    *above, key = target.location
    return (*above, *get_close_matches(str(key).lower(), list(target.owner.model_fields), n=1))


def _target(section: type[BaseModel], path: tuple[int | str, ...]) -> _Target:
    """Follow pydantic's path through the types."""
    target = _Target((), None, None, section)
    for part in path:
        if part == "[key]":
            break
        location, union, _, kind = target
        if not _is_union(kind):
            target = _Target((*location, part), union, kind, _bare(_member(kind, part)))
        elif all(_is_section(member) for member in get_args(kind)):
            target = target._replace(kind=next(member for member in get_args(kind) if part in _tags_of(member)))
        else:
            target = target._replace(union=location, kind=None)
    return target


def _member(kind: Any, part: int | str) -> Any:
    """Return the type of a section's field, of a mapping's values or of a list's items; None if unknown."""
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
    """Return the values of the section's first literal key, by which a union selects the section."""
    literals = (field.annotation for field in section.model_fields.values() if get_origin(field.annotation) is Literal)
    return get_args(next(literals, None))
