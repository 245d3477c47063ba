"""Tests of the contract run for every module in every configuration.

`--module NAME` runs them for one module only, also for a user's `PACKAGE.NAME`.
"""

from collections.abc import Callable

import pytest
import torch
from networks.configurations import Configuration, configurations, is_filled_in
from networks.reference import features
from torch import Tensor

from attnbench.networks import Attention, Gate
from attnbench.study import attention


def is_pair_of_gates(module: Attention) -> bool:
    """Whether a module is the product of two gates: it consists of gates, as CBAM does, or shows more than their means.

    A gate (n, c, h, w) that replaces the means in `maps` does so in order to show its two factors.
    """
    if isinstance(module, Gate):
        x = features(8)
        return type(module).maps is not Gate.maps and module.gate(x).shape == x.shape
    parts = list(module.children())
    return bool(parts) and all(isinstance(part, Gate) for part in parts)


KINDS: dict[str, Callable[[Attention], bool]] = {
    "configured": lambda module: True,
    "configured_gate": lambda module: isinstance(module, Gate) and not is_pair_of_gates(module),
    "configured_pair_of_gates": is_pair_of_gates,
    "configured_other": lambda module: not isinstance(module, Gate) and not is_pair_of_gates(module),
}


def is_kind(fixture: str, case: Configuration) -> bool:
    """Whether a configuration is of a kind; one that cannot be built is of none, and the tests of all say why."""
    try:
        return KINDS[fixture](case.build(8))
    except Exception:  # noqa: BLE001 -- whatever a user's module raises; with it, pytest would collect nothing
        return False


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--module", action="append", metavar="NAME", help="only the contract, of one module or of PACKAGE.NAME"
    )


def modules(config: pytest.Config) -> list[str]:
    return config.getoption("module", None) or attention.names()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("module", None):
        items[:] = [item for item in items if {"module_name", *KINDS} & set(getattr(item, "fixturenames", ()))]
        if not all(is_filled_in(name) for name in modules(config)):  # then every other test fails for this reason
            items[:] = [
                item for item in items if getattr(item, "originalname", "") == "test_nothing_is_left_to_fill_in"
            ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for fixture in KINDS.keys() & set(metafunc.fixturenames):
        everything = [configuration for name in modules(metafunc.config) for configuration in configurations(name)]
        chosen = [case for case in everything if fixture == "configured" or is_kind(fixture, case)]
        metafunc.parametrize(fixture, chosen, ids=str)
    if "module_name" in metafunc.fixturenames:
        metafunc.parametrize("module_name", modules(metafunc.config))


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The weights of modules that a test builds do not depend on the tests before it."""
    torch.manual_seed(0)


@pytest.fixture
def x() -> Tensor:
    return features()
