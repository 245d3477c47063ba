"""The states of all files that DVC looked at when it found a study up to date.

While they are the same, a run has nothing to ask: DVC takes many seconds for a thousand stages. The state of a file is
its time, size and inode; by these DVC, too, knows a file that it has hashed before.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from stat import S_ISDIR

from attnbench.errors import UserError
from attnbench.records import files
from attnbench.study.paths import StudyPaths

States = dict[str, list[int] | None]  # path -> time of the last change in ns, size, inode; None: it does not exist


def of(paths: Iterable[Path]) -> States:
    """Return the states of files, and of all files in folders; as DVC, ignore `__pycache__` and follow no link."""
    states: States = {}
    for path in dict.fromkeys(paths):
        states[str(path)] = state = _of(path)
        if state == []:
            inside = {str(file): _of(file) for file in path.rglob("*") if "__pycache__" not in file.parts}
            states |= {file: state for file, state in inside.items() if state != []}
    return states


def _of(path: Path) -> list[int] | None:
    """Return the state of one file; a folder has none, since what DVC ignores in it changes its time."""
    try:
        status = path.stat()
    except OSError:
        return None
    return [] if S_ISDIR(status.st_mode) else [status.st_mtime_ns, status.st_size, status.st_ino]


def note(paths: StudyPaths, states: States, *, allow_missing: bool) -> None:
    """Note the states of the files of a study that is up to date; on a full disk nothing is noted.

    With `allow_missing` it is up to date if absent files are accepted.
    """
    with suppress(UserError):
        files.write_text(_file(paths), json.dumps({_root(paths): {"missing": allow_missing, "states": states}}))


def are_noted(paths: StudyPaths, *, allow_missing: bool) -> bool:
    """Return whether a study was up to date, and no file of it has changed since."""
    try:
        noted = json.loads(files.content(_file(paths)))[_root(paths)]
        return noted["missing"] <= allow_missing and bool(noted["states"] == of(map(Path, noted["states"])))
    except (UserError, ValueError, TypeError, KeyError):  # none, damaged, or copied with the repository
        return False


def _root(paths: StudyPaths) -> str:
    return str(paths.root.resolve())


def _file(paths: StudyPaths) -> Path:
    return paths.root / "work" / paths.name / "up_to_date.json"
