"""What all refusals of a bad input have in common, whatever the input."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from attnbench.errors import UserError

LONGEST = 1000  # characters of a line


def refused(action: Callable[[], object], folder: Path, expected: str) -> None:
    """Check that `action` raises one clear UserError which contains `expected`, and that `folder` stays as it was."""
    before = snapshot(folder)
    with pytest.raises(UserError) as caught:
        action()
    assert_clear(str(caught.value), expected)
    assert snapshot(folder) == before


def assert_clear(text: str, expected: str) -> None:
    """Check that a message says what is expected, in one line or one for each problem, and nothing a terminal obeys."""
    first, *lines = text.splitlines()
    assert expected in text
    assert "Traceback" not in text
    assert not lines or " problems in " in first
    assert all(line.isprintable() and len(line) <= LONGEST for line in (first, *lines))


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return kind, size and content of everything in a folder; links are not followed."""
    result = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(status.st_mode) and status.st_size < 2**20 else b""
        result[path.relative_to(folder).as_posix()] = (status.st_mode, 0 if path.is_dir() else status.st_size, content)
    return result
