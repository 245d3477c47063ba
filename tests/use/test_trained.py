"""Trained networks are loaded with what is needed to use them, or refused with a reason."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import attnbench
from attnbench.errors import UserError
from attnbench.networks.checkpoint import load_weights
from attnbench.use import TrainedRun


@pytest.fixture
def run(repository: Path) -> TrainedRun:
    return attnbench.load("runs/small/cbam-0")


def test_the_network_is_that_of_the_file_in_eval_mode(run: TrainedRun, repository: Path) -> None:
    before = {name: tensor.clone() for name, tensor in run.network.state_dict().items()}
    load_weights(run.network, repository / "runs/small/cbam-0/checkpoint.safetensors")
    assert all(torch.equal(tensor, before[name]) for name, tensor in run.network.state_dict().items())
    assert not any(module.training for module in run.network.modules())
    assert (run.name, run.record.accuracy) == ("cbam-0", 0.5)
    assert run.classes == ("ring", "cross|bar", "star")


def test_its_input_is_standardised_as_in_training(run: TrainedRun) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    expected = (torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 - torch.tensor([0.4, 0.5, 0.6])[:, None, None]) / 0.2
    batch = run.preprocess([pixels[0], Image.fromarray(pixels[1])])
    torch.testing.assert_close(batch, expected)
    torch.testing.assert_close(run.probabilities(list(pixels)), run.network(batch).softmax(1))


def test_an_image_may_be_a_file(run: TrainedRun, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    expected = run.preprocess(pixels)
    for pictures in (str(path), path, [path], [str(path)]):
        assert torch.equal(run.preprocess(pictures), expected)
    for pictures, message in (([], "given no image"), (3, "given int; an image is a path"), (["no"], "no is missing")):
        with pytest.raises(UserError, match=message):
            run.preprocess(pictures)


def test_the_folder_of_a_run_may_be_named_from_anywhere(
    run: TrainedRun, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository / "runs/small")
    for folder in ("cbam-0", "./cbam-0", "../small/cbam-0", repository / "runs/small/cbam-0"):
        assert attnbench.load(folder).name == run.name
    monkeypatch.chdir("cbam-0")
    assert attnbench.load(".").name == attnbench.load("../cbam-0").name == run.name


def remove(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4])


def change(path: Path, **values: str) -> None:
    """Change values of a record, or of its identity."""
    record = json.loads(path.read_text())
    for key, value in values.items():
        (record if key in record else record["identity"])[key] = value
    path.write_text(json.dumps(record))


RECORD, CHECKPOINT = Path("results/small/runs/cbam-0.json"), Path("runs/small/cbam-0/checkpoint.safetensors")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda: remove(RECORD), r"^results/small/runs/cbam-0\.json is missing"),
        (lambda: change(RECORD, variant="se"), r"cbam-0\.json belongs to run se-0 of study 'small', not to run cbam-0"),
        (
            lambda: remove(CHECKPOINT),
            r"^runs/small/cbam-0/checkpoint\.safetensors is missing; `dvc repro train@cbam-0` makes it",
        ),
        (
            lambda: cut(CHECKPOINT),
            r"it is damaged, or that of another run\. .*`dvc checkout .*`dvc repro .*train@cbam-0`$",
        ),
        (lambda: change(RECORD, code="0" * 64), r"trained with other code \(SHA-256 0{12}\).*check out the commit"),
        (lambda: change(RECORD, params="0" * 64), r"trained with other values in params\.yaml "),
        (lambda: change(Path("results/small/data.json"), sha256="0" * 64), r"trained with other images"),
    ],
    ids=["no record", "of another run", "no weights", "damaged", "code", "values", "images"],
)
@pytest.mark.usefixtures("copied")
def test_a_run_that_this_repository_did_not_make_is_refused(spoil: Callable[[], None], message: str) -> None:
    spoil()
    with pytest.raises(UserError) as caught:
        attnbench.load("runs/small/cbam-0")
    assert re.search(message, str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("runs/small/cbam", r"^runs/small/cbam is no run; give a folder `runs/STUDY/VARIANT-SEED`"),
        ("results/small/cbam-0", r"is no run"),
        ("runs/smal/cbam-0", r"^no study 'smal'; .*did you mean 'small'"),
        ("runs/small/cbm-0", r"no variant 'cbm' \(did you mean 'cbam'\?\)"),
        ("runs/small/cbam-7", r"no seed 7; allowed: 0"),
        ("/", r"is not in a repository"),
    ],
)
@pytest.mark.usefixtures("repository")
def test_a_folder_that_is_no_run_is_refused(folder: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        attnbench.load(folder)


def test_the_package_offers_its_functions_without_importing_torch() -> None:
    command = "import sys, attnbench; print('torch' in sys.modules, attnbench.__all__)"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout == "False ['attention', 'insert', 'load']\n"
    assert all(callable(getattr(attnbench, name)) for name in attnbench.__all__)
    with pytest.raises(AttributeError, match="'attnbench' has no attribute 'lod'"):
        attnbench.lod  # noqa: B018
