"""Settings for all tests."""

import os

import pytest

# Tests run in parallel, and OpenMP threads that wait by spinning would slow down the other tests. torch reads this when
# it is first imported, here and in the processes that tests start; a stage sets its own number of threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked `cuda` on a machine without an NVIDIA GPU."""
    marked = [item for item in items if item.get_closest_marker("cuda")]
    if marked and not _has_accelerator():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="needs an NVIDIA GPU that torch can use"))


def _has_accelerator() -> bool:
    import torch

    return torch.cuda.is_available()
