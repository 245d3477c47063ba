"""The state of a run on disk: saved after each epoch, and kept until DVC has recorded the run.

It is not a DVC output, because DVC deletes a stage's outputs before the stage runs. Only the run that it belongs to
uses it: same images, code, values and class of machine. `records.states.release_recorded` removes it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from attnbench.records import Identity, files, first_problem, tensors
from attnbench.records.io import recordable
from attnbench.records.states import Finished, StateHeader
from attnbench.records.tensors import Array
from attnbench.train.state import FORMAT, State


class RefusedError(Exception):
    """A saved state that the run cannot resume from; the text says why."""


class Unfinished:
    """The saved state of one run; `run` is the run's name, such as `cbam-0`."""

    def __init__(self, path: Path, run: str, identity: Identity) -> None:
        self.path = path
        self.run = run
        self.identity = identity

    def save(self, state: State) -> None:
        """Replace the saved state, all or nothing.

        Raises:
            UserError: the disk is full; the last saved state is unchanged.
        """
        self._write(state)

    def load(self) -> State | None:
        """Return the saved state, or None if there is none.

        Raises:
            RefusedError: the file is damaged, or belongs to another run.
        """
        saved = self._read()
        return None if saved is None else saved[0]

    def complete(self, finished: Finished) -> Finished:
        """Save the records of the finished run with its last state; return those to write.

        They are the ones that were saved first: a run that is evaluated again took no other time to train.

        Raises:
            UserError: the disk is full; the saved state is unchanged.
        """
        try:
            saved = self._read()
        except RefusedError:  # damaged since it was written; the run has finished without it
            return finished
        if saved is None:
            return finished
        state, earlier = saved
        if earlier is not None and earlier.record == finished.record:
            return earlier
        self._write(state, finished)
        return finished

    def _write(self, state: State, finished: Finished | None = None) -> None:
        header = StateHeader(
            run=self.run, format=FORMAT, identity=self.identity, values=state.values, finished=finished, sha256=""
        )
        header = header.model_copy(update={"sha256": _sha256(header, state.arrays)})
        tensors.write(self.path, state.arrays, header.model_dump(mode="json"))

    def _read(self) -> tuple[State, Finished | None] | None:
        try:
            arrays, about = tensors.read(self.path)
            header = StateHeader.model_validate(about)
        except FileNotFoundError:
            return None
        except tensors.DamagedError as error:
            raise RefusedError(f"{self.path} is damaged: {error}") from None
        except ValidationError as error:
            raise RefusedError(f"{self.path} is damaged: {first_problem(error)}") from None
        if header.sha256 != _sha256(header, arrays):
            raise RefusedError(f"{self.path} is damaged: its content is not what was written")
        if differences := self._differences(header):
            raise RefusedError(f"{self.path} was left by a run that differs in {' and '.join(differences)}")
        return State(arrays, header.values), header.finished

    def _differences(self, header: StateHeader) -> list[str]:
        names = [difference.name for difference in self.identity.differences(header.identity)]
        if header.run != self.run:
            names.append("name")
        if header.format != FORMAT:
            names.append("format of states")
        return names


@contextmanager
def claimed(path: Path) -> Iterator[None]:
    """Make this the only process that works on the run whose state is saved at `path`.

    Raises:
        UserError: another process works on the run, and the text says which; or the run gave what cannot be recorded.
    """
    lock = path.with_suffix(".lock")

    def refusal(process: str) -> str:
        return (
            f"process {process} is running this training run (it holds {lock}); wait until it ends, or stop it and "
            "start this again: it resumes after the last completed epoch"
        )

    with files.locked(lock, refusal):
        for leftover in path.parent.glob(f".{path.name}.*.tmp"):  # of a process killed while it was writing
            leftover.unlink()
        with recordable("train"):
            yield


def _sha256(header: StateHeader, arrays: Mapping[str, Array]) -> str:
    return files.sha256_of_json(
        {
            "header": header.model_dump(mode="json", exclude={"sha256"}),
            "arrays": {name: tensors.sha256(array) for name, array in arrays.items()},
        }
    )
