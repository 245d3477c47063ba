"""Modules that break the contract are refused before anything is trained with them."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from attnbench.errors import UserError
from attnbench.networks import Attention, probe

FILE = Path("mine/gates.py")
FAILS = r"in slot block1\.after_pool Mine fails on maps \(2, 8, 6, 5\)"


class Mine(Attention):
    """A module of these functions. Its norm and its dropout would show that it was run."""

    def __init__(
        self,
        forward: Callable[[Tensor], object] = lambda x: x / 2,
        maps: Callable[[Tensor], object] = lambda x: {},
        modulation: Callable[[Tensor], object] = lambda x: {"gate": torch.full((len(x), 1, 1, 1), 0.5)},
    ) -> None:
        super().__init__()
        self.norm, self.dropout = nn.BatchNorm2d(8), nn.Dropout(0.5)
        self.functions = forward, maps, modulation

    def forward(self, x: Tensor) -> Tensor:
        self.dropout(self.norm(x))
        return self.functions[0](x)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        return self.functions[1](x)

    def modulation(self, x: Tensor) -> dict[str, Tensor]:
        return self.functions[2](x)

    def modulate(self, x: Tensor, modulation: dict[str, Tensor]) -> Tensor:
        return x * modulation["gate"]


def check(module: nn.Module) -> Attention:
    return probe.check(module, 8, (6, 5), file=FILE, slot="block1.after_pool")


def raises(error: Exception) -> Callable[[Tensor], object]:
    def function(x: Tensor) -> object:
        raise error

    return function


WRONG = {
    "other shape": (lambda x: x[:, :4], r"returned \(2, 4, 6, 5\) for maps \(2, 8, 6, 5\); must keep the shape"),
    "one image": (lambda x: x[:1], r"returned \(1, 8, 6, 5\) for maps \(2, 8, 6, 5\); must keep the shape"),
    "other type": (lambda x: x.double(), r"returned torch\.float64 for torch\.float32; must keep the type"),
    "integers": (lambda x: x.long(), r"returned torch\.int64 for torch\.float32"),
    "not a number": (lambda x: x / x, r"gives NaN or infinity with its initial weights"),
    "infinity": (lambda x: (x * 1000).exp(), r"gives NaN or infinity with its initial weights"),
    "in place": (lambda x: x.mul_(2), r"changed its input in place; write `x = x \* gate`, not `x \*= gate`"),
    "in place, of another shape": (lambda x: x.mul_(2)[:1], r"changed its input in place"),
    "tuple": (lambda x: (x, x), r"returned a tuple; must return a tensor in the shape of its input"),
    "nothing": (lambda x: None, r"returned a NoneType; must return a tensor"),
    "in place, to the same numbers": (lambda x: nn.ReLU(inplace=True)(x) / 2, r"changed its input in place"),
}
MAPS = {
    "other name": (
        {"gate": (2, 8, 1, 1)},
        r"returned 'gate': \(2, 8, 1, 1\) from `maps` for \(2, 8, 6, 5\); allowed: ",
    ),
    "other shape": ({"channel": (2, 8)}, r"returned 'channel': \(2, 8\) .*allowed: \{'channel': \(2, 8, 1, 1\)"),
    "swapped": ({"channel": (2, 8, 1, 1), "spatial": (2, 1, 5, 6)}, r"returned 'spatial': \(2, 1, 5, 6\)"),
}


class Own(Exception):
    """An exception that only the module knows."""


ERRORS = [RuntimeError, ValueError, KeyError, AssertionError, ZeroDivisionError, OSError, Own]


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_forward_is_refused(kind: str) -> None:
    forward, text = WRONG[kind]
    with pytest.raises(UserError, match=rf"^mine/gates\.py: in slot block1\.after_pool Mine {text}"):
        check(Mine(forward))


@pytest.mark.parametrize("kind", MAPS)
def test_wrong_maps_are_refused(kind: str) -> None:
    shapes, text = MAPS[kind]
    with pytest.raises(UserError, match=rf"^mine/gates\.py: in slot block1\.after_pool Mine {text}"):
        check(Mine(maps=lambda x: {name: torch.zeros(shape) for name, shape in shapes.items()}))


def test_maps_that_are_not_finite_are_refused() -> None:
    for value in (torch.nan, torch.inf):
        with pytest.raises(UserError, match="Mine gives NaN or infinity in 'spatial' of its `maps`"):
            check(Mine(maps=lambda x, value=value: {"spatial": torch.full((2, 1, 6, 5), value)}))


def test_maps_that_are_no_dictionary_or_change_the_input_are_refused() -> None:
    with pytest.raises(UserError, match="Mine returned a Tensor from `maps`; must return a dictionary"):
        check(Mine(maps=lambda x: x))
    with pytest.raises(UserError, match="Mine changed the input of `maps` in place"):
        check(Mine(maps=lambda x: {} if x.zero_().any() else {"channel": x.new_zeros(2, 8, 1, 1)}))


@pytest.mark.parametrize(
    ("modulation", "text"),
    [
        (lambda x: x, "returned a Tensor from `modulation`; must return a dictionary"),
        (lambda x: {}, "returned an empty dictionary from `modulation`; must return a dictionary"),
        (lambda x: {"gate": x[:1]}, r"returned 'gate': \(1, 8, 6, 5\) from `modulation`; must have a row for each of "),
        (lambda x: {"gate": x * 0.2}, r"computes in `forward` something else than modulate\(x, modulation\(x\)\)"),
    ],
)
def test_a_wrong_modulation_is_refused(modulation: Callable[[Tensor], object], text: str) -> None:
    with pytest.raises(UserError, match=rf"^mine/gates\.py: in slot block1\.after_pool Mine {text}"):
        check(Mine(modulation=modulation))


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_an_exception_inside_is_reported_with_its_type(error: type[Exception]) -> None:
    for module in (Mine(raises(error("broken"))), Mine(maps=raises(error("broken")))):
        with pytest.raises(UserError, match=rf"^mine/gates\.py: {FAILS}: {error.__name__}: .*broken"):
            check(module)


def test_an_exception_inside_is_reported_with_its_line() -> None:
    here, line = Path(__file__), views_of_channels_last.__code__.co_firstlineno + 1
    with pytest.raises(UserError, match=rf"^{here}:{line}: {FAILS}: RuntimeError: view size"):
        probe.check(Mine(views_of_channels_last), 8, (6, 5), file=here, slot="block1.after_pool")


def views_of_channels_last(x: Tensor) -> Tensor:
    return x.view(2, -1)


def test_a_module_that_is_no_attention_is_refused() -> None:
    with pytest.raises(
        UserError,
        match=r"^mine/gates\.py: Identity is not an attention module; derive it from `Gate` or `Attention`",
    ):
        check(nn.Identity())


def test_it_is_tried_on_the_maps_of_its_slot() -> None:
    seen = []
    check(Mine(lambda x: seen.append(x) or x / 2))
    x, *_ = seen
    assert x.shape == (2, 8, 6, 5)
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert x.min() == 0
    assert x.std() > 0


@pytest.mark.parametrize("training", [True, False])
def test_neither_the_module_nor_a_random_stream_is_touched(training: bool) -> None:
    module = Mine().train(training)
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    torch.manual_seed(1)
    streams = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002 -- the global one
    assert check(module) is module
    assert module.training is training
    assert all(torch.equal(tensor, state[name]) for name, tensor in module.state_dict().items())
    assert all(parameter.grad is None for parameter in module.parameters())
    assert torch.equal(torch.get_rng_state(), streams[0])
    assert random.getstate() == streams[1]
    assert (np.random.get_state()[1] == streams[2]).all()  # noqa: NPY002


def test_a_module_may_have_a_base_class_of_its_own() -> None:
    class Other(Mine):
        """Not derived from `Attention` directly."""

    module = Other()
    assert check(module) is module
