"""How fast training is on this machine: `attnbench bench`.

For each variant four contenders train the same network on the same images with the same augmentation:

    tutorial               torchvision transforms on PIL images, a DataLoader, Adam; loss and accuracy read every step
    tutorial, 2 workers    the same, with two worker processes in the DataLoader
    engine                 an epoch of `attnbench.train`, without validation
    bare step              forward, backward and optimiser on one batch that stays on the device: the limit

They take turns in one process with the same torch settings, in an order that is shuffled every round. A slow minute of
the machine therefore affects them all, and every ratio compares two turns of the same round. The first round warms up
and is discarded.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil, lcm
from pathlib import Path
from statistics import median
from typing import Any, Literal

import pandas as pd
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from attnbench import machine, networks
from attnbench.data.prepare import prepare
from attnbench.errors import UserError
from attnbench.networks import arithmetic, refusals
from attnbench.records.prepared import Prepared
from attnbench.study.schema import ShapesData, Study
from attnbench.train.augment.batch import OPERATIONS
from attnbench.train.augment.parameters import MAX_DEGREES, MAX_HUE, SPREAD
from attnbench.train.loop import Training

TUTORIAL, TUTORIAL_WORKERS, ENGINE, BARE = "tutorial", "tutorial, 2 workers", "engine", "bare step"
TUTORIAL_BATCH_SIZE = 64
TUTORIAL_PADDING = 4

Turn = Callable[[], object]  # trains once on as many images as every other turn
Seconds = dict[tuple[str, str], list[float]]  # (variant, contender) -> the time of its turn in each counted round


@dataclass(frozen=True)
class Benchmark:
    """What is measured: variants of a study with the recipe and machine of the measurement."""

    study: Study
    variants: tuple[str, ...]  # step times are relative to the first
    images: int  # per turn
    rounds: int  # without the warm-up


def configure(
    study: Study,
    variants: list[str] | None,
    *,
    images: int,
    rounds: int,
    batch_size: int,
    precision: Literal["float32", "bf16"] | None,
) -> Benchmark:
    """Return the benchmark of a study with every augmentation on; `batch_size` is that of the engine and the bare step.

    `variants` defaults to the baseline and `cbam`, or the first other variant if there is no `cbam`.

    Raises:
        UserError: `images` leaves an incomplete batch, so contenders would do different work.
    """
    whole = lcm(batch_size, TUTORIAL_BATCH_SIZE)
    if images % whole:
        raise UserError(
            f"--images: given {images}; must be a multiple of the batch sizes {batch_size} and {TUTORIAL_BATCH_SIZE}, "
            f"such as {ceil(images / whole) * whole}"
        )
    others = [name for name in study.variants if name != study.baseline]
    default = [study.baseline, "cbam" if "cbam" in others else others[0]]
    recipe = {
        "batch_size": batch_size,
        "augmentation": list(OPERATIONS),
        "crop_padding": TUTORIAL_PADDING,
        "epochs": rounds + 1,  # a turn is an epoch, so the learning rate's cycle ends with the last round
    }
    changes = {
        "recipe": study.recipe.model_copy(update=recipe),
        "machine": study.machine.model_copy(update={"precision": precision or study.machine.precision}),
    }
    return Benchmark(study.model_copy(update=changes), tuple(dict.fromkeys(variants or default)), images, rounds)


def measure(benchmark: Benchmark, log: Callable[[str], object]) -> Seconds:
    """Return the seconds of every counted turn; `log` receives a line after each round.

    Raises:
        UserError: the device is missing, or its memory is full.
    """
    device = arithmetic.set_up(benchmark.study.machine)
    with refusals.memory_limit(benchmark.study.machine, "give a smaller --batch-size"):
        return in_turns(contenders(benchmark, device), benchmark, device, log)


def in_turns(
    turns: dict[tuple[str, str], Turn], benchmark: Benchmark, device: torch.device, log: Callable[[str], object]
) -> Seconds:
    """Let the contenders take turns, in a new order each round; return the seconds of every counted turn."""
    seconds: Seconds = {contender: [] for contender in turns}
    order = random.Random(benchmark.study.seeds[0])
    for number in range(benchmark.rounds + 1):
        start = time.perf_counter()
        for contender in order.sample(list(turns), len(turns)):
            elapsed = timed(turns[contender], device)
            if number > 0:
                seconds[contender].append(elapsed)
        name = f"round {number} of {benchmark.rounds}" if number else "warm-up"
        log(f"{name}: {time.perf_counter() - start:.0f} s")
    return seconds


def timed(turn: Turn, device: torch.device) -> float:
    """Return the seconds from the start of a turn until the device has finished it."""
    wait: Callable[[], None] = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    wait()
    start = time.perf_counter()
    turn()
    wait()
    return time.perf_counter() - start


def contenders(benchmark: Benchmark, device: torch.device) -> dict[tuple[str, str], Turn]:
    """Return the turns by variant and contender."""
    study, seed = benchmark.study, benchmark.study.seeds[0]
    data = generated_images(benchmark.images)
    loaders = {TUTORIAL: tutorial_loader(data, workers=0), TUTORIAL_WORKERS: tutorial_loader(data, workers=2)}
    turns: dict[tuple[str, str], Turn] = {}
    for variant in benchmark.variants:
        for contender, loader in loaders.items():
            network = networks.build(study, variant, data, seed).to(device)
            turns[variant, contender] = tutorial(network, loader, study.recipe.learning_rate, device)
        for contender, turn_of in ((ENGINE, lambda training: training.train_pass), (BARE, bare_steps)):
            network = networks.build(study, variant, data, seed)
            training = Training(network, data, study.recipe, study.machine, seed=seed, device=device)
            turns[variant, contender] = turn_of(training)
    return turns


def generated_images(count: int) -> Prepared:
    """Return generated images (3, 32, 32) of ten classes, `count` of them for training."""
    drawn = 100 + count * 5 // 4  # a tenth becomes the validation part, which is not used
    data = prepare(ShapesData(source="shapes", train_images=drawn, test_images=10, seed=0, split_seed=0), root=Path())
    return replace(data, train_index=data.train_index[:count])


def bare_steps(training: Training) -> Turn:
    """Return the steps of an epoch, all of them on the first batch."""
    images, labels = next(iter(training.batches))

    def steps() -> None:
        training.network.train()
        for _ in range(len(training.batches)):
            training.step(images, labels)

    return steps


def tutorial(network: nn.Module, loader: DataLoader[Any], learning_rate: float, device: torch.device) -> Turn:
    """Return an epoch of the training loop that tutorials show; it returns the mean loss and the accuracy 0..1."""
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)

    def epoch() -> tuple[float, float]:
        network.train()
        running_loss, correct, total = 0.0, 0.0, 0
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)  # noqa: PLW2901 -- as tutorials write it
            optimizer.zero_grad()
            outputs = network(images)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
            correct += (outputs.argmax(1) == labels).sum().item()
            total += len(labels)
        return running_loss / len(loader), correct / total

    return epoch


def tutorial_loader(data: Prepared, *, workers: int) -> DataLoader[tuple[Tensor, int]]:
    """Return shuffled batches; worker processes persist between epochs."""
    images = PILImages(data)
    return DataLoader(images, TUTORIAL_BATCH_SIZE, shuffle=True, num_workers=workers, persistent_workers=workers > 0)


class PILImages(Dataset[tuple[Tensor, int]]):
    """The training images as PIL images, transformed one by one; the augmentation is that of `attnbench.train`."""

    def __init__(self, data: Prepared) -> None:
        images = data.train_images[data.train_index].permute(0, 2, 3, 1).numpy()  # (n, h, w, c)
        self.images = [Image.fromarray(image) for image in images]
        self.labels = data.train_labels[data.train_index].tolist()
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(images.shape[1], padding=TUTORIAL_PADDING),
                transforms.RandomHorizontalFlip(),
                transforms.ColorJitter(SPREAD, SPREAD, SPREAD, MAX_HUE),
                transforms.RandomRotation(MAX_DEGREES),
                transforms.ToTensor(),
                transforms.Normalize(data.description.mean, data.description.std),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.images[index]), self.labels[index]


def text(benchmark: Benchmark, seconds: Seconds) -> str:
    """Return the settings, the speeds and the step times relative to the first variant's, for a terminal."""
    study, first = benchmark.study, benchmark.variants[0]
    processor = refusals.device_name(study.machine)
    speeds = [
        {
            "variant": variant,
            "contender": contender,
            "images/s": spread([benchmark.images / elapsed for elapsed in times], digits=0),
            "x tutorial": spread(ratios(seconds[variant, TUTORIAL], times), digits=2),
            "of bare step": spread(ratios(seconds[variant, BARE], times), digits=2),
        }
        for (variant, contender), times in seconds.items()
    ]
    steps = [
        {"variant": variant, f"step time, {first} = 1": spread(ratios(seconds[variant, BARE], seconds[first, BARE]))}
        for variant in benchmark.variants
    ]
    return f"""\
machine   {processor}; {machine.cores()} cores, threads: {study.machine.threads}; torch {torch.__version__}
batches   tutorial {TUTORIAL_BATCH_SIZE}, float32; others {study.recipe.batch_size}, {study.machine.precision}
rounds    {benchmark.rounds} after a warm-up, {benchmark.images} images per turn
values    median [minimum, maximum] over the rounds; ratios are computed within rounds

{pd.DataFrame(speeds).to_markdown(index=False, tablefmt="simple", disable_numparse=True)}

{pd.DataFrame(steps).to_markdown(index=False, tablefmt="simple", disable_numparse=True)}
"""


def values(benchmark: Benchmark, seconds: Seconds) -> dict[str, Any]:
    """Return the settings and the seconds of every turn, for a JSON file."""
    return {
        "processor": refusals.device_name(benchmark.study.machine),
        "torch": str(torch.__version__),
        "images": benchmark.images,
        **benchmark.study.model_dump(include={"name", "backbone", "recipe", "machine"}),
        "turns": [
            {"variant": variant, "contender": contender, "seconds": times}
            for (variant, contender), times in seconds.items()
        ],
    }


def ratios(times: list[float], others: list[float]) -> list[float]:
    """Return times / others, round by round."""
    return [own / other for own, other in zip(times, others, strict=True)]


def spread(numbers: list[float], digits: int = 3) -> str:
    """Return `median [minimum, maximum]`."""
    return f"{median(numbers):.{digits}f} [{min(numbers):.{digits}f}, {max(numbers):.{digits}f}]"
