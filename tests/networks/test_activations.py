"""The option `activation` of gates; the functions themselves are tested with `se`."""

import pytest
import torch
from networks.reference import jolted, random_maps
from torch import nn

from attnbench.study import attention as modules

GATES = {"cbam": 2, "triplet": 3} | dict.fromkeys(  # activations
    ("cam", "coordinate", "eca", "ela", "ema", "ese", "gam", "lska", "mlca", "sam", "se", "sge", "shuffle", "srm"), 1
)


def test_every_module_with_the_option_is_tested() -> None:
    assert set(GATES) == {name for name in modules.names() if "activation" in modules.options(name)}


@pytest.mark.parametrize("name", GATES)
def test_it_replaces_every_sigmoid(name: str) -> None:
    x, hard, other = (
        random_maps(16).float(),
        jolted(name, 16, activation="hardsigmoid").float(),
        jolted(name, 16, activation="sigmoid").float(),
    )
    before, replaced = other(x), 0
    for part in list(other.modules()):
        if isinstance(getattr(part, "activation", None), nn.Sigmoid):
            part.activation = nn.Hardsigmoid()
            replaced += 1
    assert replaced == GATES[name]
    assert torch.equal(hard(x), other(x))
    assert not torch.allclose(hard(x), before, rtol=1e-3)
