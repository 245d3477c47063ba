"""The examples in docs/by-hand.md run."""

from pathlib import Path

import pytest
from PIL import Image

from . import documents
from .documents import ROOT

LOADED, INSERTED, _ = documents.blocks(documents.read("docs/by-hand"), "python")
RUN = "runs/quickstart/cbam-0"


def test_modules_go_into_a_network_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    names: dict[str, object] = {}
    exec(f"import attnbench\n{INSERTED}", names)
    assert list(names["modules"]) == [f"layer3.{block}" for block in range(6)]
    names["network"].eval()(torch.rand(1, 3, 32, 32))
    assert capsys.readouterr().out.startswith("tensor(0.")


@pytest.mark.skipif(not (ROOT / RUN).is_dir(), reason=f"needs {RUN}, which `make repro` trains")
def test_a_trained_network_classifies_a_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (50, 40)).save("photo.jpg")
    exec(LOADED.replace(RUN, str(ROOT / RUN)), {})
    assert len(capsys.readouterr().out.split()) == 2
