"""The made-up study, whose records are on disk; templates that are compiled once."""

from collections.abc import Iterator
from functools import partialmethod

import pytest
from jinja2 import Environment, FileSystemBytecodeCache
from made_study import make, make_in

__all__ = ["make", "make_in"]


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep compiled templates by their text: to compile them takes a third of the time of a document."""
    cache = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Environment, "__init__", partialmethod(Environment.__init__, bytecode_cache=cache))
        yield
