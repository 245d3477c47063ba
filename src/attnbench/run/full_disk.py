"""How a full disk is recognised."""

import os
import tempfile
from pathlib import Path

from attnbench.errors import FULL

# how the system, SQLite (in DVC) and `records.files` say that a disk is full
TEXTS = (*map(os.strerror, FULL), "database or disk is full", "no space left")


def full_text(text: str) -> str | None:
    """Return what a text says about a full disk, such as `No space left on device: '/a/file'`, or None."""
    for sign in TEXTS:
        if (start := text.lower().find(sign.lower())) >= 0:
            return text[start:].partition(";")[0].strip()
    return None


def full_folder(folder: Path) -> str | None:
    """Return what the system says when a megabyte is written into a folder on a full disk, or None if there is room."""
    try:
        with tempfile.TemporaryFile(dir=folder) as stream:
            stream.write(bytes(2**20))
            stream.flush()
    except OSError as error:
        return f"{error.strerror}: {folder}" if error.errno in FULL else None
    return None
