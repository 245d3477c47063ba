"""From `attnbench new` to a row in the report: one file and one line, through every stage, in one process."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARAMS = """\
study: tiny
root: .
params: params.yaml
title: A module of one's own
data: {source: shapes, train_images: 100, test_images: 20, seed: 0, split_seed: 0}
backbone: {name: cnn, options: {width: 8, hidden: 16}}
baseline: baseline
variants:
  baseline: {attention: none}
  soft: {attention: mine.soft, site: before_pool}
seeds: [0]
recipe: {name: onecycle, optimizer: adam, epochs: 1, batch_size: 32, learning_rate: 1e-3, weight_decay: 0, warmup: 0.3,
  label_smoothing: 0.0, augmentation: [flip]}
machine: {device: cpu, precision: float32, threads: 1}
confidence: 0.95
latency: {batch_sizes: [1], rounds: 5}
views: {images: 2}
"""
GRAPH = "stages: {code: {cmd: python stages/code.py, deps: [mine, stages/code.py]}}\n"

BEGIN = """\
from pathlib import Path
from attnbench import scaffold
Path("mine").mkdir()
Path("mine/pools.py").write_text("def pool(x):\\n    return x.mean((2, 3), keepdim=True)\\n")
scaffold.create("mine.soft", "channel", Path())
"""
RUN = """\
import runpy, sys
from pathlib import Path
stages = Path(sys.argv[1])
runs = [["code"], ["code", "baseline"], ["code", "soft"], ["data"]]
for variant in ("baseline", "soft"):
    runs += [["train", variant, "0"], ["cost", variant], ["views", variant]]
for stage, *arguments in [*runs, ["latency"], ["analyse"], ["report"]]:
    sys.argv = [stage, "params.yaml", *arguments]
    sys.path[0] = str(stages)  # as Python does for a script
    try:
        runpy.run_path(str(stages / f"{stage}.py"), run_name="__main__")
    except SystemExit as ended:
        if ended.code:
            sys.exit(f"{stage}: {ended.code}")
"""
SUITE = f"""
import pytest
names = ("filled", "family_files", "module_contract")
tests = [f"{ROOT}/tests/attention/test_{{name}}.py" for name in names]
options = ["-n0", "-q", "-p", "no:cacheprovider", "--rootdir={ROOT}", "-c{ROOT}/pyproject.toml"]
sys.exit(pytest.main([*options, *tests, "--family", "mine.soft"]))
"""
FILLED = {
    "FILL IN what the module does, in one sentence.": "Soft: a gate for each channel from its mean.",
    "FILL IN the formula, with shapes, for maps x (n, C, h, w)": "gate = sigmoid(mean of x)",
    'FILL IN authors: title. Venue, year. arXiv:NNNN.NNNNN, or doi:..."': 'Somebody: Soft. 2026. arXiv:2601.00001"',
    "FILL IN the equations of the paper, or the file of the authors' code.": "equation 1.",
    "FILL IN how many, as a formula, and the number at C = 64.": "none.",
    "FILL IN what the paper's text or another library does in another way.": "nothing known.",
    'raise NotImplementedError("FILL IN the gate (n, C, 1, 1) of maps x (n, C, h, w), and its weights above")': (
        "return pool(x).sigmoid()"
    ),
    "  # FILL IN the number of those weights": "",
    "from torch import Tensor": "from torch import Tensor\n\nfrom mine.pools import pool",
}


def python(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, str(ROOT / "stages")]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which somebody filled in a new module of a package beside src/, and ran the study."""
    found = tmp_path_factory.mktemp("repository")
    (found / "params.yaml").write_text(PARAMS)
    (found / "dvc.yaml").write_text(GRAPH)
    done = python(found, BEGIN)
    assert done.returncode == 0, done.stderr
    fill_in(found / "mine/soft.py")
    done = python(found, RUN + SUITE)
    assert done.returncode == 0, done.stderr + done.stdout
    (found / "suite.txt").write_text(done.stdout)
    return found


def fill_in(path: Path) -> None:
    text = path.read_text()
    for old, new in FILLED.items():
        assert old in text
        text = text.replace(old, new)
    assert "FILL IN" not in text
    path.write_text(text)


def test_the_report_has_its_row_its_headline_and_its_paper(folder: Path) -> None:
    report = (folder / "reports/tiny/REPORT.md").read_text()
    rows = [line for line in report.splitlines() if line.startswith("| soft ")]
    assert any("mine.soft" in row for row in rows)
    assert len(rows) > 3
    assert "Soft: a gate for each channel from its mean." in report
    assert "Somebody: Soft. 2026. arXiv:2601.00001" in report
    assert list((folder / "reports/tiny/figures").glob("*.png"))


def test_the_records_know_the_code_and_no_machine(folder: Path) -> None:
    code = json.loads((folder / "results/tiny/code/train/soft.json").read_text())
    assert {"mine/soft.py", "mine/pools.py"} <= code["files"].keys()
    assert json.loads((folder / "results/tiny/runs/soft-0.json").read_text())["identity"]["code"] == code["sha256"]
    written = [path for top in ("results", "reports") for path in (folder / top).rglob("*") if path.is_file()]
    assert written
    for path in written:
        assert str(folder).encode() not in path.read_bytes(), path


def test_stages_find_the_package_wherever_they_run(folder: Path, tmp_path: Path) -> None:
    """`attnbench verify` runs them in a folder of its own."""
    command = [sys.executable, str(ROOT / "stages/code.py"), str(folder / "params.yaml"), "soft"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    file = "results/tiny/code/train/soft.json"
    assert (tmp_path / file).read_bytes() == (folder / file).read_bytes()


def test_before_it_is_filled_in_the_study_is_refused(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(PARAMS)
    done = python(tmp_path, BEGIN + 'from attnbench import study\nstudy.load(Path("params.yaml"))\n')
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(
        "params.yaml:10:10: variants.soft.attention: PAPER in mine/soft.py still says 'FILL IN'; write the reference "
        "of the module there"
    )


def test_the_contract_suite_ran_for_it_alone(folder: Path) -> None:
    dots = (folder / "suite.txt").read_text().split()[-2]
    assert set(dots) <= {".", "s"}
    assert 10 < len(dots) < 40  # all modules together have hundreds
