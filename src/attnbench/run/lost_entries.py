"""Putting back what a dvc.lock lost. DVC writes it in place: stopped half-way, or on a full disk, it is cut short.

Then it is no YAML, or it lacks the stages that came last, and DVC would run those again. What it said about each run
was kept when the state of the run was removed (`records.states`).
"""

from pathlib import Path
from typing import Any

from attnbench.errors import UserError
from attnbench.records import files
from attnbench.records.lock import ENTRY, HEAD, parse, read_entries
from attnbench.records.states import describes_files, read_kept_entry
from attnbench.run.dvc_errors import busy, unreadable
from attnbench.study.paths import StudyPaths
from attnbench.study.repository import PIPELINE


def put_back(root: Path, lock: Path, paths: StudyPaths) -> list[str] | None:
    """Repair a dvc.lock that was cut short; return the stages that were put back, or None if it is whole.

    The entry of a run is put back if its MD5s are those of the files, and those in dvc.lock are not.

    Raises:
        UserError: it is broken in another way, such as by a conflict in git, and is left as it is; or the disk is full,
            or DVC cannot read the project.
        BusyError: another DVC command holds the lock, so it may be writing the file.
    """
    if not lock.exists() or _repaired(lock, paths) is None:
        return None
    # imported here: DVC takes half a second
    from dvc.exceptions import DvcException  # noqa: PLC0415
    from dvc.lock import LockError  # noqa: PLC0415
    from dvc.repo import Repo  # noqa: PLC0415
    from dvc.utils.serialize import dumps_yaml  # noqa: PLC0415

    try:
        with Repo(str(root)) as repo, repo.lock:  # nothing else writes it meanwhile
            repaired = _repaired(lock, paths)
            if repaired is None:  # it was being written
                return None
            entries, lost = repaired
            files.write_text(lock, dumps_yaml({"schema": "2.0", "stages": entries}))
            return lost
    except LockError as error:
        raise busy(error) from None
    except DvcException as error:
        raise UserError(unreadable(PIPELINE, error, lock)) from None


def _repaired(lock: Path, paths: StudyPaths) -> tuple[dict[str, Any], list[str]] | None:
    """Return all entries and the stages that are put back, or None if nothing is to be done."""
    try:
        entries, is_cut = dict(read_entries(lock)), False
    except UserError:
        intact = _intact(lock.read_text(encoding="utf-8", errors="replace"))
        if intact is None:
            raise
        entries, is_cut = intact, True
    lost = []
    for kept in sorted(paths.lock_entries.glob("*.json")):
        name, entry = f"train@{kept.stem}", read_kept_entry(kept)
        listed = entries.get(name)
        if entry is None or listed == entry or not describes_files(entry, paths, kept.stem):
            continue
        if listed is None or not describes_files(listed, paths, kept.stem):
            entries[name] = entry
            lost.append(name)
    return (entries, lost) if lost or is_cut else None


def _intact(text: str) -> dict[str, Any] | None:
    """Return the entries of a file that was cut short, without the last one; None if it was not merely cut."""
    if HEAD.startswith(text):
        return {}
    starts = [match.start() for match in ENTRY.finditer(text)]
    if not text.startswith(HEAD) or not starts:
        return None
    if len(starts) == 1:
        return {}
    try:
        return parse(text[: starts[-1]])
    except ValueError:
        return None
