"""Types and repeatability of every attention module on a GPU; on the processor they are part of the contract."""

import pytest
from networks.reference import CONFIGURATIONS

from attnbench.tools.contract import numerics
from attnbench.tools.contract.configurations import Configuration

pytestmark = pytest.mark.cuda
every_configuration = pytest.mark.parametrize("case", CONFIGURATIONS, ids=str)


@every_configuration
def test_type_is_kept_under_autocast(case: Configuration) -> None:
    numerics.keeps_type_under_autocast(case, "cuda")


@every_configuration
def test_deterministic_algorithms_are_enough_and_repeat(case: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    numerics.repeats(case, "cuda")
