"""The contract of attention modules, for all modules and all configurations of their options.

The checks are those of `attnbench test NAME`; tests/tools/test_contract.py shows that each can fail.
"""

from collections.abc import Callable

import pytest
from networks.reference import CONFIGURATIONS

from attnbench.study import attention
from attnbench.tools.contract import checks, declarations, numerics
from attnbench.tools.contract.configurations import Configuration, configurations

OF_CONFIGURATIONS = [
    *((check, case) for check in (*checks.FOR_ALL, *numerics.FOR_ALL) for case in CONFIGURATIONS),
    *((check, case) for check, applies in checks.FOR_SOME.items() for case in CONFIGURATIONS if applies(case)),
]


def label(value: object) -> str:
    return value.__name__ if callable(value) else str(value)


@pytest.mark.parametrize(("check", "case"), OF_CONFIGURATIONS, ids=label)
def test_a_configuration(check: checks.Check, case: Configuration) -> None:
    check(case)


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
