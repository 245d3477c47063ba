"""The training loop."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from attnbench import seeding
from attnbench.config.schema import Machine, Recipe
from attnbench.data.prepared import Prepared
from attnbench.errors import UserError
from attnbench.observers import Observer
from attnbench.records.curves import EpochRow
from attnbench.training import arithmetic
from attnbench.training.augment import augment
from attnbench.training.evaluation import logits_of, score
from attnbench.training.normalisation import Normalisation
from attnbench.training.optimisation import Schedule, optimisation


@dataclass(frozen=True)
class Curves:
    """What a run went through: a row for each epoch, the loss of each step, and seconds."""

    images: int  # trained on in each epoch
    epochs: list[EpochRow]
    losses: list[float]
    training_seconds: list[float]
    evaluation_seconds: list[float]


@dataclass(frozen=True)
class Epoch:
    """The measured part of one pass over the training images."""

    losses: Tensor  # (steps,), mean over each batch
    loss: float  # mean over all images
    accuracy: float


class Batches:
    """The training images, shuffled and augmented from streams of their own, batch by batch."""

    def __init__(self, data: Prepared, recipe: Recipe, seed: int, device: torch.device) -> None:
        self.images = data.train_images[data.train_index].to(device)  # uint8 (n, c, h, w)
        self.labels = data.train_labels[data.train_index].to(device)
        self.recipe = recipe
        self.order = seeding.generator(seed, "order")
        self.augmentation = seeding.generator(seed, "augmentation", device.type)
        self.normalise = Normalisation(data.description.mean, data.description.std, device)

    def __len__(self) -> int:
        return -(-len(self.labels) // self.recipe.batch_size)  # noqa: PLE0303 -- a ceiling, never negative

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield every image once: normalised (n, c, h, w) and labels (n,); the last batch may be smaller."""
        order = torch.randperm(len(self.labels), generator=self.order).to(self.labels.device)
        for chosen in torch.split(order, self.recipe.batch_size):
            images = augment(self.images[chosen], self.recipe.augmentation, self.augmentation)
            yield self.normalise(images), self.labels[chosen]


def train(
    network: nn.Module,
    data: Prepared,
    recipe: Recipe,
    machine: Machine,
    *,
    seed: int,
    device: torch.device,
    observers: Sequence[Observer],
) -> Curves:
    """Train the network in place and return its curves; the test images are not touched.

    Raises:
        UserError: a loss is not finite; the text says in which step.
    """
    network.to(device).to(memory_format=torch.channels_last)
    batches = Batches(data, recipe, seed, device)
    held_out = data.train_images[data.validation_index].to(device)
    held_out_labels = data.train_labels[data.validation_index].to(device)
    optimizer, schedule = optimisation(network, recipe, steps=recipe.epochs * len(batches))
    curves = Curves(len(batches.labels), [], [], [], [])
    with seeding.global_stream(seed, "dropout"):
        for number in range(1, recipe.epochs + 1):
            start = time.perf_counter()
            epoch = _pass(network, batches, optimizer, schedule, recipe, machine, number, observers)
            trained = time.perf_counter()
            held = score(logits_of(network, held_out, batches.normalise), held_out_labels)
            row = EpochRow(
                epoch=number,
                learning_rate=float(optimizer.param_groups[0]["lr"]),
                train_loss=epoch.loss,
                train_accuracy=epoch.accuracy,
                validation_loss=held.loss,
                validation_accuracy=held.accuracy,
            )
            schedule.after_epoch(held.loss)
            curves.epochs.append(row)
            curves.losses.extend(epoch.losses.tolist())
            curves.training_seconds.append(trained - start)
            curves.evaluation_seconds.append(time.perf_counter() - trained)
            for observer in observers:
                observer.epoch(row, epoch.losses.tolist(), trained - start)
    return curves


def _pass(
    network: nn.Module,
    batches: Batches,
    optimizer: Optimizer,
    schedule: Schedule,
    recipe: Recipe,
    machine: Machine,
    epoch: int,
    observers: Sequence[Observer],
) -> Epoch:
    """Go over the training images once. Nothing is read back from the device before the end."""
    network.train()
    losses, correct, counts = [], [], []
    for step, (images, labels) in enumerate(batches, start=1):
        optimizer.zero_grad(set_to_none=True)
        with arithmetic.autocast(machine):
            logits = network(images)  # (n, classes)
        loss = cross_entropy(logits.float(), labels, label_smoothing=recipe.label_smoothing)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.after_step()
        losses.append(loss.detach())
        correct.append((logits.detach().argmax(1) == labels).sum())
        counts.append(len(labels))
        for observer in observers:
            observer.step(epoch, step)
    per_step = torch.stack(losses).double().cpu()
    _refuse_divergence(per_step, epoch, len(batches), recipe)
    weights = torch.tensor(counts, dtype=torch.float64)
    return Epoch(
        losses=per_step,
        loss=((per_step * weights).sum() / weights.sum()).item(),
        accuracy=torch.stack(correct).sum().item() / sum(counts),
    )


def _refuse_divergence(losses: Tensor, epoch: int, steps_per_epoch: int, recipe: Recipe) -> None:
    bad = (~losses.isfinite()).nonzero().flatten()
    if len(bad):
        step = int(bad[0]) + 1
        raise UserError(
            f"the training loss became {losses[bad[0]].item()} in step {(epoch - 1) * steps_per_epoch + step} "
            f"(step {step} of epoch {epoch}); the run has stopped and left no record. "
            f"Lower `recipe: learning_rate` (now {recipe.learning_rate:g}), or write `machine: precision: float32`"
        )
