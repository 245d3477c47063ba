"""The libraries as described and counted, and our counts."""

from pathlib import Path

import pytest

from attnbench.study import attention
from attnbench.tools.catalogue import counting, libraries
from attnbench.tools.catalogue.comparison import Comparison

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "oracles" / "libraries"


@pytest.fixture(scope="session")
def compared() -> Comparison:
    ours = {name: counting.parameters(name) for name in attention.names()}
    return Comparison(ours, libraries.libraries(FOLDER), libraries.counts(FOLDER))
