"""The files of cells on a cluster: what a worker needs to have, and what comes back."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from attnbench.records import files
from attnbench.run.engine import Cell


class CellFiles:
    """Inputs by their hash, and outputs, in the repository `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._hashes: dict[str, tuple[tuple[int, ...], str]] = {}

    def inputs(self, cell: Cell) -> dict[str, str]:
        """Return the SHA-256 of each file that a cell needs: what it reads, and every params.yaml.

        A study may name another one.
        """
        params = [self._root / "params.yaml", *sorted((self._root / "studies").glob("*/params.yaml"))]
        paths = [*cell.reads, *(path.relative_to(self._root).as_posix() for path in params if path.exists())]
        return {path: self._sha256(path) for path in dict.fromkeys(paths)}

    def content(self, path: str) -> bytes:
        """Return an input."""
        return (self._root / path).read_bytes()

    def write(self, outputs: Mapping[str, bytes]) -> None:
        """Write all outputs of a cell, or none.

        Raises:
            UserError: they cannot be written.
        """
        with ExitStack() as stack:
            for path, content in outputs.items():
                with stack.enter_context(files.replacing(self._root / path)).open("wb") as stream:
                    stream.write(content)
                    os.fsync(stream.fileno())  # a disk that is full says so before the first file is replaced

    def _sha256(self, path: str) -> str:
        """Return the hash of a file, computed again only if the file changed."""
        state = (self._root / path).stat()
        key = (state.st_mtime_ns, state.st_size, state.st_ino)
        if self._hashes.get(path, ((), ""))[0] != key:
            self._hashes[path] = key, files.sha256_of(self._root / path)
        return self._hashes[path][1]
