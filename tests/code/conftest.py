import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def copy_checkout() -> Callable[[Path], Path]:
    """Return a function that copies the package and the stages into a folder."""

    def copy(folder: Path) -> Path:
        for name in ("src", "stages"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        (folder / "dvc.yaml").write_text("stages: {code: {deps: [src, stages]}}\n")
        return folder

    return copy
