"""The values of a params.yaml as a typed study, or everything that is wrong with their form, at once."""

from typing import Any

from pydantic import ValidationError

from attnbench.study.document import Positions, Problem
from attnbench.study.problems import problems
from attnbench.study.schema import Study


def validate(values: dict[str, Any], positions: Positions) -> tuple[Study | None, list[Problem]]:
    """Return the study and no problems, or None and the problems.

    This is about keys, types and ranges; `attnbench.study.load` also checks names of modules, options and sites.
    """
    try:
        return Study.model_validate(values), []
    except ValidationError as error:
        return None, problems(error, Study, positions)
