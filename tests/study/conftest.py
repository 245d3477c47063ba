"""Each test spoils one place of the small valid params.yaml and reads the error."""

from collections.abc import Callable
from pathlib import Path

import params
import pytest

from attnbench import study
from attnbench.errors import UserError


@pytest.fixture
def valid() -> str:
    """Return the valid text."""
    return params.TEXT


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes the valid file with one text replaced by another."""

    def write(old: str = "", new: str = "") -> Path:
        assert old in params.TEXT
        path = tmp_path / "params.yaml"
        path.write_text(params.TEXT.replace(old, new, 1) if old else params.TEXT)
        return path

    return write


def refusal(path: Path) -> str:
    """Return the error message for the file."""
    with pytest.raises(UserError) as caught:
        study.load(path)
    return str(caught.value)
