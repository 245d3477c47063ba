"""Modules of public libraries: how each is called, what was counted on it, and why it differs from ours.

A folder holds one YAML file a library (`Library`); beside it, a JSON file of the same name holds what was counted and
what is only cited (`Counts`). The page is made from the two, without the libraries.
"""

import json
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict
from ruamel.yaml import YAML

CHANNELS = (16, 32, 64, 128, 256, 512, 1024, 2048)  # the C of every count

Result = int | str  # parameters, or the exception that building the module raised

_Value = TypeVar("_Value")


def _ascending(values: dict[int, _Value]) -> dict[int, _Value]:
    return dict(sorted(values.items()))  # JSON has them as texts, in the order of texts


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(_Strict):
    """One module of a library, under the name of ours that it is compared with."""

    call: str  # dotted name of the class
    arguments: list[int | str]  # a number, `C`, or `C // n`
    same_with: dict[str, bool | int | float | str] | None = None  # our options that give the same counts
    reason: str | None = None  # why its counts differ from ours at our defaults
    note: str | None = None  # what else there is to know

    @property
    def expression(self) -> str:
        """How it is called, as one would type it."""
        return f"{self.call}({', '.join(map(str, self.arguments))})"


class Library(_Strict):
    """A library; `modules` by our names."""

    title: str
    package: str  # its name on the package index
    in_dev: bool = True  # installed with the extra `dev`, so that the tests count anew
    modules: dict[str, Entry]


class Counted(_Strict):
    """What was counted on one version of a library: our name -> C -> parameters, and what a forward pass did."""

    version: str
    parameters: dict[str, Annotated[dict[int, Result], AfterValidator(_ascending)]]
    forward: dict[str, str]  # our name -> `ok`, or the exception, on maps (2, 64, 32, 32)


class Cited(_Strict):
    """What is known of a module that was not run here."""

    title: str
    module: str  # our name
    source: str
    note: str
    parameters: Annotated[dict[int, int], AfterValidator(_ascending)] = {}  # C -> parameters


class Counts(_Strict):
    """The JSON file: counted and cited figures, never mixed. `counted` by the stem of the library's file."""

    counted: dict[str, Counted]
    cited: list[Cited]


def libraries(folder: Path) -> dict[str, Library]:
    """Return the libraries described in a folder, those of the extra `dev` first."""
    yaml = YAML(typ="safe")
    found = {path.stem: Library.model_validate(yaml.load(path)) for path in sorted(folder.glob("*.yaml"))}
    return dict(sorted(found.items(), key=lambda item: (not item[1].in_dev, -len(item[1].modules), item[0])))


def counts(folder: Path) -> Counts:
    """Return what was counted and cited for the libraries of a folder."""
    return Counts.model_validate(json.loads(file_of(folder).read_text(encoding="utf-8")))


def file_of(folder: Path) -> Path:
    """Return the JSON file of a folder of libraries."""
    return folder.with_suffix(".json")


def arguments(entry: Entry, channels: int) -> list[Any]:
    """Return the arguments of a call for `channels` feature maps."""
    return [argument if isinstance(argument, int) else _value(argument, channels) for argument in entry.arguments]


def _value(text: str, channels: int) -> int:
    name, _, divisor = text.partition(" // ")
    if name != "C" or not (divisor.isdigit() or not divisor):
        raise ValueError(f"given the argument {text!r}; allowed: a number, 'C', 'C // n'")
    return channels // int(divisor or 1)
