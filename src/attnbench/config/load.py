"""A params.yaml as a typed study, or everything that is wrong with its form, at once."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from attnbench.config.document import Positions, Problem, read
from attnbench.config.problems import problems
from attnbench.config.schema import Study


def load(path: Path) -> tuple[Study, Positions]:
    """Read and check a params.yaml.

    This is about keys, types and ranges; `attnbench.study.load` also checks names of modules, options and sites.

    Raises:
        UserError: the file is no YAML mapping, or a key or value is wrong; tells all of them, with line and column.
    """
    values, positions = read(path)
    study, found = validate(values, positions)
    if study is None:
        raise positions.refusal(found)
    return study, positions


def validate(values: dict[str, Any], positions: Positions) -> tuple[Study | None, list[Problem]]:
    """Return the study and no problems, or None and the problems."""
    try:
        return Study.model_validate(values), []
    except ValidationError as error:
        return None, problems(error, Study, positions)
