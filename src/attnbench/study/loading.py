"""Check a whole params.yaml before anything runs: its form, and that every name in it stands for something.

All problems are told at once, so the checks read the plain values and step over what the schema refuses.
"""

from pathlib import Path

from attnbench.errors import UserError, did_you_mean, listed
from attnbench.study import check_backbone as networks
from attnbench.study import check_file as whole
from attnbench.study import check_modules as modules
from attnbench.study import packages
from attnbench.study.document import read
from attnbench.study.schema import Study
from attnbench.study.validation import validate


def load(path: Path) -> Study:
    """Read a params.yaml and check it against the schema and the modules and backbones there are.

    From then on Python finds packages in the root of the study's repository, for modules of one's own.

    Raises:
        UserError: tells every problem, each as `file:line:column: key: what was given, what is allowed`.
    """
    values, positions = read(path)
    packages.look_in(path.parent / str(values.get("root", ".")))
    study, problems = validate(values, positions)
    findings = [
        *whole.place(path, values),
        *whole.repetitions(values),
        *whole.baseline(values),
        *whole.controls(values),
        *networks.check(values),
        *modules.check(values),
    ]
    specific = [positions.problem(location, text) for location, text in findings]
    told = {problem.key for problem in specific}  # knows the modules, so it says more than the schema does
    problems = [problem for problem in problems if problem.key not in told] + specific
    if study is None or problems:
        raise positions.refusal(problems)
    return study


def require(study: Study, path: Path, variant: str, seed: int | None = None) -> None:
    """Refuse a variant or a seed that the study does not have.

    Raises:
        UserError: names what was given and what the file has.
    """
    if variant not in study.variants:
        names = list(study.variants)
        raise UserError(f"{path} has no variant {variant!r}{did_you_mean(variant, names)}; allowed: {listed(names)}")
    if seed is not None and seed not in study.seeds:
        raise UserError(
            f"{path} has no seed {seed}; allowed: {', '.join(map(str, study.seeds))}. Add it under `seeds:`"
        )
