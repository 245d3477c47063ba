"""One run of the benchmark: build, train, look at the test images once."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from attnbench import networks
from attnbench.networks import arithmetic, seeding
from attnbench.records.prepared import Prepared
from attnbench.study.schema import Study
from attnbench.train import state
from attnbench.train.evaluation import Score, accuracy_by_class, logits_of, score
from attnbench.train.loop import Curves, Training
from attnbench.train.observers import Observer
from attnbench.train.unfinished import Refused, Unfinished


@dataclass(frozen=True)
class Outcome:
    """All that a run leaves; the weights are those of the last epoch."""

    state: dict[str, Tensor]
    parameters: int
    images: int  # trained on in each epoch
    logits: Tensor  # float32 (m, classes) of the test images
    labels: Tensor  # int64 (m,)
    test: Score
    per_class_accuracy: dict[str, float]
    curves: Curves
    seconds: float  # of this process, and of the epochs that an earlier one trained
    continued_after: int  # so many epochs


def run(
    study: Study,
    variant: str,
    seed: int,
    data: Prepared,
    observers: Sequence[Observer] = (),
    unfinished: Unfinished | None = None,
) -> Outcome:
    """Train one variant from one seed and evaluate it on the test images, once, at the end.

    With `unfinished` every epoch is kept there, and a run that was stopped goes on behind its last whole epoch, to the
    same bits. A state that cannot be used is told to the observers, and the run begins anew.

    Raises:
        UserError: a loss is not finite, the device asked for is not there, or there is no room for the state.
    """
    start = time.perf_counter()
    device = arithmetic.set_up(study.machine)
    network = networks.build(study, variant, data, seed)
    _tell(observers, arithmetic.warning(study.machine))
    training = Training(network, data, study.recipe, study.machine, seed=seed, device=device)
    try:
        with seeding.global_stream(seed, "dropout"):
            earlier = _go_on(training, unfinished, observers)
            while training.epochs < study.recipe.epochs:
                training.epoch(observers)
                if unfinished is not None:
                    unfinished.save(state.capture(training))
                _tell_of_epoch(observers, training.curves)  # what is kept now is told once
    finally:
        for observer in observers:
            observer.close()
    curves = training.curves
    before = sum(curves.training_seconds[:earlier]) + sum(curves.evaluation_seconds[:earlier])
    logits = logits_of(network, data.test_images.to(device), training.batches.normalise).cpu()
    return Outcome(
        state={name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()},
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        images=len(training.batches.labels),
        logits=logits,
        labels=data.test_labels,
        test=score(logits, data.test_labels),
        per_class_accuracy=accuracy_by_class(logits, data.test_labels, data.description.classes),
        curves=curves,
        seconds=time.perf_counter() - start + before,
        continued_after=earlier,
    )


def _go_on(training: Training, unfinished: Unfinished | None, observers: Sequence[Observer]) -> int:
    """Bring the training to where an earlier process left it; return how many epochs that one trained."""
    if unfinished is None:
        return 0
    try:
        found = unfinished.load()
        if found is None:
            return 0
        note = f"goes on after epoch {len(found.values['epochs'])} of {training.recipe.epochs}: {unfinished.path}"
        state.restore(training, found)
    except Refused as refused:
        note = f"begins with the first epoch: {refused}"
    _tell(observers, note)
    return training.epochs


def _tell_of_epoch(observers: Sequence[Observer], curves: Curves) -> None:
    steps = len(curves.losses) // len(curves.epochs)  # as many in each
    for observer in observers:
        observer.epoch(curves.epochs[-1], curves.losses[-steps:], curves.training_seconds[-1])


def _tell(observers: Sequence[Observer], text: str | None) -> None:
    if text is not None:
        for observer in observers:
            observer.note(text)
