"""Accuracy with frozen and with shuffled gates, and the statistics of the gates, on networks small enough to compute by
hand."""

from typing import Any

import pytest
import torch
from networks.reference import attention
from torch import Tensor, nn

from attnbench import networks
from attnbench.ablate import ablate
from attnbench.ablate.ablation import permutation_without_fixed_points
from attnbench.ablate.interception import intercepted, replaced
from attnbench.ablate.slot_statistics import SlotStatistics
from attnbench.networks import Attention, Gate, Network, Slot, seeding
from attnbench.networks.identity_start import FromIdentity
from attnbench.records.prepared import Description, Prepared
from attnbench.study import attention as modules
from attnbench.tools.contract.one_slot import OneSlot

DARK, BRIGHT = 51, 102  # pixels: 0.2 and 0.4
IMAGES = 300  # two batches, the second one padded with black images


def images(pixels: Tensor) -> Tensor:
    return pixels.to(torch.uint8)[:, None, None, None].expand(-1, 1, 8, 8).contiguous()


def data(train: Tensor, test: Tensor, labels: Tensor) -> Prepared:
    """Images of one colour, which reach the network unchanged. The last training image is held out."""
    return Prepared(
        description=Description("Colours", "Made in the test.", ("a", "b"), 0, (0.0,), (1.0,)),
        train_images=images(train),
        train_labels=torch.zeros(len(train), dtype=torch.int64),
        test_images=images(test),
        test_labels=labels,
        train_index=torch.arange(len(train) - 1),
        validation_index=torch.tensor([len(train) - 1]),
    )


class Step(Gate):
    """A gate of 1 for maps with a mean below `edge`, and of 0.25 for others."""

    def __init__(self, edge: float) -> None:
        super().__init__()
        self.edge = edge

    def gate(self, x: Tensor) -> Tensor:
        dark = x.mean((1, 2, 3), keepdim=True) < self.edge  # (n, 1, 1, 1)
        return torch.where(dark, 1.0, 0.25)


class Chain(Network):
    """Gates one after the other; class 1 if what is left is above `threshold`."""

    def __init__(self, *gates: Attention, threshold: float) -> None:
        super().__init__()
        self.gates = nn.ModuleList(gates)
        self.threshold = nn.Parameter(torch.tensor(threshold))

    def forward(self, x: Tensor) -> Tensor:
        for gate in self.gates:
            x = gate(x)
        rest = x.mean((1, 2, 3)) - self.threshold
        return torch.stack([-rest, rest], 1)

    def slots(self) -> dict[str, Slot]:
        return {f"slot{i}": Slot(self.gates, str(i), 1, i + 1, "body", 1, (8, 8)) for i in range(len(self.gates))}

    def views(self) -> dict[str, nn.Module]:
        return {}


def test_frozen_and_shuffled_by_hand() -> None:
    """What is left of a dark image is 0.2, of a bright one 0.1; with the frozen gate 0.5, 0.1 and 0.2."""
    is_dark = torch.arange(IMAGES) % 3 == 0
    # two of three training images are bright, the mean of their gates is 0.5; the one held out would make it 0.625
    train, test = torch.tensor([DARK, BRIGHT, BRIGHT, DARK]), torch.where(is_dark, DARK, BRIGHT)
    network = Chain(Step(0.3), threshold=0.11)
    ablation = ablate(network, data(train, test, is_dark.long()), seed=5)
    others = permutation_without_fixed_points(IMAGES, seeding.generator(5, "ablate"))
    assert ablation.accuracy == 1
    assert ablation.frozen_accuracy == 0
    assert ablation.shuffled_accuracy == (is_dark == is_dark[others]).double().mean().item()
    [slot] = ablation.slots
    gate = slot.quantities["gate"]
    assert (gate.mean, gate.saturated) == (pytest.approx(0.5), pytest.approx(1 / 3))
    assert gate.spread == pytest.approx(0.75 * (2 / 9) ** 0.5)
    assert slot.factor is not None
    assert (slot.factor.mean, slot.factor.spread) == (gate.mean, gate.spread)
    assert isinstance(network.gates[0], Step)


