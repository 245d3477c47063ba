"""Which files running stages read and write: DVC's `rwlock`, so that other DVC commands stay away from them."""

import json
import os
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class FilesInUse:
    """The entries of this process in the `rwlock` of a repository, DVC's `Repo`.

    DVC's own `rwlock` is a context, so it needs one for each stage, and these write the file when Python finalises an
    interpreter that ends with an error. Entries of processes that have ended count for nothing.
    """

    def __init__(self, repo: Any) -> None:
        self._place = repo.tmp_dir, repo.fs, repo.config["core"].get("hardlink_lock", False)
        # DVC's methods ask for the same files, and get them since process and command are the same
        self._info = {"pid": os.getpid(), "cmd": " ".join(sys.argv)}
        self._users = Counter[str]()  # path -> the running stages that read or write it

    def repair(self) -> None:
        """Remove the file if it was cut short while DVC wrote it, or if all of its processes have ended.

        DVC would refuse every command, or wait for a process that has got the number of one that was killed.
        """
        rwlock = Path(self._place[0]) / "rwlock"
        try:
            written, entries = rwlock.stat().st_mtime, json.loads(rwlock.read_bytes())
            readers = (info for infos in entries.get("read", {}).values() for info in infos)
            users = {info["pid"] for info in (*readers, *entries.get("write", {}).values())}
            if not users or any(_may_have_written(user, written) for user in users):
                return
        except FileNotFoundError:
            return
        except (ValueError, TypeError, KeyError, AttributeError):
            pass
        rwlock.unlink()

    def add(self, reads: Collection[str], writes: Collection[str]) -> None:
        """Enter what a stage reads and writes.

        Raises:
            LockError: of DVC; another command writes some of these, or reads what the stage writes.
        """
        # imported here and below: DVC takes half a second
        from dvc.rwlock import _check_blockers  # noqa: PLC0415

        with self._entries() as entries:
            folder = self._place[0]
            _check_blockers(folder, entries, self._info, mode="write", waiters=[*reads, *writes])
            _check_blockers(folder, entries, self._info, mode="read", waiters=list(writes))
            readers = entries.setdefault("read", {})  # DVC deletes what is empty
            for path in reads:
                if self._info not in readers.setdefault(path, []):
                    readers[path].append(self._info)
            entries.setdefault("write", {}).update(dict.fromkeys(writes, self._info))
        self._users.update([*reads, *writes])

    def remove(self, paths: Collection[str]) -> None:
        """Remove the entries of what a stage has read and written, unless another one uses them."""
        free = [path for path in paths if self._users[path] == 1]
        with self._entries() as entries:
            for path in free:
                entries["write"].pop(path, None)
                readers = entries["read"].pop(path, [])
                if others := [info for info in readers if info != self._info]:
                    entries["read"][path] = others
        self._users.subtract(paths)

    @contextmanager
    def _entries(self) -> Iterator[Any]:
        """Read the file, and write what the caller has made of it."""
        from dvc.rwlock import _edit_rwlock  # noqa: PLC0415

        with _edit_rwlock(*self._place) as entries:
            yield entries


def _may_have_written(process: int, written: float) -> bool:
    """Return whether a process lives, and lived at a time: numbers of processes are given again, as after a restart."""
    import psutil  # noqa: PLC0415 -- with DVC

    try:
        return bool(psutil.Process(process).create_time() <= written + 2)  # known to a second
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
