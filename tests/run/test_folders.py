"""A folder is full or cannot be written; then one line names the reason, and one command ends the study as if nothing
had happened.

python -m pytest tests/run/test_folders.py -n0 -m slow        # as root, on Linux: it mounts
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Project, new_project
from .test_kills import content

FOLDERS = (".", "data", "results", "reports", "runs", "work", ".dvc/tmp", ".dvc/cache")
FULL = """
mkdir "$1.outside" && mount --bind "$1" "$1.outside" && mount -t tmpfs -o size=64m none "$1"
cp -a "$1.outside/." "$1/" && cd "$1"
cat /dev/zero > filler 2> /dev/null
(cd "$2" && eval "$3") > "$1.said" 2>&1
echo $? >> "$1.said"
rm filler
find "$1.outside" -mindepth 1 -delete && cp -a . "$1.outside/"
"""
READ_ONLY = """
mount --bind "$1" "$1" && mount -o remount,ro,bind "$1"
(cd "$2" && eval "$3") > "$1.said" 2>&1
echo $? >> "$1.said"
"""
REMEDY = "Read-only file system; mount its disk for writing, or work in a copy of the project elsewhere"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root mounts"),
]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project whose study ran, was changed, and ran again."""
    project = new_project(tmp_path_factory.mktemp("expected"))
    project.call("attnbench", "run", "--jobs", "2")
    shutil.copytree(project.root, project.root.with_name("before"), symlinks=True)
    change(project)
    project.call("attnbench", "run", "--jobs", "2")
    return project


def change(project: Project) -> None:
    project.edit("params.yaml", "learning_rate: 0.001", "learning_rate: 0.002")
    project.edit("params.yaml", "train_images: 200", "train_images: 210")


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("script", [FULL, READ_ONLY], ids=["full", "read-only"])
def test_a_folder_that_takes_nothing(expected: Project, tmp_path: Path, folder: str, script: str) -> None:
    project = Project(tmp_path / "project")
    shutil.copytree(expected.root.with_name("before"), project.root, symlinks=True)
    change(project)
    code = f"import sys; sys.path.insert(0, '{project.root}/src'); from attnbench.cli import main; main()"
    command = f'{sys.executable} -c "{code}" run --jobs 2'
    mounted = (project.root / folder).resolve()
    said, outside = (mounted.with_name(f"{mounted.name}.{name}") for name in ("said", "outside"))
    arguments = [str(mounted), str(project.root), command]
    subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", *arguments], check=True)
    *_, reason, status = said.read_text().splitlines()
    print(f"\n{folder}, {status}: {reason}", end="")
    assert "Traceback" not in said.read_text()
    if script == READ_ONLY:
        assert status == "1"
        assert re.fullmatch(rf"error: {mounted}/\S+ cannot be used: {REMEDY}", reason)
    else:
        assert status == "0" or "disk is full" in reason or "no space left" in reason.lower()
    said.unlink()
    shutil.rmtree(outside, ignore_errors=True)
    project.call("attnbench", "run", "--jobs", "2")
    assert content(project) == content(expected)