def test_all_slots_take_their_gates_from_the_same_image_in_the_unchanged_network() -> None:
    """The second gate answers to the first: in the unchanged network it is 0.25 after a gate of 1, and 1 otherwise."""
    is_dark = torch.arange(IMAGES) % 3 == 0
    test = torch.where(is_dark, DARK, BRIGHT)
    threshold = 0.07  # above the 0.05 of a dark image, below the 0.1 of a bright one
    network = Chain(Step(0.3), Step(0.15), threshold=threshold)
    ablation = ablate(network, data(test, test, (~is_dark).long()), seed=5)
    others = permutation_without_fixed_points(IMAGES, seeding.generator(5, "ablate"))
    first = torch.where(is_dark, 1.0, 0.25)
    second = torch.where(torch.where(is_dark, 0.2, 0.1) < 0.15, 1.0, 0.25)
    left = torch.where(is_dark, 0.2, 0.4) * first[others] * second[others]
    assert ablation.accuracy == 1
    assert ablation.shuffled_accuracy == ((left > threshold) == ~is_dark).double().mean().item()


CONSTANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "a constant": ("constant", {"value": 0.3}),
    "a gate per channel": ("static", {"start": 0.3}),
    "a gate per channel and position": ("static", {"over": "both", "start": 0.3}),
}


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("kind", CONSTANTS)
def test_a_gate_that_does_not_see_its_input_is_the_same_frozen_and_shuffled(kind: str, wrapped: bool) -> None:
    """Labels are what the network predicts, and the threshold lies among the images: one other bit would show."""
    name, options = CONSTANTS[kind]
    module = attention(name, 1, (8, 8), **options)
    if wrapped:
        module = FromIdentity(module)
        nn.init.constant_(module.amount, 0.5)
    test = torch.arange(IMAGES) % 256
    network = Chain(module, threshold=0.3)
    ablation = ablate(network, data(test[::7], test, test % 2), seed=0)
    assert ablation.frozen_accuracy == ablation.shuffled_accuracy == ablation.accuracy
    [slot] = ablation.slots
    [gate] = slot.quantities.values()
    assert (gate.mean, gate.spread, gate.saturated) == (pytest.approx(0.3), 0, 0)
    assert slot.factor is not None
    assert (slot.factor.mean, slot.factor.spread) == (pytest.approx(0.65 if wrapped else 0.3), 0)


def test_an_identity_start_weakens_the_factor_and_not_the_gate_inside() -> None:
    module = FromIdentity(Step(0.3))
    nn.init.constant_(module.amount, -0.5)
    test = torch.tensor([DARK, BRIGHT])
    [slot] = ablate(Chain(module, threshold=0.1), data(test, test, test % 2), seed=0).slots
    assert (slot.quantities["gate"].mean, slot.quantities["gate"].spread) == pytest.approx((0.625, 0.375))
    assert slot.factor is not None
    assert (slot.factor.mean, slot.factor.spread) == pytest.approx((1 - 0.5 * (0.625 - 1), 0.5 * 0.375))


def test_dead_units_are_those_of_all_test_images_and_of_no_padding() -> None:
    """Of 4 units, one is on for all images, one for bright ones, one for none, and one only for black ones."""
    module = attention("se", 1, bias=True)
    module.excitation[0], module.excitation[2] = nn.Linear(1, 4), nn.Linear(4, 1)
    with torch.no_grad():
        module.excitation[0].weight[:] = torch.tensor([[1.0], [1.0], [0.0], [-1.0]])
        module.excitation[0].bias[:] = torch.tensor([0.0, -0.3, -1.0, 0.1])
    test = torch.full((IMAGES,), DARK).index_fill(0, torch.tensor(7), BRIGHT)
    [slot] = ablate(Chain(module, threshold=0.1), data(test, test, test % 2), seed=0).slots
    assert (slot.hidden_units, slot.dead_units) == (4, 2)


HIDDEN: dict[str, tuple[str, dict[str, Any], str, int]] = {  # module, options, its first layer, hidden units
    "of two transforms": ("gc", {"fusion": "both"}, "scale.0", 4 + 4),
    "of a channel and a spatial branch": ("bam", {}, "spatial.0", 4 + 3 * 4),
    "of gather and excitation": ("gather_excite", {"flavour": "theta_plus", "extent": 4}, "gather.0", 64 + 64 + 4),
    "of a bottleneck at every position": ("se", {"squeeze": "none", "bias": True}, "excitation.0", 4),
    "of a bottleneck, but not the ReLU of a gate": ("se", {"activation": "relu", "bias": True}, "excitation.0", 4),
}


