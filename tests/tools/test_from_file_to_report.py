"""From `attnbench new` to a row of the report: one file and one line of params.yaml, through every stage."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import params
import pytest

ROOT = Path(__file__).parents[2]
STUDY = {
    "data": {"source": "shapes", "train_images": 100, "test_images": 20, "seed": 0, "split_seed": 0},
    "backbone": {"name": "cnn", "options": {"width": 8, "hidden": 16}},
    "variants": {
        "baseline": {"attention": "none"},
        "soft": {"attention": "mine.soft", "site": "before_pool"},
    },
    "seeds": [0],
    "recipe": params.recipe(batch_size=32),
    "latency": {"batch_sizes": [1], "rounds": 5, "processes": 2},
    "views": {"images": 2},
}
FILLED = {
    "FILL IN what the module does, in one sentence.": "Soft: a gate for each channel from its mean.",
    "FILL IN the formula, with shapes, for feature maps x (n, C, h, w)": "gate = sigmoid(mean of x)",
    'FILL IN authors: title. Venue, year. arXiv:NNNN.NNNNN, or doi:..."': 'Somebody: Soft. 2026. arXiv:2601.00001"',
    "FILL IN the equations of the paper, or the file of the authors' code.": "equation 1.",
    "FILL IN a formula, and the number at C = 64.": "0.",
    "FILL IN other implementations, or the text of the paper.": "none known.",
    'raise NotImplementedError("FILL IN the gate of x: (n, C, 1, 1), (n, 1, h, w) or (n, C, h, w)")': (
        "return pool(x).sigmoid()"
    ),
    "from attnbench.networks import Gate": "from attnbench.networks import Gate\n\nfrom mine.pools import pool",
}
RUN = """\
import runpy, sys
sys.path.insert(0, "stages")  # as Python does for a script
runs = [["code"], ["data"]]
for variant in ("baseline", "soft"):
    runs += [["train", variant, "0"], ["ablate", variant, "0"], ["robustness", variant, "0"], ["maps", variant, "0"]]
    runs += [["cost", variant], ["views", variant]]
for stage, *arguments in [*runs, ["latency"], ["analyse"], ["report"]]:
    sys.argv = [stage, "params.yaml", *arguments]
    try:
        runpy.run_path(f"stages/{stage}.py", run_name="__main__")
    except SystemExit as ended:
        if ended.code:
            sys.exit(f"{stage}: {ended.code}")
"""


def python(folder: Path, *arguments: str, packages: Path = ROOT / "src") -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, with attnbench of this checkout and more packages."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(packages)])}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def start(folder: Path) -> Path:
    """Make a repository whose study names a module that `attnbench new` has just started; return the module's file."""
    params.write(folder, **STUDY)
    shutil.copytree(ROOT / "stages", folder / "stages")
    shutil.copy(ROOT / "dvc.yaml", folder)
    (folder / ".dvc").mkdir()
    done = python(folder, "-c", "from attnbench.cli import main; main()", "new", "mine.soft")
    assert done.returncode == 0, done.stderr
    assert "src/mine/soft.py is started" in done.stdout
    return folder / "src/mine/soft.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which the new module was filled in and the study was run."""
    folder = tmp_path_factory.mktemp("repository")
    path = start(folder)
    text = path.read_text()
    for old, new in FILLED.items():
        assert old in text
        text = text.replace(old, new)
    assert "FILL IN" not in text
    path.write_text(text)
    path.with_name("pools.py").write_text("def pool(x):\n    return x.mean((2, 3), keepdim=True)\n")
    done = python(folder, "-c", RUN)
    assert done.returncode == 0, done.stderr + done.stdout
    return folder


def test_the_report_has_its_row_its_headline_and_its_paper(folder: Path) -> None:
    report, details = ((folder / "reports/small" / name).read_text() for name in ("REPORT.md", "DETAILS.md"))
    assert "\n| `soft` " in report
    assert any("`mine.soft`" in line for line in details.splitlines() if line.startswith("| `soft` "))
    assert "Soft: a gate for each channel from its mean." in details
    assert "Somebody: Soft. 2026. arXiv:2601.00001" in details
    assert list((folder / "reports/small/figures").glob("*.png"))


def test_the_records_know_the_code_and_no_folder_of_this_machine(folder: Path) -> None:
    code = json.loads((folder / "results/small/code/train/soft.json").read_text())
    assert json.loads((folder / "results/small/runs/soft-0.json").read_text())["identity"]["code"] == code["sha256"]
    listing = json.loads((folder / "results/small/code/files.json").read_text())
    assert {"mine/soft.py", "mine/pools.py"} <= listing.keys()
    written = [path for top in ("results", "reports") for path in (folder / top).rglob("*") if path.is_file()]
    assert written
    for path in written:
        assert str(folder).encode() not in path.read_bytes(), path


def test_stages_find_the_package_in_any_current_folder(folder: Path, tmp_path: Path) -> None:
    """`attnbench verify` runs them in a scratch folder."""
    shutil.copy(folder / "dvc.yaml", tmp_path)
    done = python(tmp_path, str(folder / "stages/code.py"), str(folder / "params.yaml"))
    assert done.returncode == 0, done.stderr
    file = "results/small/code/train/soft.json"
    assert (tmp_path / file).read_bytes() == (folder / file).read_bytes()


def test_it_passes_the_contract(folder: Path) -> None:
    done = python(folder, "-c", "from attnbench.cli import main; main()", "test", "mine.soft", packages=folder / "src")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("src/mine/soft.py: defaults\n")
    assert re.search(r"\nmine\.soft passes all \d+ checks$", done.stdout.rstrip())


def test_a_module_that_is_not_filled_in_is_refused(tmp_path: Path) -> None:
    start(tmp_path)
    done = python(tmp_path, "stages/code.py", "params.yaml")
    assert done.returncode == 1
    assert "variants.soft.attention: PAPER in src/mine/soft.py still says 'FILL IN'" in done.stderr
