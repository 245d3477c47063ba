"""Fingerprints of this project's own stages."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import params
import pytest

from attnbench import records
from attnbench.code.fingerprint import NOT_HASHED, PACKAGE, VARIANT_STAGES, Fingerprints
from attnbench.study import Study

EVALUATION = {"report", "analyse", "views", "ablate", "robustness", "maps", "cost", "compare", "run", "cli", "tools"}
CARRYING = {"records", "study"}


def listing(make: Callable[[Fingerprints], object]) -> set[str]:
    """Return the files that a fingerprint is made of, as paths in the package or the repository."""
    fingerprints = Fingerprints(params.study())
    make(fingerprints)
    return {name.removeprefix("src/attnbench/") for name in fingerprints.listing()}


def train(study: Study, variant: str = "se") -> str:
    return str(Fingerprints(study).of_variant("train", variant)["sha256"])


def test_a_run_depends_on_its_own_module_alone() -> None:
    files = listing(lambda made: made.of_variant("train", "se"))
    assert {"networks/attention/se.py", "networks/backbones/cnn.py"} <= files
    assert {"networks/attention/cbam.py", "networks/backbones/resnet.py"}.isdisjoint(files)
    baseline = listing(lambda made: made.of_variant("train", "baseline"))
    assert not [name for name in baseline if name.startswith("networks/attention/")]


def test_training_reaches_what_computes_it_and_nothing_that_evaluates_it() -> None:
    files = listing(lambda made: made.of_variant("train", "se"))
    assert {"stages/train.py", "train/variant.py", "networks/building.py", "networks/seeding.py"} <= files
    assert EVALUATION.isdisjoint(name.split("/", maxsplit=1)[0] for name in files)
    carrying = {name for name in files if name.split("/", maxsplit=1)[0] in CARRYING}
    assert carrying == {"records/prepared.py", "records/tensors.py", "study/selection.py"}
    assert {"train/console.py", "train/observers.py", "networks/probe.py"}.isdisjoint(files)


def test_what_is_left_out_exists() -> None:
    assert [name for name in NOT_HASHED if not (PACKAGE / name).exists()] == []


def test_each_stage_has_its_own_code() -> None:
    cost = listing(lambda made: made.of_variant("cost", "se"))
    assert {"stages/cost.py", "cost/count.py"} <= cost
    latency = listing(lambda made: made.latency())
    assert {"stages/latency.py", "cost/latency.py", "networks/attention/se.py"} <= latency
    assert {"stages/views.py", "views/collect.py"} <= listing(lambda made: made.of_variant("views", "se"))
    assert {"analyse/statistics/blocks.py", "records/runs.py"} <= listing(lambda made: made.analyse())
    assert {"report/render.py", "study/module_files.py"} <= listing(lambda made: made.report())


def test_the_images_depend_on_their_own_source_alone() -> None:
    files = listing(lambda made: made.data())
    assert {"stages/data.py", "data/shapes.py", "data/split.py"} <= files
    assert {"data/cifar10.py", "data/folder.py", "data/download.py"}.isdisjoint(files)


def test_the_values_of_a_run_are_part_of_it() -> None:
    study = params.study()
    machine = {**params.values()["machine"], "threads": 2}
    for other in (params.study(recipe=params.recipe(epochs=6)), params.study(machine=machine)):
        assert records.params_sha256(other, "se") != records.params_sha256(study, "se")
        assert train(other) != train(study)


def test_views_do_not_depend_on_how_the_weights_were_trained() -> None:
    """They read the checkpoint, which does."""
    one, other = params.study(), params.study(recipe=params.recipe(epochs=6))
    assert Fingerprints(one).of_variant("views", "se") == Fingerprints(other).of_variant("views", "se")


def test_times_depend_on_the_recipe_but_not_on_how_long_it_lasts() -> None:
    made, more_epochs, larger_batches = (
        Fingerprints(params.study(recipe=params.recipe(**values))).latency()
        for values in ({}, {"epochs": 6}, {"batch_size": 48})
    )
    assert made == more_epochs != larger_batches


def test_what_only_the_report_reads_is_no_part_of_a_run() -> None:
    study, other = params.study(), params.study(confidence=0.9, title="Other words", seeds=[7], baseline="se")
    assert records.params_sha256(other, "se") == records.params_sha256(study, "se")
    assert train(other) == train(study)
    assert Fingerprints(other).report()["sha256"] != Fingerprints(study).report()["sha256"]


def test_variants_of_equal_content_share_their_parameters() -> None:
    variants = params.values()["variants"]
    study = params.study(variants={**variants, "twin": variants["se"]})
    assert records.params_sha256(study, "twin") == records.params_sha256(study, "se")
    assert records.params_sha256(study, "baseline") != records.params_sha256(study, "se")


def test_the_source_of_the_images_is_no_part_of_a_run() -> None:
    """The record has the hash of the images themselves; the same images from elsewhere make the same run."""
    study, other = params.study(), params.study(data={**params.values()["data"], "seed": 1})
    assert records.params_sha256(other, "se") == records.params_sha256(study, "se")
    assert Fingerprints(other).data()["sha256"] != Fingerprints(study).data()["sha256"]


@pytest.fixture
def checkout(tmp_path: Path, copy_checkout: Callable[[Path], Path]) -> Path:
    """Return a copy of the package and of the stages, with the small study."""
    params.write(tmp_path)
    return copy_checkout(tmp_path)


def hashes(checkout: Path) -> dict[str, str]:
    """Run the stage where no torch can be imported; return the name of each file that it wrote, and the hash in it."""
    (checkout / "stub").mkdir()
    (checkout / "stub/torch.py").write_text("raise RuntimeError('the stage imports torch, which takes seconds')\n")
    command = [sys.executable, "stages/code.py", "params.yaml"]
    environment = {**os.environ, "PYTHONPATH": str(checkout / "stub")}
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    folder = checkout / "results/small/code"
    files = {path.relative_to(folder).with_suffix("").as_posix(): path for path in folder.rglob("*.json")}
    assert files.pop("files").is_file()
    return {name: json.loads(path.read_text())["sha256"] for name, path in files.items()}


def edited(checkout: Path, *edits: tuple[str, str]) -> list[dict[str, str]]:
    """Return the hashes without an edit, and with each edit alone: a file, and what is appended to it."""
    command = [sys.executable, str(Path(__file__).with_name("edited_fingerprints.py")), json.dumps(edits)]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made: list[dict[str, str]] = json.loads(done.stdout)
    return made


EDITS = [
    (
        "networks/attention/se.py",
        "\nX = 1\n",
        {"train/se", "cost/se", "views/se", "ablate/se", "robustness/se", "maps/se", "latency", "report"},
    ),
    ("networks/attention/se.py", "\n# Why.\n", {"report"}),  # which quotes the file
    ("networks/attention/cbam.py", "\nX = 1\n", set()),
    ("train/loop.py", "\nX = 1\n", {"train/se", "train/baseline"}),
    ("train/step.py", "\nX = 1\n", {"train/se", "train/baseline", "latency"}),
    (
        "study/selection.py",
        "\nX = 1\n",
        {f"{stage}/{variant}" for stage in VARIANT_STAGES for variant in ("baseline", "se")}
        | {"latency", "analyse", "report"},
    ),
    (
        "records/prepared.py",
        "\nX = 1\n",
        {
            "data",
            *(
                f"{stage}/{variant}"
                for stage in ("train", "views", "ablate", "robustness", "maps")
                for variant in ("baseline", "se")
            ),
        },
    ),
    (
        "networks/evaluation.py",
        "\nX = 1\n",
        {f"{s}/{v}" for s in ("train", "ablate", "robustness", "maps") for v in ("baseline", "se")},
    ),
    ("ablate/ablation.py", "\nX = 1\n", {"ablate/se", "ablate/baseline"}),
    ("data/shapes.py", "\nX = 1\n", {"data"}),
    ("../../stages/analyse.py", "\nX = 1\n", {"analyse"}),
    ("records/runs.py", "\nX = 1\n", {"analyse", "report"}),
    ("report/REPORT.md.j2", "\nMore.\n", {"report"}),
    ("tools/new.py", "\nX = 1\n", set()),
]


def test_the_stage_writes_a_hash_for_every_stage_and_an_edit_changes_those_that_run_it(checkout: Path) -> None:
    before, *after = edited(checkout, *((f"src/attnbench/{file}", text) for file, text, _ in EDITS))
    of_variants = {f"{stage}/{variant}" for stage in VARIANT_STAGES for variant in ("baseline", "se")}
    assert before.keys() == of_variants | {"data", "ready", "latency", "analyse", "report"}
    assert hashes(checkout) == before
    for (file, _, expected), hashed in zip(EDITS, after, strict=True):
        assert {name for name in before if hashed[name] != before[name]} == expected, file
