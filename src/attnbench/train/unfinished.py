"""The state of a run that has begun and not ended, on disk: written after each epoch, removed with the run's record.

It lies outside DVC's outputs, which DVC deletes before a stage runs. A state is used only by the run that it belongs
to: same images, code, values and class of machine. It is safetensors, so that reading it runs nothing.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from attnbench.errors import UserError
from attnbench.records import Identity, files
from attnbench.train.state import FORMAT, State

WORDS = {
    "run": "name",
    "data": "images",
    "code": "code",
    "params": "values in params.yaml",
    "environment": "class of machine",
    "format": "format of states",
}


class Refused(Exception):
    """A state that cannot be gone on from; the text says why."""


class Unfinished:
    """Where the state of one run is kept; `run` is its name, such as `cbam-0`, and `identity` what it is made from."""

    def __init__(self, path: Path, run: str, identity: Identity) -> None:
        self.path = path
        self.identity = {"run": run, "format": FORMAT, **identity.model_dump(mode="json")}

    def save(self, state: State) -> None:
        """Put a state in the place of the last one, all or nothing.

        Raises:
            UserError: there is no room; the last one is as it was.
        """
        about = {"identity": self.identity, "values": state.values}
        # one metadata entry, since several are written in random order
        header = json.dumps(about | {"sha256": _sha256(state.tensors, about)}, sort_keys=True)
        with files.replacing(self.path) as temporary:
            save_file(state.tensors, temporary, metadata={"attnbench": header})

    def load(self) -> State | None:
        """Return the state that was saved last, or None where there is none.

        Raises:
            Refused: the file is damaged, or belongs to another run.
        """
        if not self.path.exists():
            return None
        tensors, about = self._read()
        other = [words for field, words in WORDS.items() if about["identity"][field] != self.identity[field]]
        if other:
            raise Refused(f"{self.path} was left by a run with other {' and other '.join(other)}")
        return State(tensors, about["values"])

    def _read(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        try:
            with safe_open(self.path, framework="pt") as stream:
                about: dict[str, Any] = json.loads((stream.metadata() or {})["attnbench"])
                tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
            if about.pop("sha256") != _sha256(tensors, about) or not set(WORDS) <= set(about["identity"]):
                raise Refused(f"{self.path} is damaged: its content is not what was written")
        except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Refused(f"{self.path} is damaged: {error}") from None
        return tensors, about

    def discard(self) -> None:
        """Remove the state: the run has ended."""
        self.path.unlink(missing_ok=True)


@contextmanager
def claimed(path: Path) -> Iterator[None]:
    """Be the only process at work on the run whose state is kept at `path`.

    The lock is the system's and ends with the process, however that ends; the file that it is on stays.

    Raises:
        UserError: another process is at work on it; the text says which.
    """
    lock = path.with_suffix(".lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 64).decode().strip() or "(it has just begun)"
            raise UserError(
                f"process {holder} is at work on this run (it holds {lock}); wait until it ends, or stop it and start "
                "this again: it goes on from the last whole epoch"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        for left in path.parent.glob(f".{path.name}.*.tmp"):  # by a process killed while it wrote
            left.unlink()
        yield
    finally:
        os.close(descriptor)


def _sha256(tensors: dict[str, Tensor], about: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(memoryview(tensor.flatten().numpy()).cast("B"))  # type: ignore[arg-type] # numpy types its buffers from 3.12 on
    return digest.hexdigest()
