"""Trained networks as files that run without attnbench; ONNX is tested where the extra `export` is installed."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

import attnbench
from attnbench import networks
from attnbench.errors import UserError
from attnbench.networks import Network
from attnbench.study import attention
from attnbench.tools.contract.one_slot import OneSlot
from attnbench.use import export

HAS_ONNX = all(map(find_spec, export.ONNX_PACKAGES))
FORMATS = ["pt2", pytest.param("onnx", marks=pytest.mark.skipif(not HAS_ONNX, reason="needs attnbench[export]"))]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_computes_the_same_for_any_number_of_images(repository: Path, tmp_path: Path, kind: str) -> None:
    run = attnbench.load("runs/small/cbam-0")
    path = tmp_path / f"network.{kind}"
    assert export.export(run, path, kind) <= 1e-5
    if kind == "pt2":
        program = torch.export.load(path).module()
        for n in (1, 70):
            x = torch.rand(n, 3, 32, 32)
            torch.testing.assert_close(program(x), run.network(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", attention.names())
def test_every_module_can_be_exported(name: str) -> None:
    torch.manual_seed(0)
    module = OneSlot(networks.build_attention(name, 8, (6, 5)), 8, (6, 5)).eval()
    program = export.program_of(export.portable(module), torch.rand(2, 8, 6, 5), name).module()
    for n in (1, 70):
        x = torch.rand(n, 8, 6, 5)
        torch.testing.assert_close(program(x), module(x), rtol=1e-5, atol=1e-5)


def test_what_cannot_be_exported_is_named() -> None:
    class Branching(networks.Gate):
        def gate(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean((2, 3), keepdim=True) if x.sum() > 0 else x

    with pytest.raises(UserError, match=r"^mine-0 cannot be exported \(attention: Branching\): "):
        export.program_of(OneSlot(Branching(), 8, (6, 5)).eval(), torch.rand(2, 8, 6, 5), "mine-0")


def test_a_file_that_computes_something_else_is_not_kept(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def untrained(network: Network) -> Network:
        return networks.build_backbone("cnn", 3, (3, 32, 32)).eval()

    monkeypatch.setattr(export, "portable", untrained)
    with pytest.raises(UserError, match=r"baseline-0 was not exported: its logits as pt2 differ by up to"):
        export.export(attnbench.load("runs/small/baseline-0"), tmp_path / "network.pt2", "pt2")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_extra_is_named(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "find_spec", lambda name: None if name == "onnxscript" else object())
    with pytest.raises(UserError, match=r"ONNX needs onnxscript: pip install 'attnbench\[export\]', or write --format"):
        export.export(attnbench.load("runs/small/baseline-0"), tmp_path / "network.onnx", "onnx")
