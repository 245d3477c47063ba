"""Files are written all or nothing; errors a user can fix are one sentence."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from pydantic import ValidationError

from attnbench import records
from attnbench.errors import UserError
from attnbench.records import TimingRecord, files, tensors
from attnbench.records.curves import EpochRow, write_epochs, write_iterations


def timing(**changes):
    values = {
        "study": "s",
        "variant": "v",
        "seed": 0,
        "seconds_per_epoch": [1.5],
        "evaluation_seconds": [0.5],
        "total_seconds": 3.0,
        "images_per_second": 10.0,
        "continued_after": 0,
        "load_average": 0.25,
        "cores": 2,
        "processor": "p",
    }
    return TimingRecord(**(values | changes))


def test_an_error_while_writing_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"b": 1, "a": [0.5]})

    def fail_halfway():
        with files.replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail_halfway()
    assert path.read_text() == '{\n "a": [\n  0.5\n ],\n "b": 1\n}\n'
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_a_file_is_on_the_disk_before_it_replaces_another(tmp_path, monkeypatch):
    path, flushed = tmp_path / "file", []
    path.write_text("old")

    def flush(written):
        flushed.append((written.is_dir(), path.read_text()))

    monkeypatch.setattr(files, "_flush", flush)
    files.write_text(path, "new")
    assert flushed == [(False, "old"), (True, "new")]


def test_several_files_are_replaced_together_or_not_at_all(tmp_path):
    folder = tmp_path / "report"
    files.write_text(folder / "a.csv", "old")
    files.write_text(folder / "other.csv", "stays")
    (folder / "figures" / "b.csv").mkdir(parents=True)

    def write(*names):
        with files.replacing_several(folder) as temporary:
            assert temporary.parent == folder  # which may be a file system of its own
            for name in names:
                files.write_text(temporary / name, "new")

    with pytest.raises(UserError, match=f"^{folder}.*nnn.*cannot be written: File name too long"):
        write("a.csv", "n" * 300)
    with pytest.raises(UserError, match=f"^{folder / 'figures' / 'b.csv'} is a folder"):
        write("a.csv", "figures/b.csv")
    assert (folder / "a.csv").read_text() == "old"
    write("a.csv", "figures/c.csv")
    assert {path.name: path.read_text() for path in folder.rglob("*") if path.is_file()} == {
        "a.csv": "new",
        "c.csv": "new",
        "other.csv": "stays",
    }
    assert list(tmp_path.iterdir()) == [folder]
    assert {path.name for path in folder.iterdir()} == {"a.csv", "figures", "other.csv"}


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_files_follow_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        files.write_text(tmp_path / "a.txt", "text")
        tensors.write(tmp_path / "b.safetensors", {"a": np.zeros(3)}, {})
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in sorted(tmp_path.iterdir())] == [mode, mode]


def test_a_path_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    before = sorted(tmp_path.iterdir())
    for name, message in [
        ("folder", "is a folder, so no file can be written there"),
        ("pipe", "is a device or a pipe, so no file can be written there"),
        ("pipe/file", "cannot be written: File exists; move away"),
        ("n" * 250, "cannot be written: File name too long; choose a shorter"),
    ]:
        with pytest.raises(UserError, match=message):
            files.write_text(tmp_path / name, "text")
    assert sorted(tmp_path.iterdir()) == before


def test_equal_values_give_equal_json_and_nan_is_refused(tmp_path):
    files.write_json(tmp_path / "1.json", {"b": 1, "a": 2})
    files.write_json(tmp_path / "2.json", {"a": 2, "b": 1})
    assert files.sha256_of(tmp_path / "1.json") == files.sha256_of(tmp_path / "2.json")
    assert files.sha256_of_json({"b": 1, "a": 2}) == files.sha256_of_json({"a": 2, "b": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "3.json", {"a": float("nan")})
    assert not (tmp_path / "3.json").exists()


@pytest.mark.parametrize("content", ["tensors", "text"])
def test_a_full_disk_ends_in_one_sentence_and_leaves_nothing(tmp_path, content):
    """A limit on the size of files makes the write fail in the middle, as a full disk does."""
    program = f"""
        import resource, signal
        from pathlib import Path
        import numpy as np
        from attnbench import errors
        from attnbench.records import files, tensors
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        path = Path({str(tmp_path)!r}) / "out"
        def main():
            if {content!r} == "tensors":
                tensors.write(path, {{"a": np.zeros(100_000)}}, {{}})
            else:
                files.write_text(path, "x" * 200_000)
        errors.run_main(main)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: no space left for {tmp_path / 'out'}; nothing of it was kept. Free some")
    assert list(tmp_path.iterdir()) == []


def test_advice_names_the_study_of_a_file(tmp_path):
    for path in ("results/mine/runs/se-0.json", "reports/mine/tables/runs.csv"):
        with pytest.raises(UserError, match=r" is missing; `attnbench run mine` makes it$"):
            files.content(tmp_path / path)


def test_records_come_back_as_they_were(tmp_path):
    records.write(tmp_path / "t.json", timing())
    assert records.read(tmp_path / "t.json", TimingRecord) == timing()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"t\.json is missing; `attnbench run STUDY` makes it"),
        ("{", r"t\.json is not a TimingRecord: the file: Invalid JSON.*delete it and run `attnbench run STUDY`"),
        ('{"study": 1}', r"t\.json is not a TimingRecord: study: Input should be a valid string"),
    ],
)
def test_an_invalid_record_is_refused(tmp_path, text, message):
    path = tmp_path / "t.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=message):
        records.read(path, TimingRecord)


def test_curves_as_csv(tmp_path):
    write_epochs(tmp_path / "e.csv", [EpochRow(1, 0.1, 2.123456789, 0.5, 1.0, 0.25)])
    write_iterations(tmp_path / "i.csv", [0.5, 1 / 3])
    assert (tmp_path / "e.csv").read_text() == (
        "epoch,learning_rate,train_loss,train_accuracy,validation_loss,validation_accuracy\n1,0.1,2.12346,0.5,1,0.25\n"
    )
    assert (tmp_path / "i.csv").read_text() == "step,loss\n1,0.5\n2,0.333333\n"


def test_the_first_problem_of_a_document_names_its_field():
    with pytest.raises(ValidationError) as caught:
        TimingRecord.model_validate(timing().model_dump() | {"cores": "two", "seed": None})
    assert records.first_problem(caught.value).startswith("seed: Input should be a valid integer")
    with pytest.raises(ValidationError) as caught:
        TimingRecord.model_validate_json("{")
    assert records.first_problem(caught.value).startswith("the file: Invalid JSON")
