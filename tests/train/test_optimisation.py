"""Optimisers and schedules have the bits of torch's classes, without the compiler that those import."""

import copy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau

from attnbench.study.schema import OneCycleRecipe, SourceRecipe
from attnbench.train.optimisation import optimisation
from attnbench.train.optimizers import SGD, Adam

TORCHS = {
    Adam: lambda parameters, decay: torch.optim.Adam(parameters, lr=0.01, weight_decay=decay, fused=True),
    SGD: lambda parameters, decay: torch.optim.SGD(
        parameters, lr=0.01, momentum=0.9, nesterov=True, weight_decay=decay, fused=True
    ),
}


RECIPE = {
    "epochs": 3,
    "batch_size": 8,
    "learning_rate": 0.01,
    "weight_decay": 0.0,
    "label_smoothing": 0.0,
    "augmentation": [],
}


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("kind", TORCHS)
def test_steps_have_the_bits_of_torchs_optimiser(kind, decay):
    """With a parameter that gets a gradient only later, and one that never does."""
    torch.manual_seed(0)
    ours = nn.ModuleList([nn.Conv2d(4, 5, 3), nn.Conv2d(4, 5, 3), nn.Conv2d(4, 5, 3)])
    ours.to(memory_format=torch.channels_last)  # as networks are trained
    theirs = copy.deepcopy(ours)
    optimizer, torchs = kind(ours.parameters(), 0.01, decay), TORCHS[kind](theirs.parameters(), decay)
    for step in range(6):
        x = torch.randn(5, 4, 6, 6)
        optimizer.rate = torchs.param_groups[0]["lr"] = 0.01 * (step + 1)
        for layers, own in ((ours, optimizer), (theirs, torchs)):
            own.zero_grad()
            used = layers[:2] if step >= 2 or kind is SGD else layers[:1]  # torch's SGD fails on a late gradient
            sum(layer(x).square().sum() for layer in used).backward()
            own.step()
        assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    assert list(optimizer.state) == [0, 1, 2, 3]


def test_a_late_gradient_begins_with_no_momentum():
    early, late = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
    optimizer = SGD([early, late], 0.1, 0.0)
    early.grad = torch.ones(3)
    optimizer.step()
    late.grad = torch.ones(3)
    optimizer.step()
    torch.testing.assert_close(late.detach(), torch.full((3,), 1 - 0.1 * 1.9))


@pytest.mark.parametrize("warmup", [0.001, 0.1, 0.25, 0.3, 0.5, 0.99])
@pytest.mark.parametrize("steps", [1, 3, 7, 100])
def test_one_cycle_is_torchs(steps, warmup):
    optimizer, schedule = optimisation(
        nn.Linear(1, 1), OneCycleRecipe(**RECIPE, name="onecycle", optimizer="adam", warmup=warmup), steps
    )
    torchs = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)
    scheduler = OneCycleLR(torchs, 0.01, total_steps=steps, pct_start=warmup, cycle_momentum=False)
    for step in range(steps):
        assert optimizer.rate == torchs.param_groups[0]["lr"], step
        schedule.after_step()
        torchs.step()
        if step < steps - 1:
            scheduler.step()
    assert optimizer.rate == torchs.param_groups[0]["lr"]  # behind the last step it stays


def test_plateau_is_torchs():
    optimizer, schedule = optimisation(
        nn.Linear(1, 1), SourceRecipe(**RECIPE, name="source", patience=2, factor=0.5), 100
    )
    torchs = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.01)
    scheduler = ReduceLROnPlateau(torchs, patience=2, factor=0.5)
    losses = [3.0, 2.0, 1.99999, 1.9999, 1.9998, 1.9, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 1.0, 5.0, 1.0, 1.0, 0.5, 0.0, 0.0]
    rates = []
    for loss in losses:
        schedule.after_epoch(loss)
        scheduler.step(loss)
        rates.append(optimizer.rate)
        assert optimizer.rate == torchs.param_groups[0]["lr"]
    assert len(set(rates)) > 2


def test_training_leaves_the_compiler_out():
    """It takes a second and a half to import, longer than all else that a stage does before it trains."""
    code = """
import sys
sys.path.insert(0, sys.argv[1])
import conftest
from attnbench.training.run import run
run(conftest.tiny(), "cbam", 0, conftest.prepared())
print([name for name in ("torch._dynamo", "torch._inductor", "sympy") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
