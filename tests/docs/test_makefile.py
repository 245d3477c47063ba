"""The Makefile in a folder whose path has a space; what it would install is left out."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHON = """\
#!/bin/sh
# `python -m venv FOLDER` copies this script to FOLDER/bin/python; everything else does nothing
if [ "$2" = venv ]; then mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; fi
"""


def test_setup_and_the_commands_after_it_need_no_absolute_path(tmp_path: Path) -> None:
    folder, python = tmp_path / "a b", tmp_path / "python"
    folder.mkdir()
    python.write_text(PYTHON)
    python.chmod(0o755)
    for name in ("Makefile", "requirements.lock", "requirements-build.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)

    # a `make` that runs this suite hands its own flags and level down, and an inner one then says more
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}

    def make(*arguments: str) -> str:
        command = ["make", f"PYTHON={python}", *arguments]
        made = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
        return made.stdout

    make("setup")
    assert (folder / ".venv/.installed").exists()
    assert make("-n", "repro", "JOBS=2") == ".venv/bin/attnbench run quickstart --jobs 2\n"
    assert make("-n", "check").splitlines()[-1] == ".venv/bin/python -m pytest"
