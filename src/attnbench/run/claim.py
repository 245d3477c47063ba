"""One process at a time runs a study, or changes its records."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attnbench.records import files
from attnbench.study.paths import StudyPaths


@contextmanager
def claimed_study(paths: StudyPaths) -> Iterator[None]:
    """Make this the only process that runs a study or changes its records, until it ends.

    Raises:
        UserError: another process does, and the text says which.
    """

    def refusal(process: str) -> str:
        return (
            f"study {paths.name!r} is being run by process {process}, and needs no second one. Wait until it has "
            "ended; its log is in the terminal that started it"
        )

    with files.locked(_lock(paths), refusal):
        yield


def process_that_runs(paths: StudyPaths) -> str | None:
    """Return the number of the process that has claimed a study; None if none has. Nothing is written."""
    try:
        with _lock(paths).open(encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # released as the file is closed
    except BlockingIOError:
        return _lock(paths).read_text(encoding="utf-8").strip() or "(just started)"
    except OSError:  # nothing has run here, or for another user
        return None
    return None


def _lock(paths: StudyPaths) -> Path:
    return paths.root / "work" / paths.name / "run.lock"
