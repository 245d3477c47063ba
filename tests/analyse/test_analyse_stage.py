"""The stage `analyse`, run as DVC runs it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from attnbench.code.fingerprint import Fingerprints
from attnbench.records import files
from attnbench.study import load

STAGES = Path(__file__).parents[2] / "stages"


def stage(made: Any) -> subprocess.CompletedProcess[str]:
    """Run the stage in the root of a made-up study, with its fingerprint; its params.yaml is JSON, which is YAML."""
    root = made.paths.root
    values = made.study.model_dump(mode="json", exclude_defaults=True)
    (root / "params.yaml").write_text(json.dumps(values), encoding="utf-8")
    files.write_json(made.paths.code("analyse"), Fingerprints(load(root / "params.yaml")).analyse())
    command = [sys.executable, str(STAGES / "analyse.py"), "params.yaml"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_analyse_writes_tables_and_summary(make: Any) -> None:
    made = make(variants=["baseline", "se"], root=".", params="params.yaml")
    done = stage(made)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(made.paths.summary.read_text())["se"]["difference"] == 3.0
    assert (made.paths.tables / "comparisons.csv").is_file()


def test_analyse_refuses_in_one_line(make: Any) -> None:
    made = make(variants=["baseline", "se"], root=".", params="params.yaml")
    made.paths.cost("se").unlink()
    done = stage(made)
    assert done.returncode == 1
    message = "error: results/made_up/cost/se.json is missing. Make what is missing with: dvc repro cost@se\n"
    assert done.stderr == message
    assert not made.paths.report.exists()
