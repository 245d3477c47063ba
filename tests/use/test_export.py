"""Trained networks as files that run without attnbench; ONNX is tested where the extra `export` is installed."""

import json
import re
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from small_training import small_study
from torch import nn

import attnbench
from attnbench import cli, networks
from attnbench.errors import UserError
from attnbench.networks import Network, arithmetic
from attnbench.networks.slots import Slot
from attnbench.study import attention, backbones
from attnbench.tools.contract.one_slot import OneSlot
from attnbench.use import export

HAS_ONNX = all(map(find_spec, export.ONNX_PACKAGES))
FORMATS = [
    *("pt2", "torchscript"),
    pytest.param("onnx", marks=pytest.mark.skipif(not HAS_ONNX, reason="needs attnbench[export]")),
]


BATCHES = (1, 70)  # images; `MapConvolution` takes another way for the second


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_computes_the_same_for_any_number_of_images_and_export_keeps_the_arithmetic(
    repository: Path, tmp_path: Path, kind: str
) -> None:
    run = attnbench.load("runs/small/cbam-0")
    path = tmp_path / f"network.{kind}"
    arithmetic.set_up(small_study().machine)  # as in a process that trained
    before = precisions()
    assert export.export(run, path, kind) <= 1e-5
    assert precisions() == before
    if kind == "pt2":
        about = {export.DESCRIPTION: ""}
        program = torch.export.load(path, extra_files=about)
        assert_same(program.module(), run.network, (3, 32, 32), run.name)
    elif kind == "torchscript":
        about = {export.DESCRIPTION: ""}
        with warnings.catch_warnings(action="ignore", category=FutureWarning):  # torch 2.15 on: it is deprecated
            program = torch.jit.load(path, _extra_files=about)
        assert_same(program, run.network, (3, 32, 32), run.name)
    else:
        import onnx

        model = onnx.load(path)
        values = (*model.graph.input, *model.graph.output)
        assert {value.type.tensor_type.shape.dim[0].dim_param for value in values} == {"n"}
        about = {pair.key: pair.value for pair in model.metadata_props}
    described = json.loads(about[export.DESCRIPTION])
    assert (described["classes"], described["mean"]) == (["ring", "cross|bar", "star"], [0.4, 0.5, 0.6])
    assert (described["variant"], described["checkpoint_sha256"]) == ("cbam", run.record.checkpoint_sha256)


def precisions() -> list[object]:
    cudnn = torch.backends.cudnn
    return [cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision] if hasattr(cudnn, "conv") else [cudnn.allow_tf32]


class EveryModule(Network):
    """All attention modules, each on the same maps: one program of all takes a third of the time of one for each."""

    def __init__(self) -> None:
        super().__init__()
        modules = {name: networks.build_attention(name, 8, (6, 5)) for name in attention.names()}
        self.parts = nn.ModuleDict({name: OneSlot(module, 8, (6, 5)) for name, module in modules.items()})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([part(x) for part in self.parts.values()], 1)  # (n, modules, c, h, w)

    def slots(self) -> dict[str, Slot]:
        return {name: slot for name, part in self.parts.items() for slot in part.slots().values()}

    def views(self) -> dict[str, nn.Module]:
        return {}


@pytest.fixture(scope="module")
def every_module() -> tuple[EveryModule, torch.export.ExportedProgram]:
    torch.manual_seed(0)
    network = EveryModule().eval()
    for parameter in network.parameters():  # a norm that starts with weight 0 would hide what precedes it
        nn.init.normal_(parameter, std=0.5)
    return network, export.program_of(export.portable(network), torch.rand(export.EXAMPLE, 8, 6, 5), "every module")


def test_the_example_in_the_documents_runs(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[2] / "docs/by-hand.md").read_text(encoding="utf-8")
    [example] = [block for block in re.findall(r"^```python\n(.*?)^```", page, re.S | re.M) if "extra_files" in block]
    run = attnbench.load("runs/small/cbam-0")
    export.export(run, tmp_path / "cbam-0.pt2", "pt2")
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    assert capsys.readouterr().out.strip() in run.classes


