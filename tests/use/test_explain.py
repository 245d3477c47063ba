"""`attnbench explain`: a table of probabilities and a figure of what a network responds to."""

from pathlib import Path

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from PIL import Image
from torch import Tensor, nn

import attnbench
from attnbench import cli
from attnbench.errors import UserError
from attnbench.networks import Gate
from attnbench.use import TrainedRun, explain


class Sign(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x > 0).float()


class Step(Gate):
    """A gate of 0 and 1, through which nothing has a gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = Sign()

    def gate(self, x: Tensor) -> Tensor:
        return self.steps(x)


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    random = np.random.default_rng(0)
    paths = [tmp_path / f"{name}.png" for name in ("one", "two")]
    for path in paths:
        Image.fromarray(random.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(path)
    return paths


@pytest.fixture
def run(repository: Path) -> TrainedRun:
    return attnbench.load("runs/small/cbam-0")


@pytest.mark.parametrize("method", ["gradcam", "gates", "features", "channels"])
def test_the_command_prints_a_table_and_writes_a_figure(
    method: str,
    photos: list[Path],
    repository: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    figure = tmp_path / "figure.png"
    arguments = ["explain", "runs/small/cbam-0", *map(str, photos), "--method", method, "--write", str(figure)]
    monkeypatch.setattr("sys.argv", ["attnbench", *arguments])
    with pytest.raises(SystemExit, match="0"):
        cli.main()
    out = capsys.readouterr().out
    shares = attnbench.load("runs/small/cbam-0").probabilities([Image.open(path) for path in photos])
    assert "| 2     | two.png | " in out
    assert all(f" {share:.1%} " in out for share in shares.flatten().tolist())
    assert ("`block3.after_pool` | spatial |" in out) == (method == "gates")
    assert ("of the channel gates there is only this table" in out) == (method == "gates")
    with Image.open(figure) as image:
        assert image.width > 1500


def test_the_map_is_that_of_the_class_and_layer(
    run: TrainedRun, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = {}
    monkeypatch.setattr(explain.maps, "grad_cam", lambda views, block: drawn.update(views))
    explanation = explain.explain(run, photos, layer="block2.conv", target="star")
    x = run.preprocess([Image.open(path) for path in photos])
    maps = LayerGradCam(run.network, run.network.block2.conv).attribute(x, target=2, relu_attributions=True)
    assert list(drawn) == ["block2.conv"]
    [block] = drawn["block2.conv"].blocks.values()
    torch.testing.assert_close(torch.from_numpy(block.grad_cam), maps.detach()[:, 0])
    assert drawn["block2.conv"].classes == ("1 for star", "2 for star")
    assert explanation.text.splitlines()[0].endswith("| star   |")
    monkeypatch.setattr(explain.fonts, "families", lambda name: None)  # as if no font drew it
    explain.explain(run, photos, layer="block2.conv", target="star")
    assert drawn["block2.conv"].classes == ("1 for class 3", "2 for class 3")


def test_all_blocks_are_read_in_one_pass(run: TrainedRun, photos: list[Path]) -> None:
    passes = []
    run.network.register_forward_hook(lambda *_: passes.append(1))
    explain.explain(run, photos, method="features")
    assert len(passes) == 2  # with one image, to see whether each block returns maps, and with all


def test_gates_are_those_of_the_modules(run: TrainedRun, photos: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = {}
    monkeypatch.setattr(explain.maps, "spatial_gates", lambda views: drawn.update(views) or "figure")
    explain.explain(run, photos, method="gates", layer="block1.after_pool")
    [(slot, gate)] = drawn["cbam-0"].gates.items()
    inputs = []
    module = run.network.get_submodule(slot)
    module.register_forward_pre_hook(lambda _, args: inputs.extend(args))
    run.network(run.preprocess([Image.open(path) for path in photos]))
    expected = module.maps(*inputs)
    np.testing.assert_allclose(gate.channel, expected["channel"].detach()[:, :, 0, 0], atol=1e-3)
    np.testing.assert_allclose(gate.spatial, expected["spatial"].detach()[:, 0], atol=1e-3)


def test_channel_gates_alone_are_lines(repository: Path, photos: list[Path]) -> None:
    figure = explain.explain(attnbench.load("runs/small/se-0"), photos, method="gates").figure
    assert [ax.get_title() for ax in figure.axes] == [f"block{i}.after_pool" for i in (1, 2, 3)]
    assert [len(ax.lines) for ax in figure.axes] == [2, 2, 2]
    for ax in figure.axes:
        assert (np.diff(np.mean([line.get_ydata() for line in ax.lines], axis=0)) >= 0).all()


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"target": "sta"}, r"^cbam-0 has no class 'sta' \(did you mean 'star'\?\); allowed: 'ring'"),
        ({"target": "star", "method": "gates"}, r"--class star needs --method gradcam"),
        ({"layer": "block9"}, r"no layer 'block9'.*; its blocks are 'block1', 'block2', 'block3'"),
        ({"layer": "head"}, r"layer 'head' returns \(1, 3\) for one image; name one that returns maps"),
        ({"layer": "block1", "method": "gates"}, r"no gate 'block1' \(did you mean 'block1\.after_pool'"),
    ],
)
def test_a_choice_that_does_not_exist_is_refused(
    run: TrainedRun, photos: list[Path], choice: dict[str, str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        explain.explain(run, photos, **choice)


def test_other_inputs_are_refused(run: TrainedRun, photos: list[Path]) -> None:
    with pytest.raises(UserError, match="given 8 images; a figure has room for 6"):
        explain.explain(run, photos * 4)
    with pytest.raises(UserError, match="baseline-0 has no attention module"):
        explain.explain(attnbench.load("runs/small/baseline-0"), photos, method="gates")
    with pytest.raises(UserError, match=r"norm' is never called .*; name another, such as 'block1\.after_pool'"):
        explain.explain(attnbench.load("runs/small/sa-0"), photos, layer="block1.after_pool.norm")
    stepped = attnbench.load("runs/small/baseline-0")
    stepped.network.slots()["block3.before_pool"].fill(Step())
    with pytest.raises(UserError, match=r"has no Grad-CAM of 'block3\.before_pool\.steps', .*--method features"):
        explain.explain(stepped, photos, layer="block3.before_pool.steps")
