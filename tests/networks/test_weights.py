"""The weights of every attention module: how many, from which chance, in which file."""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

WIDTHS = [1, 3, 64, 100, 512]


def test_parameter_count_is_exact(flavour) -> None:
    for channels in WIDTHS:
        with torch.device("meta"):
            module = flavour.build(channels)
        assert all(parameter.requires_grad for parameter in module.parameters())
        counted = sum(parameter.numel() for parameter in module.parameters())
        assert (channels, flavour.parameter_count(channels)) == (channels, counted)


def test_state_survives_a_file(flavour, x: Tensor, tmp_path: Path) -> None:
    module, other = flavour.trained(), flavour.build(seed=2)
    save_file(module.state_dict(), tmp_path / "state.safetensors")
    other.load_state_dict(load_file(tmp_path / "state.safetensors"))
    assert torch.equal(module.eval()(x), other.eval()(x))


def test_a_seed_decides_the_weights_and_another_gives_others_unless_all_are_constants(flavour) -> None:
    """What takes nothing from the random stream starts every tensor with one number, 0 or 1 mostly."""
    first, again, other = (flavour.build(seed=seed).state_dict() for seed in (1, 1, 2))
    stream = torch.get_rng_state()
    assert same(first, again)
    if torch.equal(stream, torch.Generator().manual_seed(2).get_state()):
        assert all((parameter == parameter.flatten()[0]).all() for parameter in flavour.build().parameters())
    else:
        assert not same(first, other)


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
