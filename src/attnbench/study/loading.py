"""Loading a params.yaml: its keys and types, and every name in it, are checked before anything runs.

All problems are reported at once, so the checks of names read the plain values and skip what the schema refuses.
"""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from attnbench.errors import UserError, did_you_mean, listed
from attnbench.study import check_backbone, check_controls, check_file, check_interactions, check_modules
from attnbench.study.document import Positions, Problem, read
from attnbench.study.pydantic_errors import problems
from attnbench.study.schema import Study


def load(path: Path) -> Study:
    """Read a params.yaml and check it against the schema and the available modules and backbones.

    Raises:
        UserError: lists every problem as `file:line:column: key: what was given, what is allowed`.
    """
    values, positions = read(path)
    study, schema_problems = _validated(values, positions)
    findings = [
        *check_file.check(path, values),
        *check_backbone.check(values),
        *check_modules.check(values),
        *check_controls.check(values),
        *check_controls.check_comparisons(values),
        *check_interactions.check(path, values),
    ]
    name_problems = [positions.problem(location, text) for location, text in findings]
    keys = {problem.key for problem in name_problems}  # the checks of names say more than the schema does
    all_problems = [problem for problem in schema_problems if problem.key not in keys] + name_problems
    if study is None or all_problems:
        raise positions.error(all_problems)
    return study


def require(study: Study, path: Path, variant: str, seed: int | None = None) -> None:
    """Check that the study has a variant, and a seed.

    Raises:
        UserError: says what was given and what the file has.
    """
    if variant not in study.variants:
        names = list(study.variants)
        raise UserError(f"{path} has no variant {variant!r}{did_you_mean(variant, names)}; allowed: {listed(names)}")
    if seed is not None and seed not in study.seeds:
        raise UserError(
            f"{path} has no seed {seed}; allowed: {', '.join(map(str, study.seeds))}. Add it under `seeds:`"
        )


def _validated(values: dict[str, Any], positions: Positions) -> tuple[Study | None, list[Problem]]:
    """Return the study and no problems, or None and the problems of keys, types and ranges."""
    try:
        return Study.model_validate(values), []
    except ValidationError as error:
        return None, problems(error, Study, positions)
