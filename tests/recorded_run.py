"""A run that is trained in the test and recorded in a folder, and the stages that read it."""

import runpy
import sys
from pathlib import Path

import pytest
import small_training
from small_training import edges, small_study, write_params

from attnbench.records import prepared
from attnbench.study import StudyPaths
from attnbench.train import outputs

STAGES = Path(__file__).parents[1] / "stages"


def record_run(folder: Path) -> StudyPaths:
    """Write params.yaml, images, weights and record of the run `cbam-0`; return where they are."""
    data, study, paths = edges(), small_study(), StudyPaths("small", folder)
    write_params(folder)
    prepared.save(paths.prepared, data)
    identity = outputs.identity(study, "cbam", data_sha256="d" * 64, code_sha256="c" * 64)
    outcome = small_training.run(study, "cbam", 0, data)
    outputs.write_records(paths, outputs.write(paths, study, "cbam", 0, outcome, identity))
    return paths


def run_stage(folder: Path, name: str, *arguments: str) -> str:
    """Run a stage in this process, since torch takes seconds to start, and return its message."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(str(STAGES))
        patch.delitem(sys.modules, "source", raising=False)  # which sets the path anew in every process
        patch.setattr(sys, "argv", [name, "params.yaml", *arguments])
        try:
            runpy.run_path(str(STAGES / f"{name}.py"), run_name="__main__")
        except SystemExit as ended:
            return str(ended.code or "")
    return ""
