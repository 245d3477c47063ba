"""The file of the views, and the checkpoint that they are computed from."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from attnbench import views
from attnbench.errors import UserError
from attnbench.networks.checkpoint import load_weights
from attnbench.records import tensors
from attnbench.records import views as store


def same(left: object, right: object) -> bool:
    if isinstance(left, np.ndarray):
        return isinstance(right, np.ndarray) and left.dtype == right.dtype and np.array_equal(left, right)
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if hasattr(left, "__dataclass_fields__"):
        return type(left) is type(right) and same(vars(left), vars(right))
    return left == right


@pytest.mark.parametrize("masks", [True, False])
def test_round_trip(attended, data, tmp_path, masks):
    computed = views.compute(attended, data, count=3, variant="cbam", seed=7)
    computed = computed if masks else replace(computed, masks=None)
    blocks = {"z": computed.blocks["block1"], "a": computed.blocks["block1"]}  # the order of the blocks is kept
    computed = replace(computed, blocks=blocks)
    store.save(tmp_path / "views.safetensors", computed)
    assert same(store.load(tmp_path / "views.safetensors", variant="cbam", seed=7, classes=data.classes), computed)


def test_reading_needs_no_torch():
    code = "import sys, attnbench.records.views; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"views/se.safetensors is missing; `attnbench run STUDY` makes it"):
        store.load(tmp_path / "views" / "se.safetensors", variant="se", seed=0, classes=["a"])


@pytest.mark.parametrize("content", [b"", b"not a safetensors file"])
def test_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "se.safetensors"
    path.write_bytes(content)
    with pytest.raises(
        UserError, match=r"se.safetensors contains no views .*; delete it and run `attnbench run STUDY`"
    ):
        store.load(path, variant="se", seed=0, classes=["a"])


def weights(network):
    return {name: value.numpy() for name, value in network.state_dict().items()}


def test_weights_of_another_network(network, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    with pytest.raises(UserError, match=r"checkpoint.safetensors is missing; `dvc repro` trains it"):
        load_weights(network, path)
    path.write_bytes(b"half")
    with pytest.raises(UserError, match="is not a checkpoint"):
        load_weights(network, path)
    tensors.write(path, {name: value for name, value in weights(network).items() if name != "linear.bias"}, {})
    with pytest.raises(UserError, match=r"weights of another network: .*\n.*linear.bias"):
        load_weights(network, path)


def test_weights_are_those_of_the_file(network, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    others = {name: value + 1 for name, value in weights(network).items()}
    tensors.write(path, others, {})
    load_weights(network, path)
    assert all(np.array_equal(value, others[name]) for name, value in weights(network).items())
