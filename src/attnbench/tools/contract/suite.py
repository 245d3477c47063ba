"""All checks of one module, with a line for each: `attnbench test NAME`."""

import inspect
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pandas as pd

from attnbench import cost
from attnbench.errors import UserError, first_few
from attnbench.report.tables import markdown
from attnbench.study import module_files
from attnbench.study.packages import blamed
from attnbench.study.paths import relative_to_cwd
from attnbench.tools import modules
from attnbench.tools.contract import checks, declarations, numerics, training
from attnbench.tools.contract.configurations import Configuration, configurations
from attnbench.tools.contract.one_slot import OneSlot

WIDTHS = {16: (32, 32), 64: (16, 16), 256: (8, 8)}  # channels and size of the maps at which the cost is counted
_MOST_NAMED = 3  # configurations in a line

Write = Callable[[str], object]
Case = TypeVar("Case", str, Configuration)  # a module, or a module with options


def check_module(name: str, write: Write) -> bool:
    """Check the module `name`; `write` gets each line of the answer. Return whether it keeps the contract.

    Raises:
        UserError: there is no such module, or its file cannot be read.
    """
    answer = _Answer(_filled_in(name), write)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _run_all(name, answer)
    for text in dict.fromkeys(f"{warning.category.__name__}: {warning.message}" for warning in caught):
        write(f"warns   {text}")
    failed = len(answer.failed)
    write(f"{name} {f'FAILED {failed} of' if failed else 'passes all'} {answer.count} checks")
    return not failed


class _Answer:
    """The lines of an answer, one for each check."""

    def __init__(self, file: Path, write: Write) -> None:
        self.file = file
        self.write = write
        self.count = 0
        self.failed: list[str] = []  # names of checks

    def add(self, check: Callable[[Case], None], cases: Sequence[Case]) -> list[Case]:
        """Run a check for each case, write its line, and return the cases that pass."""
        problems = {number: problem for number, case in enumerate(cases) if (problem := self._problem(check, case))}
        self.count += 1
        claim = (inspect.getdoc(check) or check.__name__).partition("\n")[0]
        self.write(f"{'FAILED' if problems else 'ok    '}  {claim}")
        if problems:
            self.failed.append(check.__name__)
            labels = [_label(cases[number]) for number in problems]
            more = f" (and {first_few(labels[1:], _MOST_NAMED)})" if len(labels) > 1 else ""
            where = f"{labels[0]}{more}: " if len(cases) > 1 else ""
            self.write(f"        {where}{next(iter(problems.values()))}")
        return [case for number, case in enumerate(cases) if number not in problems]

    def _problem(self, check: Callable[[Case], None], case: Case) -> str | None:
        try:
            with blamed(self.file, "raises"):
                check(case)
        except UserError as error:
            return str(error).replace(str(self.file), str(relative_to_cwd(self.file)))
        return None


def _label(case: str | Configuration) -> str:
    """Return the options of a case as in a params.yaml."""
    options = {} if isinstance(case, str) else case.options
    return ", ".join(f"{key}: {module_files.yaml_text(value)}" for key, value in options.items()) or "defaults"


def _run_all(name: str, answer: _Answer) -> None:
    every = configurations(name)
    answer.write(f"{relative_to_cwd(answer.file)}: {'; '.join(_label(case) for case in every)}\n")
    for check in declarations.CHECKS:
        answer.add(check, [name])
    cases = answer.add(checks.is_probed, every)
    if not cases:
        answer.write("        The checks that run the module are left out.")
        return
    for contract_check in (*checks.FOR_ALL, *numerics.FOR_ALL):
        answer.add(contract_check, cases)
    for contract_check, form in checks.FOR_SOME.items():
        if chosen := [case for case in cases if case.form == form]:
            answer.add(contract_check, chosen)
    if answer.add(training.trains, [name]):
        answer.add(training.resumes, [name])
    if checks.can_be_counted.__name__ not in answer.failed:
        answer.write(f"\n{_costs(cases[0])}\n")


def _costs(case: Configuration) -> str:
    """Return a table of what a module costs for one image, at several widths."""
    rows = []
    for channels, (height, width) in WIDTHS.items():
        if case.takes(channels):
            counts = cost.count(
                OneSlot(case.build(channels, size=(height, width)), channels, (height, width)),
                (channels, height, width),
            )
            rows.append(
                {
                    "Maps": f"{channels} x {height} x {width}",
                    "Parameters": f"{counts.parameters:,}",
                    "MACs": f"{counts.macs:,}",
                    "Pooling": f"{counts.pooling_operations:,}",
                    "Element-wise": f"{counts.elementwise_operations:,}",
                }
            )
    return markdown(pd.DataFrame(rows), ("Maps",))


def _filled_in(name: str) -> Path:
    """Return the file of a module that is valid and filled in."""
    path = modules.readable(name)
    try:
        declarations.is_filled_in(name)  # else every other check fails for this reason
    except UserError as error:
        raise UserError(f"{relative_to_cwd(path)} {error}") from None
    return path
