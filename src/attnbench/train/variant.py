"""One run of the benchmark: build the network of a variant, train it, evaluate it once on the test images."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from attnbench import networks
from attnbench.networks import refusals, seeding
from attnbench.networks.evaluation import Score, accuracy_by_class, logits_of, score
from attnbench.records.prepared import Prepared
from attnbench.study.schema import Study
from attnbench.train import state
from attnbench.train.loop import Curves, Training
from attnbench.train.observers import Observer
from attnbench.train.unfinished import RefusedError, Unfinished


@dataclass(frozen=True)
class Outcome:
    """The results of a run, with the weights of the last epoch."""

    state: dict[str, Tensor]
    parameters: int
    images: int  # in each training epoch
    logits: Tensor  # float32 (m, classes) of the test images
    labels: Tensor  # int64 (m,)
    test: Score
    per_class_accuracy: dict[str, float]
    curves: Curves
    seconds: float  # of this process, plus the epochs that earlier processes trained
    continued_after: int  # epochs that earlier processes trained


def train_variant(
    study: Study,
    variant: str,
    seed: int,
    data: Prepared,
    device: torch.device,
    observers: Sequence[Observer] = (),
    unfinished: Unfinished | None = None,
) -> Outcome:
    """Train one variant from one seed, then evaluate it once on the test images.

    `device` comes from `arithmetic.set_up`, without which the bits are not reproducible. With `unfinished` the state
    is saved after every epoch, and a stopped run resumes after its last completed epoch, to the same bits. If a saved
    state cannot be used, the run starts from the first epoch and observers get a message.

    Raises:
        UserError: a loss is not finite, or the disk is full.
    """
    start = time.perf_counter()
    try:
        network = networks.build(study, variant, data, seed)
        _send(observers, refusals.warning(study.machine))
        training = Training(network, data, study.recipe, study.machine, seed=seed, device=device)
        with seeding.global_stream(seed, "dropout", device):
            earlier = _resume(training, unfinished, observers)
            while training.epochs < study.recipe.epochs:
                training.train_epoch(observers)
                if unfinished is not None:
                    unfinished.save(state.capture(training))
                _report_epoch(observers, training.curves)  # after the save, so that no epoch is reported twice
    finally:
        for observer in observers:
            observer.on_run_end()
    curves = training.curves
    earlier_seconds = sum(curves.training_seconds[:earlier]) + sum(curves.evaluation_seconds[:earlier])
    logits = logits_of(network, data.test_images.to(device), training.batches.normalise).cpu()
    return Outcome(
        state={name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()},
        parameters=networks.parameter_count(network),
        images=len(training.batches.labels),
        logits=logits,
        labels=data.test_labels,
        test=score(logits, data.test_labels),
        per_class_accuracy=accuracy_by_class(logits, data.test_labels, data.classes),
        curves=curves,
        seconds=time.perf_counter() - start + earlier_seconds,
        continued_after=earlier,
    )


def _resume(training: Training, unfinished: Unfinished | None, observers: Sequence[Observer]) -> int:
    """Restore the saved state, if there is one; return the number of epochs it has completed."""
    if unfinished is None:
        return 0
    try:
        saved = unfinished.load()
    except RefusedError as reason:
        _send(observers, f"starts from the first epoch: {reason}")
        return 0
    if saved is not None:
        state.restore(training, saved)
        resumes = f"resumes after epoch {training.epochs} of {training.recipe.epochs}"
        is_trained = training.epochs == training.recipe.epochs
        _send(observers, f"{'is trained, and is evaluated again' if is_trained else resumes}: {unfinished.path}")
    return training.epochs


def _report_epoch(observers: Sequence[Observer], curves: Curves) -> None:
    steps = len(curves.losses) // len(curves.epochs)  # every epoch has the same number
    for observer in observers:
        observer.on_epoch_end(curves.epochs[-1], curves.losses[-steps:], curves.training_seconds[-1])


def _send(observers: Sequence[Observer], message: str | None) -> None:
    if message is not None:
        for observer in observers:
            observer.on_message(message)
