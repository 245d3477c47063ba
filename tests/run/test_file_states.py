"""A study whose files are those that DVC found up to date is not asked about again; after any change it is."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from attnbench.run import file_states
from attnbench.study import StudyPaths


def replace_by_another_of_the_same_size_and_time(file: Path) -> None:
    status = file.stat()
    other = file.with_name("other")
    other.write_text("b")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(file)


@pytest.mark.parametrize(
    ("change", "noted"),
    [
        (lambda root: None, True),
        (lambda root: (root / "src/__pycache__/a.pyc").write_text("b"), True),
        (lambda root: (root / "src/a.py").write_text("b"), False),
        (lambda root: replace_by_another_of_the_same_size_and_time(root / "src/a.py"), False),
        (lambda root: (root / "src/a.py").unlink(), False),
        (lambda root: (root / "src/new.py").write_text("b"), False),
        (lambda root: (root / "lock").write_text("changed"), False),
        (lambda root: (root / "absent").write_text(""), False),
        (lambda root: (root / "work/small/up_to_date.json").write_text('{"'), False),
        (lambda root: (root / "work/small/up_to_date.json").unlink(), False),
    ],
)
def test_any_change_of_a_file_is_noticed(change: Callable[[Path], object], noted: bool, tmp_path: Path) -> None:
    (tmp_path / "src/__pycache__").mkdir(parents=True)
    for name in ("src/a.py", "src/__pycache__/a.pyc", "lock"):
        (tmp_path / name).write_text("a")
    paths = StudyPaths("small", tmp_path)
    file_states.note(paths, file_states.of(tmp_path / name for name in ("src", "lock", "absent")), allow_missing=False)
    change(tmp_path)
    for allow_missing in (False, True):
        assert file_states.are_noted(paths, allow_missing=allow_missing) is noted


def test_where_files_may_be_missing_a_study_is_up_to_date_only_for_a_run_that_allows_it(tmp_path: Path) -> None:
    paths = StudyPaths("small", tmp_path)
    file_states.note(paths, file_states.of([tmp_path / "absent"]), allow_missing=True)
    assert file_states.are_noted(paths, allow_missing=True)
    assert not file_states.are_noted(paths, allow_missing=False)


def test_a_copy_of_a_repository_is_not_taken_for_the_original(tmp_path: Path) -> None:
    original = StudyPaths("small", tmp_path / "original")
    original.root.mkdir()
    (original.root / "lock").write_text("a")
    file_states.note(original, file_states.of([original.root / "lock"]), allow_missing=False)
    shutil.copytree(original.root, tmp_path / "copy")
    assert file_states.are_noted(original, allow_missing=False)
    assert not file_states.are_noted(StudyPaths("small", tmp_path / "copy"), allow_missing=False)
