"""The training loop."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from attnbench.networks.evaluation import Score, logits_of, score
from attnbench.records.curves import EpochRow
from attnbench.records.prepared import Prepared
from attnbench.study.schema import Machine, Recipe
from attnbench.train import divergence
from attnbench.train.batches import Batches
from attnbench.train.observers import Observer
from attnbench.train.optimizer import after_epoch, after_step, build_optimizer, build_schedule, learning_rate
from attnbench.train.step import Step


@dataclass
class Curves:
    """The history of a run, which grows with every epoch."""

    epochs: list[EpochRow] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)  # of every step
    training_seconds: list[float] = field(default_factory=list)  # of every epoch
    evaluation_seconds: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Epoch:
    """Losses and accuracy of one pass over the training images."""

    losses: Tensor  # (steps,), mean over each batch
    loss: float  # mean over all images
    accuracy: float


class Training:
    """A network in training from one seed: its data, its optimiser, and everything else that changes.

    Dropout draws from torch's global generator; `attnbench.networks.seeding.global_stream` sets the stream.
    """

    def __init__(
        self, network: nn.Module, data: Prepared, recipe: Recipe, machine: Machine, *, seed: int, device: torch.device
    ) -> None:
        self.network = network.to(device).to(memory_format=torch.channels_last)
        self.recipe, self.machine = recipe, machine
        self.batches = Batches(data, recipe, seed, device)
        self.validation_images = data.train_images[data.validation_index].to(device)
        self.validation_labels = data.train_labels[data.validation_index].to(device)
        self.optimizer = build_optimizer(self.network, recipe)
        self.schedule = build_schedule(self.optimizer, recipe, steps=recipe.epochs * len(self.batches))
        self.step = Step(self.network, self.optimizer, recipe, machine)
        self.curves = Curves()

    @property
    def epochs(self) -> int:
        """Epochs completed."""
        return len(self.curves.epochs)

    def train_epoch(self, observers: Sequence[Observer] = ()) -> None:
        """Train for one epoch, evaluate the validation images, and append the results to the curves.

        Raises:
            UserError: a loss is not finite; the text says where.
        """
        start = time.perf_counter()
        trained = self.train_pass(observers)
        middle = time.perf_counter()
        validation = self._validate()
        row = EpochRow(
            epoch=self.epochs + 1,
            learning_rate=learning_rate(self.optimizer),
            train_loss=trained.loss,
            train_accuracy=trained.accuracy,
            validation_loss=validation.loss,
            validation_accuracy=validation.accuracy,
        )
        after_epoch(self.schedule, validation.loss)
        self.curves.epochs.append(row)
        self.curves.losses.extend(trained.losses.tolist())
        self.curves.training_seconds.append(middle - start)
        self.curves.evaluation_seconds.append(time.perf_counter() - middle)

    def train_pass(self, observers: Sequence[Observer] = ()) -> Epoch:
        """Train on every image once. Nothing is read back from the device before the end.

        Raises:
            UserError: the loss of a step is not finite; the text says which step.
        """
        self.network.train()
        losses, correct, counts = [], [], []
        for number, (images, labels) in enumerate(self.batches, start=1):
            loss, right = self.step(images, labels)
            after_step(self.schedule)
            losses.append(loss)
            correct.append(right)
            counts.append(len(labels))
            for observer in observers:
                observer.on_step_end(self.epochs + 1, number)
        step_losses = torch.stack(losses).double().cpu()
        divergence.refuse_losses(step_losses, self.epochs, self.recipe, self.machine)
        weights = torch.tensor(counts, dtype=torch.float64)
        return Epoch(
            losses=step_losses,
            loss=((step_losses * weights).sum() / weights.sum()).item(),
            accuracy=torch.stack(correct).sum().item() / sum(counts),
        )

    def _validate(self) -> Score:
        logits = logits_of(self.network, self.validation_images, self.batches.normalise)
        validation = score(logits, self.validation_labels)
        divergence.refuse_validation(validation.loss, self.epochs, self.recipe, self.machine)
        return validation
