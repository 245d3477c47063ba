"""The options of a module in words."""

from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from attnbench.study import options as option_types
from attnbench.study.module_files import written

_WORDS: tuple[tuple[Any, str], ...] = (
    (option_types.OddInt, "odd number from 1"),
    (option_types.PositiveInt, "whole number from 1"),
    (option_types.PositiveFloat, "number above 0"),
    (option_types.Share, "number from 0 to below 1"),
    (bool, "true, false"),
    (int, "whole number"),
    (float, "number"),
    (str, "text"),
    (None, "null"),
    (type(None), "null"),
)


def allowed(kind: Any) -> str:
    """Return what an option may be: `true, false`, `floor, div8`, `odd number from 1, null`.

    Raises:
        TypeError: a type that has no words here.
    """
    for known, words in _WORDS:
        if kind == known:
            return words
    if get_origin(kind) is Literal:
        return ", ".join(written(value) for value in get_args(kind))
    if get_origin(kind) in (Union, UnionType):
        return ", ".join(allowed(inner) for inner in get_args(kind))
    raise TypeError(f"no words for {kind}; add them to {__file__}")
