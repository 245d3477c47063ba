"""What layers return in one pass through a network."""

import pytest
import torch
from torch import Tensor, nn

from attnbench.errors import UserError
from attnbench.use.layer_outputs import layer_maps


class Network(nn.Module):
    """Calls its convolution once and its ReLU twice; of its part, it uses only the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu, self.pool = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2, return_indices=True)
        self.part = nn.Sequential(nn.Conv2d(4, 4, 1))
        self.groups = nn.ReLU()
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        assert not self.training
        x = self.relu(self.conv(x))
        x = self.relu(nn.functional.conv2d(x, self.part[0].weight))
        x = self.groups(x.reshape(2, 2, 6, 6)).reshape(1, 4, 6, 6)
        return self.pool(x)[0]


X = torch.rand(1, 3, 8, 8)


def test_one_pass_gives_the_maps_of_all_layers_and_leaves_the_network_as_it_was() -> None:
    network = Network()
    maps = layer_maps(network, {"conv": network.conv, "relu": network.relu}, X)
    assert network.calls == 1
    assert torch.equal(maps["conv"][0], network.conv(X))
    assert [output.shape for output in maps["relu"]] == [(1, 4, 6, 6)] * 2
    assert network.training
    assert not any(layer._forward_hooks for layer in network.modules())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("part.0", r"^layer 'part\.0' is never called when the network computes; name another, such as 'part', which"),
        ("part", r"^layer 'part' is never called when the network computes$"),
        ("groups", r"^layer 'groups' returns maps of 2 images \(2, 2, 6, 6\) for one, as where groups"),
        ("pool", r"^layer 'pool' returns a tuple for one image; name one that returns maps \(n, c, h, w\)$"),
    ],
)
def test_a_layer_without_maps_is_refused(name: str, message: str) -> None:
    network = Network()
    with pytest.raises(UserError, match=message):
        layer_maps(network, {name: network.get_submodule(name)}, X)
