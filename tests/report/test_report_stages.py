"""The stage `report`, run as DVC runs it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

STAGES = Path(__file__).parents[2] / "stages"


def stage(made: Any, name: str) -> subprocess.CompletedProcess[str]:
    """Run a stage in the root of a made-up study; its params.yaml is written as JSON, which is YAML too."""
    root = made.paths.root
    values = made.study.model_dump(mode="json", exclude_defaults=True)
    (root / "params.yaml").write_text(json.dumps(values), encoding="utf-8")
    command = [sys.executable, str(STAGES / f"{name}.py"), "params.yaml"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_report_needs_the_tables(make: Any) -> None:
    made = make(variants=["baseline", "se"], root=".", params="params.yaml")
    done = stage(made, "report")
    assert done.returncode == 1
    assert done.stderr == "error: reports/made_up/tables/runs.csv is missing. Make it with: dvc repro analyse\n"


def test_neither_needs_torch() -> None:
    script = "import sys; import attnbench.analyse, attnbench.report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