def test_the_command_names_its_file_after_the_run(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["attnbench", "export", "runs/small/cbam-0"])
    with pytest.raises(SystemExit, match="0"):
        cli.main()
    (repository / "cbam-0.pt2").unlink()
    assert re.match(
        r"cbam-0\.pt2: images \(n, 3, 32, 32\) minus .* of 3 classes; largest difference", capsys.readouterr().out
    )


@pytest.mark.parametrize("kind", FORMATS)
def test_every_module_can_be_exported(
    every_module: tuple[EveryModule, torch.export.ExportedProgram], tmp_path: Path, kind: str
) -> None:
    """docs/by-hand.md says so."""
    network, program = every_module
    computed = export.write(export.portable(network), program, tmp_path / "file", kind, {})
    for n in BATCHES:
        x = torch.rand(n, 8, 6, 5)
        with torch.no_grad():
            together = computed(x)
            for index, (name, part) in enumerate(network.parts.items()):
                close = torch.isclose(together[:, index], part(x), rtol=export.TOLERANCE, atol=export.TOLERANCE)
                assert close.all(), f"{name}: other values for {n} image(s)"


@pytest.mark.parametrize("name", backbones.names())
def test_every_backbone_can_be_exported(tmp_path: Path, name: str) -> None:
    torch.manual_seed(0)
    network = networks.build_backbone(name, 3, (3, 16, 16)).eval()
    program = export.program_of(export.portable(network), torch.rand(export.EXAMPLE, 3, 16, 16), name)
    assert_same(program.module(), network, (3, 16, 16), name)
    traced = export.write(export.portable(network), program, tmp_path / "file", "torchscript", {})
    assert_same(traced, network, (3, 16, 16), name)


def assert_same(
    computed: Callable[[torch.Tensor], torch.Tensor], network: nn.Module, shape: tuple[int, ...], name: str
) -> None:
    for n in BATCHES:
        x = torch.rand(n, *shape)
        with torch.no_grad():
            close = torch.isclose(computed(x), network(x), rtol=export.TOLERANCE, atol=export.TOLERANCE)
        assert close.all(), f"{name}: other values for {n} image(s)"


@pytest.mark.parametrize("kind", FORMATS)
def test_what_cannot_be_exported_is_named(repository: Path, tmp_path: Path, kind: str) -> None:
    class Branching(networks.Gate):
        def gate(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean((2, 3), keepdim=True) if x.sum() > 0 else x

    run = attnbench.load("runs/small/baseline-0")
    run.network.slots()["block1.before_pool"].fill(Branching())
    with pytest.raises(UserError, match=r"^baseline-0 cannot be exported \(attention: Branching\): "):
        export.export(run, tmp_path / "network", kind)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not HAS_ONNX, reason="needs attnbench[export]")
def test_what_onnx_has_no_operator_for_is_named(tmp_path: Path) -> None:
    class Digamma(networks.Gate):
        def gate(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean((2, 3), keepdim=True).digamma()

    network = OneSlot(Digamma(), 8, (6, 5)).eval()
    program = export.program_of(network, torch.rand(export.EXAMPLE, 8, 6, 5), "mine-0")
    with (
        pytest.raises(UserError, match=r"^mine-0 cannot be exported \(attention: Digamma\): .*digamma"),
        export.refused_by_name(network, "mine-0"),
    ):
        export.write(network, program, tmp_path / "file", "onnx", {})


@pytest.mark.skipif(not HAS_ONNX, reason="needs attnbench[export]")
def test_what_onnx_runtime_cannot_compute_is_named(repository: Path, tmp_path: Path) -> None:
    class Double(networks.Gate):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(1, 8, 1, 1))

        def gate(self, x: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.conv2d(x.double(), self.weight.double()).float().sigmoid()

    run = attnbench.load("runs/small/baseline-0")
    run.network.slots()["block1.before_pool"].fill(Double())
    with pytest.raises(UserError, match=r"^baseline-0 cannot be exported \(attention: Double\): .*Conv"):
        export.export(run, tmp_path / "network.onnx", "onnx")
    assert list(tmp_path.iterdir()) == []


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
    with pytest.raises(UserError, match=r"ONNX needs onnxscript: pip install -e '\.\[export\]', or write --format"):
        export.export(attnbench.load("runs/small/baseline-0"), tmp_path / "network.onnx", "onnx")
