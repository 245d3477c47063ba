"""A run imports what a stage needs before it forks it, so that no stage imports a large library itself."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from attnbench.run import libraries
from attnbench.run.engine import Cell, LocalEngine

from .conftest import ROOT

LARGE = {"torch", "torchvision", "scipy", "sympy"}
IMPORTS = f"""
import json, os, runpy, sys
from importlib import import_module

sys.path.insert(0, "stages")
for kind, modules in json.loads(sys.argv[1]).items():
    if process := os.fork():
        os.waitpid(process, 0)
        continue
    for name in modules:
        import_module(name)
    before = set(sys.modules)
    stage = runpy.run_path(f"stages/{{kind}}.py", run_name="imported")
    if kind == "train":
        parameter = sys.modules["torch"].zeros(1, requires_grad=True)
        sys.modules["torch"].optim.SGD([parameter], lr=1.0)
    large = [name for name in sys.modules if name not in before and name.partition(".")[0] in {LARGE}]
    print(json.dumps([kind, large]), flush=True)
    os._exit(0)
"""


def test_a_stage_imports_no_large_library_itself() -> None:
    kinds = {kind: libraries.of_stage(kind, "cpu") for kind in ("train", "views", "ablate", "robustness", "maps")}
    command = [sys.executable, "-W", "ignore", "-c", IMPORTS, json.dumps(kinds)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert [json.loads(line) for line in done.stdout.splitlines()] == [[kind, []] for kind in kinds], done.stderr


def test_nothing_asks_for_cards_before_a_stage_of_a_card_is_forked() -> None:
    assert {libraries.of_stage(kind, "cuda") for kind in libraries.OF_STAGE} == {libraries.EVERY}


def test_what_a_library_says_is_in_the_log_of_the_cell_that_asked_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "talking.py").write_text("import sys\nprint('imported')\nprint('a warning', file=sys.stderr)\n")
    (tmp_path / "broken.py").write_text("raise OSError('no such library')\n")
    (tmp_path / "stage.py").write_text("import sys\nprint('talking' in sys.modules, 'broken' in sys.modules)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with LocalEngine([{}], tmp_path, tmp_path / "logs") as engine:
        for name in ("first", "second"):
            cell = Cell(name, ["python", "stage.py"], libraries=("talking", "broken"))
            assert engine.submit(cell).result(60).status == 0
        assert set(engine.log("first").read_text().splitlines()) == {"imported", "a warning", "True False"}
        assert engine.log("second").read_text() == "True False\n"
