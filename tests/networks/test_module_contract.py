"""The contract of attention modules, for all modules and all configurations of their options.

The checks are those of `attnbench test NAME`; tests/tools/test_contract.py shows that each can fail.
"""

from collections.abc import Callable, Sequence
from itertools import groupby

import pytest
import torch
from networks.reference import CONFIGURATIONS

from attnbench.study import attention
from attnbench.tools.contract import checks, declarations, numerics
from attnbench.tools.contract.configurations import Configuration, Form, configurations

OF_MODULES = {name: list(cases) for name, cases in groupby(CONFIGURATIONS, lambda case: case.name)}
FORMS: dict[checks.Check, Form | None] = {  # of the modules that a check is for, None for all
    **dict.fromkeys((*checks.FOR_ALL, *numerics.FOR_ALL)),
    **checks.FOR_SOME,
}
OF_CONFIGURATIONS = [
    pytest.param(check, chosen, id=f"{check.__name__}-{name}")  # an item for each configuration would take longer
    for check, form in FORMS.items()
    for name, cases in OF_MODULES.items()
    if (chosen := [case for case in cases if form in (None, case.form)])
]


def label(value: object) -> str:
    return value.__name__ if callable(value) else str(value)


@pytest.mark.parametrize(("check", "cases"), OF_CONFIGURATIONS)
def test_every_configuration(check: checks.Check, cases: Sequence[Configuration]) -> None:
    for case in cases:
        torch.manual_seed(0)
        try:
            check(case)
        except Exception as error:
            error.add_note(f"in the configuration {case}")
            raise


@pytest.mark.parametrize("name", attention.names())
@pytest.mark.parametrize("check", declarations.CHECKS, ids=label)
def test_a_file(check: Callable[[str], None], name: str) -> None:
    check(name)


@pytest.mark.parametrize("name", attention.names())
def test_the_probe_passes(name: str) -> None:
    checks.is_probed(Configuration(name))


def test_every_option_has_a_second_value() -> None:
    for name in attention.names():
        varied = {option for case in configurations(name) for option in case.options}
        assert varied == attention.options(name).keys()
