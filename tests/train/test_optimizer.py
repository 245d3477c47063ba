"""Optimisers and schedules of the recipes, against formulas."""

import math

import params
import pytest
import torch
from small_training import small_study
from torch import nn

from attnbench.train.optimizer import after_epoch, after_step, build_optimizer, build_schedule, learning_rate


def weights(values: list[float]) -> nn.Module:
    network = nn.Linear(len(values), 1, bias=False)
    network.weight = nn.Parameter(torch.tensor([values]))
    return network


def step(network: nn.Module, optimizer: torch.optim.Optimizer, gradient: list[float]) -> list[float]:
    network.weight.grad = torch.tensor([gradient])
    optimizer.step()
    return network.weight.detach().flatten().tolist()


def test_adam_follows_the_paper_and_adds_weight_decay_to_the_gradient():
    network = weights([1.0, -2.0])
    optimizer = build_optimizer(network, small_study(optimizer="adam", learning_rate=0.1, weight_decay=0.5).recipe)
    expected, first, second = [1.0, -2.0], [0.0, 0.0], [0.0, 0.0]
    for t, gradient in enumerate(([0.3, 0.1], [-0.2, 0.4], [0.1, 0.1]), start=1):
        for i in range(2):
            g = gradient[i] + 0.5 * expected[i]
            first[i] = 0.9 * first[i] + 0.1 * g
            second[i] = 0.999 * second[i] + 0.001 * g * g
            corrected = first[i] / (1 - 0.9**t), second[i] / (1 - 0.999**t)
            expected[i] -= 0.1 * corrected[0] / (math.sqrt(corrected[1]) + 1e-8)
        assert step(network, optimizer, gradient) == pytest.approx(expected, rel=1e-5)


def test_sgd_has_nesterov_momentum_and_adds_weight_decay_to_the_gradient():
    network = weights([1.0, -2.0])
    optimizer = build_optimizer(network, small_study(optimizer="sgd", learning_rate=0.1, weight_decay=0.5).recipe)
    expected, momentum = [1.0, -2.0], [0.0, 0.0]
    for gradient in ([0.3, 0.1], [-0.2, 0.4], [0.1, 0.1]):
        for i in range(2):
            g = gradient[i] + 0.5 * expected[i]
            momentum[i] = 0.9 * momentum[i] + g
            expected[i] -= 0.1 * (g + 0.9 * momentum[i])
        assert step(network, optimizer, gradient) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["adam", "sgd"])
def test_a_parameter_may_get_its_first_gradient_late(kind):
    """Its first step is that of a new optimiser; torch's fused SGD would fail."""
    network = nn.ModuleList([weights([1.0]), weights([1.0]), weights([1.0])])
    recipe = small_study(optimizer=kind, learning_rate=0.1, weight_decay=0.0).recipe
    optimizer = build_optimizer(network, recipe)
    step(network[0], optimizer, [1.0])
    late = step(network[1], optimizer, [1.0])
    alone = weights([1.0])
    assert late == step(alone, build_optimizer(alone, recipe), [1.0])
    assert network[2].weight.item() == 1.0


def rates(steps: int, *, optimizer: str = "adam", warmup: float) -> list[float]:
    """Return the learning rate of each step, and that after the last."""
    network, recipe = weights([1.0]), small_study(optimizer=optimizer, learning_rate=0.01, warmup=warmup).recipe
    built = build_optimizer(network, recipe)
    schedule = build_schedule(built, recipe, steps)
    rate_of_step = [learning_rate(built)]
    for _ in range(steps):
        step(network, built, [1.0])
        after_step(schedule)
        after_epoch(schedule, validation_loss=1.0)
        rate_of_step.append(learning_rate(built))
    momentum = built.param_groups[0]["betas"] if optimizer == "adam" else built.param_groups[0]["momentum"]
    assert momentum == ((0.9, 0.999) if optimizer == "adam" else 0.9)  # it is not cycled
    return rate_of_step


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("warmup", [0.001, 0.1, 0.1000001, 0.25, 0.3, 0.99])
@pytest.mark.parametrize("steps", [3, 7, 10, 100])
def test_one_cycle_rises_and_falls_along_cosines(steps, warmup, optimizer):
    """From 1/25 of the peak up, down to 1/250,000 of it; a rise of one step (0.1 of 10) does not divide by 0."""
    top, last = warmup * steps - 1, steps - 1
    expected = []
    for number in range(steps):
        if number <= top:
            low, share = 0.01 / 25, 1 - (number / top if top else 0)
        else:
            low, share = 0.01 / 25e4, (number - top) / (last - top)
        expected.append(low + (0.01 - low) * (1 + math.cos(math.pi * share)) / 2)
    *rate_of_step, after = rates(steps, optimizer=optimizer, warmup=warmup)
    assert rate_of_step == pytest.approx(expected)
    assert after == rate_of_step[-1]


def plateau_rates(losses: list[float], rate: float, **changes: object) -> list[float]:
    values = {
        key: value for key, value in params.recipe(learning_rate=rate).items() if key not in ("optimizer", "warmup")
    }
    recipe = small_study(**values | {"name": "source", "patience": 2, "factor": 0.5} | changes).recipe
    optimizer = build_optimizer(weights([1.0]), recipe)
    schedule, rate_of_epoch = build_schedule(optimizer, recipe, steps=100), []
    for loss in losses:
        after_step(schedule)  # changes nothing
        after_epoch(schedule, loss)
        rate_of_epoch.append(learning_rate(optimizer))
    return rate_of_epoch


def test_a_plateau_halves_the_rate_after_patience_and_counts_from_there():
    losses = [3.0, 2.0, 2.5, 2.5, 2.5, 1.9, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    assert plateau_rates(losses, 0.01) == [0.01] * 4 + [0.005] * 4 + [0.0025] * 3 + [0.00125]


def test_a_plateau_ends_only_when_the_loss_falls_by_more_than_one_in_ten_thousand():
    assert plateau_rates([1.0, 0.99991], 0.01, patience=0) == [0.01, 0.005]
    assert plateau_rates([1.0, 0.99989], 0.01, patience=0) == [0.01, 0.01]


def test_a_plateau_lowers_the_rate_however_small_it_is():
    assert plateau_rates([1.0, 1.0, 1.0], 1e-8, patience=0) == pytest.approx([1e-8, 5e-9, 2.5e-9], rel=1e-12)
