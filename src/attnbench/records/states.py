"""Saved states of runs: what a state says about itself, and when it may go.

A state is needed until DVC has recorded its run, which is after the stage has ended: DVC hashes the outputs, copies
them into its cache and only then writes dvc.lock. If that fails, or never happens, DVC deletes the outputs and starts
the stage again.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from attnbench.errors import UserError
from attnbench.records import files, tensors
from attnbench.records.identity import Identity
from attnbench.records.io import Record
from attnbench.records.lock import Entry, md5, md5_of, outputs, read_entries
from attnbench.records.runs import RunRecord, TimingRecord
from attnbench.study.paths import StudyPaths

_ENTRY = TypeAdapter(Entry)


class Finished(Record):
    """The records of a finished run, kept so that it leaves the same ones when it is evaluated again."""

    record: RunRecord
    timing: TimingRecord


class StateHeader(Record):
    """What a saved state says about itself."""

    run: str
    format: int
    identity: Identity
    values: dict[str, Any]
    finished: Finished | None
    sha256: str  # of all of the above and of the arrays


def release_recorded(paths: StudyPaths, lock: Path) -> None:
    """Remove the states of finished runs that a dvc.lock names with the same records.

    The entry in dvc.lock is kept in place of the state: DVC writes dvc.lock in place, and may be stopped half-way.

    Raises:
        UserError: the disk is full.
    """
    states = {state: finished for state in paths.states.glob("*.safetensors") if (finished := _finished(state))}
    if not states:
        return
    try:
        entries = read_entries(lock)
    except (FileNotFoundError, UserError):  # nothing is recorded yet, or DVC is writing it now
        return
    for state, finished in states.items():
        entry = entries.get(f"train@{state.stem}")
        if entry is not None and _names(entry, paths, finished):
            files.write_text(paths.lock_entry(state.stem), json.dumps(entry, indent=1) + "\n")
            state.unlink(missing_ok=True)


def read_kept_entry(path: Path) -> Entry | None:
    """Return an entry that was kept in place of a state; None if the file is damaged."""
    try:
        entry = _ENTRY.validate_json(files.content(path))
        outputs(entry)
    except (UserError, ValidationError):
        return None
    return entry


def describes_files(entry: Entry, paths: StudyPaths, run: str) -> bool:
    """Return whether an entry of dvc.lock has the MD5 of every output of a run that is on the disk."""
    variant, _, seed = run.rpartition("-")
    named = outputs(entry)
    return seed.isdecimal() and all(
        named.get(path.relative_to(paths.root).as_posix()) == (md5_of(path) if path.is_file() else None)
        for path in paths.outputs(variant, int(seed))
    )


def _finished(state: Path) -> Finished | None:
    """Return the records in a state; None if its run has not finished, or if it cannot be read."""
    try:
        return StateHeader.model_validate(tensors.read_description(state)).finished
    except (FileNotFoundError, tensors.DamagedError, ValidationError):  # another process may remove it
        return None


def _names(entry: Entry, paths: StudyPaths, finished: Finished) -> bool:
    """Return whether an entry names all outputs of a run, none of them cut short, and these records."""
    named = outputs(entry)
    run = finished.record.variant, finished.record.seed
    md5s = {path: named.get(path.relative_to(paths.root).as_posix(), "") for path in paths.outputs(*run)}
    return (
        all(len(value) == len(md5(b"")) for value in md5s.values())
        and md5s[paths.record(*run)] == md5(files.json_text(finished.record.model_dump(mode="json")).encode())
        and md5s[paths.timing(*run)] == md5(files.json_text(finished.timing.model_dump(mode="json")).encode())
    )
