"""What tests of networks share."""

import pytest
import torch
from torch import Tensor

from attnbench.tools.contract.configurations import features


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The weights of modules that a test builds do not depend on the tests before it."""
    torch.manual_seed(0)


@pytest.fixture
def x() -> Tensor:
    return features()
