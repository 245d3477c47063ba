"""What a process may be asked to do: a turn is a function without arguments that returns how many images it had."""

from collections.abc import Callable

import torch
from torch import nn

from attnbench import networks
from attnbench.networks import arithmetic
from attnbench.records.prepared import Prepared
from attnbench.tools.bench import images
from attnbench.tools.bench.settings import AUGMENTATION, BARE, ENGINE, EVERY, LOOP_0, LOOP_2, Settings, turn_name
from attnbench.tools.bench.tutorial import Loop, loader
from attnbench.train.batches import Batches
from attnbench.train.loop import Training
from attnbench.train.optimisation import optimisation
from attnbench.train.step import Step

Turn = Callable[[], int]


def loops(settings: Settings, seed: int) -> dict[str, Turn]:
    """Return the turns of the tutorials' loop, with torch as it comes."""
    device = torch.device(settings.study.machine.device)
    data = images.draw(settings.images)
    turns = {}
    for contender, workers in ((LOOP_0, 0), (LOOP_2, 2)):
        batches = loader(data, workers)  # one for all variants: they take turns
        for variant in settings.variants:
            network = _network(settings, variant, data, seed)
            loop = Loop(network, batches, device, learning_rate=settings.study.recipe.learning_rate)
            turns[turn_name(contender, variant)] = _whole(loop.one_pass, len(data.train_index))
    return turns


def engines(settings: Settings, seed: int) -> dict[str, Turn]:
    """Return the turns of our own training and of its parts, with torch set up as `attnbench run` does it."""
    study = settings.study
    device = arithmetic.set_up(study.machine)
    data = images.draw(settings.images)
    batches = Batches(data, study.recipe, seed, device)
    turns = {turn_name(AUGMENTATION, EVERY): _whole(lambda: _make(batches), len(data.train_index))}
    for variant in settings.variants:
        network = _network(settings, variant, data, seed)
        training = Training(network, data, study.recipe, study.machine, seed=seed, device=device)
        turns[turn_name(ENGINE, variant)] = _whole(training.one_pass, len(data.train_index))
        turns[turn_name(BARE, variant)] = _bare(settings, _network(settings, variant, data, seed), batches, device)
    return turns


def _bare(settings: Settings, network: nn.Module, batches: Batches, device: torch.device) -> Turn:
    """Return a turn of steps on one and the same batch, which stays where it is."""
    study = settings.study
    network = network.to(device).to(memory_format=torch.channels_last).train()
    optimizer, _ = optimisation(network, study.recipe, steps=study.recipe.epochs * len(batches))
    step = Step(network, optimizer, study.recipe, study.machine)
    pixels, labels = next(iter(batches))

    def turn() -> int:
        for _ in range(len(batches)):
            step(pixels, labels)
        return len(batches) * len(labels)

    return turn


def _make(batches: Batches) -> None:
    """Gather, augment and normalise every image once."""
    for _ in batches:
        pass


def _whole(one_pass: Callable[[], object], count: int) -> Turn:
    def turn() -> int:
        one_pass()
        return count

    return turn


def _network(settings: Settings, variant: str, data: Prepared, seed: int) -> nn.Module:
    return networks.build(settings.study, variant, data, seed)
