"""Fingerprints of this project's own stages."""

import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from attnbench import study
from attnbench.code import fingerprint
from attnbench.study.schema import Study

ROOT = Path(__file__).parents[2]


def cpu_seconds() -> float:
    """Return the processor time of all ended children: unlike the clock, it says little of what else is running."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@pytest.fixture(scope="module")
def plan() -> Study:
    return study.load(ROOT / "params.yaml")


def modules(print_: dict[str, Any]) -> set[str]:
    return {name.removeprefix("src/attnbench/") for name in print_["files"]}


def test_a_run_depends_on_its_own_family_alone(plan: Study) -> None:
    families = {name for name in modules(fingerprint.of_stage(plan, "train", "se")) if name.startswith("attention/")}
    assert "attention/se.py" in families
    assert module_files.isdisjoint({"attention/cbam.py", "attention/cam.py", "attention/sam.py", "attention/eca.py"})


def test_the_baseline_depends_on_no_family(plan: Study) -> None:
    found = modules(fingerprint.of_stage(plan, "train", "baseline"))
    public = {name for name in found if name.startswith("attention/") and not name.startswith("attention/_")}
    assert public == set()
    assert "backbones/cnn.py" in found


def test_training_reaches_what_computes_it_and_nothing_that_reports_it(plan: Study) -> None:
    found = modules(fingerprint.of_stage(plan, "train", "se"))
    assert {"stages/train.py", "training/run.py", "placement.py", "seeding.py", "data/prepared.py"} <= found
    later = ("report", "figures", "tables", "statistics", "analysis", "views", "cost", "records", "config", "observers")
    assert not [name for name in found if name.split("/", maxsplit=1)[0].removesuffix(".py") in later]
    assert {"data/shapes.py", "data/folder.py", "data/cifar10.py"}.isdisjoint(found)


def test_each_stage_has_its_own_code(plan: Study) -> None:
    assert {"stages/cost.py", "cost/count.py", "cost/latency.py"} <= modules(fingerprint.of_stage(plan, "cost", "se"))
    assert {"stages/views.py", "views/collect.py"} <= modules(fingerprint.of_stage(plan, "views", "se"))


def test_the_data_depend_on_their_own_source_alone(plan: Study) -> None:
    found = modules(fingerprint.of_data(plan))
    assert {"stages/data.py", "data/shapes.py", "data/split.py", "data/prepared.py"} <= found
    assert {"data/cifar10.py", "data/folder.py", "data/download.py"}.isdisjoint(found)


def changed(plan: Study, **update: Any) -> Study:
    return plan.model_copy(update=update)


def test_the_values_of_a_run_are_part_of_it(plan: Study) -> None:
    recipe = changed(plan, recipe=plan.recipe.model_copy(update={"epochs": 6}))
    machine = changed(plan, machine=plan.machine.model_copy(update={"threads": 2}))
    for other in (recipe, machine):
        assert records.params_sha256(other, "se") != records.params_sha256(plan, "se")
        before, after = (fingerprint.of_stage(each, "train", "se") for each in (plan, other))
        assert before["sha256"] != after["sha256"]
        assert before["files"] == after["files"]


def test_views_do_not_depend_on_how_the_weights_were_trained(plan: Study) -> None:
    """They read the checkpoint, which does."""
    other = changed(plan, recipe=plan.recipe.model_copy(update={"epochs": 6}))
    assert fingerprint.of_stage(other, "views", "se") == fingerprint.of_stage(plan, "views", "se")


def test_what_only_the_report_reads_is_no_part_of_a_run(plan: Study) -> None:
    other = changed(plan, confidence=0.9, title="Other words", seeds=[7], baseline="se")
    assert records.params_sha256(other, "se") == records.params_sha256(plan, "se")
    assert fingerprint.of_stage(other, "train", "se") == fingerprint.of_stage(plan, "train", "se")


def test_variants_of_equal_content_share_their_parameters(plan: Study) -> None:
    twin = changed(plan, variants={**plan.variants, "twin": plan.variants["se"]})
    assert records.params_sha256(twin, "twin") == records.params_sha256(plan, "se")
    assert records.params_sha256(plan, "eca") != records.params_sha256(plan, "se")


def test_where_the_images_come_from_is_no_part_of_a_run(plan: Study) -> None:
    """The record holds the hash of the images themselves; the same images from elsewhere make the same run."""
    other = changed(plan, data=plan.data.model_copy(update={"seed": 1}))
    assert records.params_sha256(other, "se") == records.params_sha256(plan, "se")
    assert fingerprint.of_data(other)["sha256"] != fingerprint.of_data(plan)["sha256"]


def stage(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "stages" / "code.py"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_stage_writes_one_file_for_each_stage_and_is_quick(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    began = cpu_seconds()
    assert stage(tmp_path, "params.yaml", "se").returncode == 0
    assert cpu_seconds() - began < 2  # torch alone takes longer
    assert stage(tmp_path, "params.yaml").returncode == 0
    written = {path.relative_to(tmp_path / "results").as_posix() for path in tmp_path.rglob("*.json")}
    code = "quickstart/code"
    assert written == {f"{code}/data.json", f"{code}/train/se.json", f"{code}/cost/se.json", f"{code}/views/se.json"}


def test_the_stage_names_an_unknown_variant(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    done = stage(tmp_path, "params.yaml", "sse")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "error: params.yaml has no variant 'sse' (did you mean 'se'?); allowed: 'baseline', 'se', "
    )
    assert not (tmp_path / "results").exists()
