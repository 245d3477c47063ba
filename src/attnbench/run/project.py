"""DVC's part of a run, in this process: which stages are stale, and the record of those that have run.

A stage runs as in `dvc repro -s`: its outputs are removed, the command runs, dvc.lock and the cache get what it read
and wrote. Meanwhile DVC's own `rwlock` names its files, so that other DVC commands stay away from them.
"""

import logging
import shlex
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from attnbench.errors import UserError
from attnbench.records import files
from attnbench.records.lock import md5_of, read_entries, remedy, with_entries
from attnbench.run import file_states
from attnbench.run.dvc_errors import BusyError, busy, reason, unreadable
from attnbench.run.engine import DiskFullError
from attnbench.run.files_in_use import FilesInUse
from attnbench.run.full_disk import full_folder, full_text
from attnbench.run.graph import Stage
from attnbench.study.repository import LOCK, PIPELINE


@dataclass(frozen=True)
class Brought:
    """A file that a stage wrote elsewhere: its content, or its path there, and its MD5."""

    source: bytes | Path
    md5: str

    def write(self, path: Path) -> None:
        """Write it to a new file.

        Raises:
            UserError: it is gone, cannot be read, or no longer has that MD5.
        """
        if isinstance(self.source, bytes):
            path.write_bytes(self.source)
        else:
            try:
                shutil.copyfile(self.source, path)
            except OSError as error:
                if error.filename != str(self.source):
                    raise
                raise UserError(
                    f"{self.source} cannot be copied ({error.strerror}); wait until nothing writes it, or make it "
                    "readable, and try again"
                ) from None
        if md5_of(path) != self.md5:
            raise UserError(f"{self.source!s} changed while it was copied; wait until nothing writes it, and try again")


