import pytest
import small_training

from attnbench.records.prepared import Prepared
from attnbench.study import Study


@pytest.fixture(scope="session")
def data() -> Prepared:
    return small_training.edges()


@pytest.fixture(scope="session")
def study() -> Study:
    return small_training.small_study()
