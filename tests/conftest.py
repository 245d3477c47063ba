"""Settings for all tests."""

import os
from collections.abc import Iterator

import pytest

# Tests run in parallel, and OpenMP threads that wait by spinning would slow down the other tests. torch reads this when
# it is first imported, here and in the processes that tests start; a stage sets its own number of threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def unflushed() -> Iterator[None]:
    """Wait for no disk: it takes milliseconds for each of thousands of small files, and no test cuts the power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("attnbench.records.files._flush", lambda path: None)
        yield


# Files of few tests that take long; the last one to start would keep one process busy while the others have ended.
LONG = {"test_dvc_commands", "test_real_stages", "test_stale", "test_reproduce", "test_killed", "test_export"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put long files first, and deselect the tests marked `cuda` on a machine without an NVIDIA GPU."""
    items.sort(key=lambda item: item.path.stem not in LONG)
    marked = [item for item in items if item.get_closest_marker("cuda")]
    if marked and not _has_accelerator():
        config.hook.pytest_deselected(items=marked)
        items[:] = [item for item in items if not item.get_closest_marker("cuda")]


def _has_accelerator() -> bool:
    import torch

    return torch.cuda.is_available()