class Project:
    """The stages of one dvc.yaml. Only this file is loaded, so other studies cost nothing.

    With `allow_missing` a stage is not stale merely because outputs of it are absent that DVC keeps in its cache, as
    weights are in a clone; it is if a stale stage reads what is absent, or if a file is absent that git keeps.

    Raises:
        UserError: DVC cannot read the project, or a file of it is a pipe or a device.
        BusyError: another DVC command holds the lock.
    """

    def __init__(self, root: Path, file: str, *, allow_missing: bool = False) -> None:
        # imported here and below: DVC takes half a second, and an invalid params.yaml is refused first
        from dvc.exceptions import DvcException  # noqa: PLC0415
        from dvc.lock import make_lock  # noqa: PLC0415
        from dvc.repo import Repo  # noqa: PLC0415
        from dvc.repo.graph import build_graph  # noqa: PLC0415

        for name in ("dvc.progress", "dvc_data.callbacks"):  # their bars would be drawn over that of the run
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._path = root / file
        self._file = file
        self._lock = self._path.with_name(LOCK)
        self._allow_missing = allow_missing
        self._running: set[str] = set()  # the stages whose files are in use
        if self._lock.is_dir():
            raise UserError(f"{self._lock.relative_to(root)} is a folder; remove it. {remedy(self._lock)}")
        _refuse_endless(root, [self._path, self._lock])
        settings = (".dvc/config", ".dvc/config.local", ".dvcignore")
        self._loaded = file_states.of([self._path, self._lock, *(root / name for name in settings)])
        try:
            self._repo = Repo(str(root))
        except DvcException as error:
            raise UserError(unreadable(file, error, self._lock)) from None
        folder = Path(self._repo.tmp_dir)
        hardlink = self._repo.config["core"].get("hardlink_lock", False)
        # DVC's own would draw a bar
        self._repo.lock = make_lock(str(folder / "lock"), tmp_dir=str(folder), hardlink_lock=hardlink)
        self._files_in_use = FilesInUse(self._repo)
        self._stages: dict[str, Any] = {}
        self._read = file_states.States()  # of dvc.lock, when the stages were loaded or this process wrote it
        with self._locked():
            loaded = list(self._stages.values())
            if not loaded:  # then nothing would be stale
                raise UserError(f"{file} has no stages; restore it with `git checkout HEAD -- {PIPELINE}`")
            _refuse_endless(root, (Path(item.fs_path) for stage in loaded for item in (*stage.deps, *stage.outs)))
            self._needs = build_graph(loaded).adj

    def __enter__(self) -> "Project":
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(BusyError):  # DVC ignores entries of processes that have ended
            self.release(list(self._running))
        self._repo.close()

    def stages(self) -> list[Stage]:
        """Return the stages in the order of the file; one whose files are in use counts as stale."""
        with self._locked(), _params_read_once():
            changed = {stage for stage in self._stages.values() if self._may_have_changed(stage)}
            stale = changed | self._absent_writers(changed)
            return [
                Stage(
                    name=stage.name,
                    changed=stage in changed,
                    stale=stage in stale,
                    needs=frozenset(needed.name for needed in self._needs[stage]),
                    alone=bool((stage.meta or {}).get("alone")),
                    command=tuple(shlex.split(stage.cmd)),
                    reads=self._from_root(stage.deps),
                    writes=self._from_root(stage.outs),
                )
                for stage in self._stages.values()
            ]

    def file_states(self) -> file_states.States:
        """Return the states of all files on which `stages` depends; ask for them before."""
        loaded = self._stages.values()
        items = [Path(item.fs_path) for stage in loaded for item in (*stage.deps, *stage.outs)]
        outs = [out for stage in loaded for out in stage.outs if out.use_cache and out.hash_info]
        return (
            file_states.of([*items, *(Path(out.cache.oid_to_path(out.hash_info.value)) for out in outs)]) | self._loaded
        )

    def _from_root(self, files: Iterable[Any]) -> tuple[str, ...]:
        """Return the paths of DVC's dependencies or outputs, each once."""
        root = Path(self._repo.root_dir)
        return tuple(dict.fromkeys(Path(file.fs_path).relative_to(root).as_posix() for file in files))

    def changed(self, name: str) -> bool:
        """Return whether a stage is stale now.

        Raises:
            InUseError: another DVC command runs it, or a stage with the same files.
        """
        with self._locked():
            return self._changed(self._stages[name])

    def absent_writers(self, name: str) -> set[str]:
        """Return the stages that write what a stage reads, directly or not, and what is absent."""
        return {writer.name for writer in self._absent_writers([self._stages[name]])}

    def absent_inputs(self) -> dict[str, list[set[str]]]:
        """Return the stages that write each absent file or folder, by the name of the stage that reads it."""
        return {
            stage.name: [
                {
                    writer.name
                    for writer in self._needs[stage]
                    if any(Path(out.fs_path).is_relative_to(dependency.fs_path) for out in writer.outs)
                }
                for dependency in stage.deps
                if not dependency.exists
            ]
            for stage in self._stages.values()
        }

    def prepare(self, name: str) -> bool:
        """Make a stage ready to run, as DVC does: remove its outputs, and note what it reads.

        Return False if DVC has its outputs in the cache of runs and has put them there, so that it need not run.

        Raises:
            InUseError: another DVC command uses its files.
            UserError: it reads what does not exist.
        """
        from dvc.stage.cache import RunCacheNotFoundError  # noqa: PLC0415

        stage = self._stages[name]
        with self._locked():
            if name not in self._running:  # a stage that was killed starts again
                self._files_in_use.add(*_reads_and_writes(stage))
                self._running.add(name)
            stage.remove_outs()
            try:
                self._repo.stage_cache.restore(stage)
            except RunCacheNotFoundError:
                stage.save_deps()
                return True
            stage.save_deps()
            return False

    def record(self, names: Sequence[str]) -> dict[str, str]:
        """Record stages that have run: their outputs in the cache, their entries in dvc.lock.

        Return why some were not recorded, by name: an output is missing, or what it depends on changed while it ran.

        Raises:
            BusyError: another DVC command holds the lock; nothing was recorded.
            DiskFullError: those before it are recorded, if there was room for dvc.lock.
        """
        from dvc.exceptions import DvcException  # noqa: PLC0415
        from dvc.stage.serialize import to_lockfile  # noqa: PLC0415
        from dvc.utils.serialize import dumps_yaml  # noqa: PLC0415

        problems: dict[str, str] = {}
        entries: dict[str, str] = {}
        with self._locked(), self._written(entries):
            for name in names:
                stage = self._stages[name]
                if changed := [str(dependency) for dependency in stage.deps if dependency.workspace_status()]:
                    problems[name] = f"not recorded, since {', '.join(changed)} changed while it ran; run it again"
                    continue
                try:
                    # as in `Stage.run` of DVC
                    run_cache = all(out.use_cache or out.is_metric or out.is_plot for out in stage.outs)
                    stage.save(run_cache=run_cache)
                    stage.commit()
                except DvcException as error:
                    _refuse_full_disk(stage)
                    problems[name] = reason(error, self._lock)
                else:
                    entries[name] = dumps_yaml({"stages": to_lockfile(stage)}).partition("\n")[2]
        with suppress(BusyError):  # then they are free when this process ends
            self.release([name for name in names if name not in problems])
        return problems

    def bring(self, brought: Mapping[Path, Brought], entries: Mapping[str, str]) -> None:
        """Write what stages have written elsewhere, and their entries to dvc.lock, by names of stages, as the last.

        Weights also go into the cache; without that DVC would train them again.

        Raises:
            BusyError: another DVC command holds the lock; nothing was written.
            UserError: a file cannot be written, or changes meanwhile; dvc.lock is as it was.
        """
        with self._locked():
            with ExitStack() as replaced:  # all are whole before the first takes its place
                for path, file in brought.items():
                    file.write(replaced.enter_context(files.replacing(path)))
            outs = (out for name in entries for out in self._stages[name].outs)
            for out in (out for out in outs if out.use_cache and Path(out.fs_path) in brought):
                out.save()
                out.commit()
            self._write(entries)

    @contextmanager
    def _written(self, entries: Mapping[str, str]) -> Iterator[None]:
        """Write the entries that the context has made to dvc.lock, also those before an error."""
        try:
            yield
        finally:
            if entries:
                self._write(entries)

    def _write(self, entries: Mapping[str, str]) -> None:
        """Write entries to dvc.lock, all or nothing."""
        lock = self._lock
        try:
            text = with_entries(lock.read_text(encoding="utf-8") if lock.exists() else "", entries)
        except ValueError:  # it also has what DVC writes for other commands
            stages = [self._stages[name] for name in entries]
            stages[0].dvcfile.dump_stages(stages, update_pipeline=False)
        else:
            files.write_text(lock, text)
            self._repo.scm_context.track_file(str(lock))
        self._read = file_states.of([lock])

    def release(self, names: Iterable[str]) -> None:
        """Let other DVC commands use the files of stages that have run, or that will not."""
        with self._locked():
            for name in self._running.intersection(names):
                reads, writes = _reads_and_writes(self._stages[name])
                self._files_in_use.remove([*reads, *writes])
                self._running.discard(name)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold DVC's lock."""
        from dvc.exceptions import DvcException  # noqa: PLC0415
        from dvc.lock import LockError  # noqa: PLC0415

        try:
            with self._repo.lock, self._repo.scm_context(quiet=True):
                self._files_in_use.repair()
                self._load()
                yield
        except LockError as error:
            raise busy(error) from None
        except DvcException as error:
            with suppress(FileNotFoundError):
                read_entries(self._lock)  # says more about one that is broken, as by a conflict in git
            raise UserError(unreadable(self._file, error, self._lock)) from None
        except (OSError, sqlite3.Error) as error:
            if (text := full_text(str(error))) is None:
                raise
            raise DiskFullError(text) from None

    def _load(self) -> None:
        """Load the stages, again if another command has written dvc.lock since: it may have run some of them.

        Those that run know what they read when they started, and those that params.yaml no longer has stay as they are.
        """
        from dvc.exceptions import DvcException  # noqa: PLC0415

        if self._stages and file_states.of([self._lock]) == self._read:
            return
        self._read = file_states.of([self._lock])
        try:
            loaded = {stage.name: stage for stage in self._repo.stage.load_all(str(self._path))}
        except DvcException:
            if not self._stages:
                raise
            return  # params.yaml is being edited, say; the end of the run says that it changed
        kept = {name: stage for name, stage in self._stages.items() if name in self._running or name not in loaded}
        names = self._stages or loaded
        self._stages = {name: kept.get(name) or loaded[name] for name in names}

    def _changed(self, stage: Any) -> bool:
        """Return whether a stage, as DVC's object, is stale; also if it lacks a file that git keeps."""
        return bool(stage.changed(allow_missing=self._allow_missing)) or any(
            not out.use_cache and not out.exists for out in stage.outs
        )

    def _may_have_changed(self, stage: Any) -> bool:
        from dvc.lock import LockError  # noqa: PLC0415

        try:
            return self._changed(stage)
        except LockError:  # another command runs it; when that has ended, `changed` tells
            return True

    def _absent_writers(self, stale: Iterable[Any]) -> set[Any]:
        """Return the stages, as DVC's objects, that write absent files which a stale stage reads, directly or not."""
        writers: set[Any] = set()
        waiting = list(stale)
        while waiting:
            reader = waiting.pop()
            reads = {dependency.fs_path for dependency in reader.deps}
            for writer in set(self._needs[reader]) - writers:
                if any(out.fs_path in reads and not out.exists for out in writer.outs):
                    writers.add(writer)
                    waiting.append(writer)
        return writers