@pytest.mark.parametrize("case", HIDDEN)
def test_a_hidden_unit_of_any_layer_is_dead_unless_one_position_of_one_image_turns_it_on(case: str) -> None:
    name, options, first, units = HIDDEN[case]
    module = attention(name, 64, (6, 5), **options)
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.zeros_(layer.weight)
            if layer.bias is not None:
                nn.init.constant_(layer.bias, -1)
    with torch.no_grad():
        module.get_submodule(first).weight[0, 0] = 100
    x = torch.zeros(3, 64, 6, 5)
    x[1, 0, 2, 3] = 1
    for images, dead in ((3, units - 1), (1, units)):  # the others are padding
        with torch.inference_mode(), intercepted(OneSlot(module, 64, (6, 5)).eval()) as modules_of:
            [intercept] = modules_of.values()
            intercept(x)
            statistics = SlotStatistics(module, intercept.modulation)
            statistics.add(intercept.modulation, intercept.active, images)
        slot = statistics.record("slot")
        assert (slot.hidden_units, slot.dead_units) == (units, dead)


class Positions(Gate):
    """Layers with one ReLU for all, which take images and positions as one dimension, and layers that see no image."""

    def __init__(self) -> None:
        super().__init__()
        relu = nn.ReLU()
        self.seeing = nn.Sequential(nn.Linear(1, 3), relu, nn.Linear(3, 2), relu, nn.Linear(2, 1))
        self.blind = nn.Sequential(nn.Linear(1, 4), nn.ReLU())

    def gate(self, x: Tensor) -> Tensor:
        return self.seeing(x.reshape(-1, 1)).view_as(x) + self.blind(x.new_ones(1, 1)).mean()


def test_layers_may_share_a_relu_and_their_rows_need_not_be_images() -> None:
    module = Positions()
    for parameter in module.parameters():
        nn.init.constant_(parameter, -1)
    nn.init.constant_(module.seeing[0].weight[:1], 100)
    x = torch.zeros(3, 1, 2, 2)
    x[1, 0, 1, 1] = 1
    with torch.inference_mode(), intercepted(OneSlot(module, 1, (2, 2))) as modules_of:
        [intercept] = modules_of.values()
        intercept(x)
    assert [on.sum(1).tolist() for on in intercept.active.values()] == [[0, 1, 0], [0, 0, 0], [0]]
    assert [on.shape[1] for on in intercept.active.values()] == [3, 2, 4]


def test_a_network_without_a_module_has_only_its_accuracy() -> None:
    test = torch.tensor([DARK, BRIGHT])
    ablation = ablate(Chain(threshold=0.3), data(test, test, torch.tensor([0, 1])), seed=0)
    assert (ablation.accuracy, ablation.frozen_accuracy, ablation.shuffled_accuracy, ablation.slots) == (
        1,
        None,
        None,
        [],
    )


@pytest.mark.parametrize("n", [2, 3, 257])
def test_the_permutation_has_no_fixed_point(n: int) -> None:
    order = permutation_without_fixed_points(n, torch.Generator().manual_seed(0))
    assert order.sort().values.tolist() == list(range(n))
    assert (order != torch.arange(n)).all()


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("name", modules.names())
def test_every_module_can_be_read_and_replaced(name: str, wrapped: bool) -> None:
    """With its own modulation it gives the same bits; with that of other images another output, unless it is blind."""
    torch.manual_seed(0)
    inside = attention(name, 64, (6, 5))
    module = FromIdentity(inside) if wrapped else inside
    for parameter in module.parameters():  # what starts at 0 hides everything else
        nn.init.uniform_(parameter, -0.5, 0.5)
    x = torch.rand(4, 64, 6, 5)
    network = OneSlot(module, 64, (6, 5)).eval()
    with torch.inference_mode(), intercepted(network) as modules_of:
        y = module(x)
        assert torch.equal(network(x), y)
        own = dict(modules_of["stage1.body"].modulation)
        with replaced(modules_of, {"stage1.body": own}):
            assert torch.equal(network(x), y)
        with replaced(modules_of, {"stage1.body": {key: tensor.flip(0) for key, tensor in own.items()}}):
            assert torch.equal(network(x), y) == (name in ("constant", "static"))
        with replaced(modules_of, {"stage1.body": {key: tensor.mean(0, keepdim=True) for key, tensor in own.items()}}):
            assert network(x).shape == x.shape
        assert torch.equal(network(x), y)
    assert network.body is module


def test_batch_norms_of_a_module_stay_as_they_are() -> None:
    network = networks.build_backbone("cnn", 2, (1, 8, 8), {"width": 4, "hidden": 8})
    for slot in network.slots().values():
        slot.fill(attention("bam", slot.channels, slot.size))
    before = {key: value.clone() for key, value in network.train().state_dict().items()}
    test = torch.arange(IMAGES) % 256
    ablate(network, data(test, test, test % 2), seed=0)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert network.training
