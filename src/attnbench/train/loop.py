"""The training loop."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attnbench.errors import UserError
from attnbench.records.curves import EpochRow
from attnbench.records.prepared import Prepared
from attnbench.study.schema import Machine, Recipe
from attnbench.train.batches import Batches
from attnbench.train.evaluation import Score, logits_of, score
from attnbench.train.observers import Observer
from attnbench.train.optimisation import optimisation
from attnbench.train.step import Step


@dataclass(frozen=True)
class Curves:
    """What a run went through: a row for each epoch, the loss of each step, and seconds."""

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


class Training:
    """A network that is being trained, from one seed: all that changes on the way, and what it is trained on.

    Dropout draws from torch's global generator; `attnbench.networks.seeding.global_stream` gives it the seed's own stream.
    """

    def __init__(
        self, network: nn.Module, data: Prepared, recipe: Recipe, machine: Machine, *, seed: int, device: torch.device
    ) -> None:
        self.network = network.to(device).to(memory_format=torch.channels_last)
        self.recipe = recipe
        self.batches = Batches(data, recipe, seed, device)
        self.held_out = data.train_images[data.validation_index].to(device)
        self.held_out_labels = data.train_labels[data.validation_index].to(device)
        self.optimizer, self.schedule = optimisation(network, recipe, steps=recipe.epochs * len(self.batches))
        self.step = Step(self.network, self.optimizer, recipe, machine)
        self.curves = Curves([], [], [], [])

    @property
    def epochs(self) -> int:
        """How many epochs are behind."""
        return len(self.curves.epochs)

    def epoch(self, observers: Sequence[Observer] = ()) -> None:
        """Train for one epoch, look at the validation images, add both to the curves; observers are told of its steps.

        Raises:
            UserError: a loss is not finite; the text says where.
        """
        start = time.perf_counter()
        trained = self.one_pass(observers)
        middle = time.perf_counter()
        held = self._validate()
        row = EpochRow(
            epoch=self.epochs + 1,
            learning_rate=self.optimizer.rate,
            train_loss=trained.loss,
            train_accuracy=trained.accuracy,
            validation_loss=held.loss,
            validation_accuracy=held.accuracy,
        )
        self.schedule.after_epoch(held.loss)
        self.curves.epochs.append(row)
        self.curves.losses.extend(trained.losses.tolist())
        self.curves.training_seconds.append(middle - start)
        self.curves.evaluation_seconds.append(time.perf_counter() - middle)

    def one_pass(self, observers: Sequence[Observer] = ()) -> Epoch:
        """Go over the training images once. Nothing is read back from the device before the end.

        Raises:
            UserError: the loss of a step is not finite; the text says of which.
        """
        self.network.train()
        losses, correct, counts = [], [], []
        for number, (images, labels) in enumerate(self.batches, start=1):
            loss, right = self.step(images, labels)
            self.schedule.after_step()
            losses.append(loss)
            correct.append(right)
            counts.append(len(labels))
            for observer in observers:
                observer.step(self.epochs + 1, number)
        per_step = torch.stack(losses).double().cpu()
        self._refuse_divergence(per_step)
        weights = torch.tensor(counts, dtype=torch.float64)
        return Epoch(
            losses=per_step,
            loss=((per_step * weights).sum() / weights.sum()).item(),
            accuracy=torch.stack(correct).sum().item() / sum(counts),
        )

    def _validate(self) -> Score:
        found = score(logits_of(self.network, self.held_out, self.batches.normalise), self.held_out_labels)
        if not torch.tensor(found.loss).isfinite():
            raise self._diverged(f"the validation loss became {found.loss} after epoch {self.epochs + 1}")
        return found

    def _refuse_divergence(self, losses: Tensor) -> None:
        bad = (~losses.isfinite()).nonzero().flatten()
        if len(bad):
            step, epoch = int(bad[0]) + 1, self.epochs + 1
            raise self._diverged(
                f"the training loss became {losses[bad[0]].item()} in step {self.epochs * len(losses) + step} "
                f"(step {step} of epoch {epoch})"
            )

    def _diverged(self, what: str) -> UserError:
        return UserError(
            f"{what}; the run has stopped and left no record. "
            f"Lower `recipe: learning_rate` (now {self.recipe.learning_rate:g}), or write `machine: precision: float32`"
        )
