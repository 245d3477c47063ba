"""The stage `analyse`: what it writes, and what it refuses."""

import json
from typing import Any

from recorded_run import run_stage

from attnbench.code.fingerprint import Fingerprints
from attnbench.records import files
from attnbench.study import load


def stage(made: Any) -> str:
    """Run the stage for a made-up study, with its fingerprint, and return its message; JSON is YAML too."""
    root = made.paths.root
    values = made.study.model_dump(mode="json", exclude_defaults=True)
    (root / "params.yaml").write_text(json.dumps(values), encoding="utf-8")
    files.write_json(made.paths.code("analyse"), Fingerprints(load(root / "params.yaml")).analyse())
    return run_stage(root, "analyse")


def test_analyse_writes_tables_and_summary(make: Any) -> None:
    made = make(variants=["baseline", "se"], root=".", params="params.yaml")
    assert stage(made) == ""
    assert json.loads(made.paths.summary.read_text())["se"]["difference"] == 3.0
    assert (made.paths.tables / "comparisons.csv").is_file()


def test_analyse_refuses_in_one_line(make: Any) -> None:
    made = make(variants=["baseline", "se"], root=".", params="params.yaml")
    made.paths.cost("se").unlink()
    message = "error: results/made_up/cost/se.json is missing. Make what is missing with: dvc repro cost@se"
    assert stage(made) == message
    assert not made.paths.report.exists()