@contextmanager
def _params_read_once() -> Iterator[None]:
    """Let DVC parse a params.yaml once, not once for each stage; what it has parsed must not be changed meanwhile.

    DVC looks up how to load a file in a dictionary; if it no longer does, `tests/run/test_stale.py` fails.
    """
    from dvc.utils.serialize import LOADERS, load_yaml  # noqa: PLC0415

    LOADERS[".yaml"] = cache(load_yaml)
    try:
        yield
    finally:
        LOADERS[".yaml"] = load_yaml


def _refuse_endless(root: Path, paths: Iterable[Path]) -> None:
    """Raise a UserError if one of these files, or a file in one of these folders, is a pipe or a device.

    DVC would wait for it, or read it without an end, while it holds its lock.
    """
    for path in paths:
        for file in path.rglob("*") if path.is_dir() else [path]:
            if file.exists() and not (file.is_file() or file.is_dir()):
                raise UserError(
                    f"{file.relative_to(root)} is a device or a pipe, not a file; remove it, and restore what was "
                    f"there with `git checkout HEAD -- {file.relative_to(root)}`"
                )


def _refuse_full_disk(stage: Any) -> None:
    """Raise a DiskFullError if a stage's outputs are on a full disk, which DVC takes for one that cannot link."""
    for folder in {Path(out.fs_path).parent for out in stage.outs}:
        if (full := full_folder(folder)) is not None:
            raise DiskFullError(full) from None


def _reads_and_writes(stage: Any) -> tuple[list[str], list[str]]:
    """Return the paths that a stage, as DVC's object, reads and writes."""
    reads = dict.fromkeys(dependency.fs_path for dependency in stage.deps)
    return list(reads), [out.fs_path for out in stage.outs]
