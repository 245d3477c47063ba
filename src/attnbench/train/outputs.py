"""Writing the results of a run. The records come last: if they exist, every other file does."""

from pathlib import Path
from statistics import median

from torch import Tensor

from attnbench import machine, records
from attnbench.networks import arithmetic
from attnbench.records import Identity, RunRecord, TimingRecord, files, tensors
from attnbench.records.correct import write_correct
from attnbench.records.curves import write_epochs, write_iterations
from attnbench.records.states import Finished
from attnbench.study import Study, StudyPaths
from attnbench.train.variant import Outcome


def write(paths: StudyPaths, study: Study, variant: str, seed: int, outcome: Outcome, identity: Identity) -> Finished:
    """Write checkpoint, predictions, which images are correct, and curves; return the records of the run."""
    run: dict[str, str | int] = {"study": study.name, "variant": variant, "seed": seed}
    checkpoint = _write_tensors(paths.checkpoint(variant, seed), outcome.state, run)
    predictions = _write_tensors(
        paths.predictions(variant, seed), {"logits": outcome.logits, "labels": outcome.labels}, run
    )
    write_correct(paths.correct(variant, seed), (outcome.logits.argmax(1) == outcome.labels).numpy())
    write_epochs(paths.epochs(variant, seed), outcome.curves.epochs)
    write_iterations(paths.iterations(variant, seed), outcome.curves.losses)
    record = _record(
        study, variant, seed, outcome, identity, checkpoint_sha256=checkpoint, predictions_sha256=predictions
    )
    return Finished(record=record, timing=_timing(study, variant, seed, outcome))


def write_records(paths: StudyPaths, finished: Finished) -> None:
    """Write the timing and finally the record of a run."""
    run = finished.record.variant, finished.record.seed
    records.write(paths.timing(*run), finished.timing)
    records.write(paths.record(*run), finished.record)


def _write_tensors(path: Path, named: dict[str, Tensor], run: dict[str, str | int]) -> str:
    """Write tensors with the run they belong to, and return the SHA-256 of the file."""
    tensors.write(path, {name: tensor.numpy() for name, tensor in named.items()}, run)
    return files.sha256_of(path)


def identity(study: Study, variant: str, *, data_sha256: str, code_sha256: str) -> Identity:
    """Return what a run in this process is made from; equal identities and equal seeds give equal bytes."""
    return Identity(
        data=data_sha256,
        code=code_sha256,
        params=records.params_sha256(study, variant),
        environment=arithmetic.environment(study.machine),
    )


def _record(
    study: Study,
    variant: str,
    seed: int,
    outcome: Outcome,
    identity: Identity,
    *,
    checkpoint_sha256: str,
    predictions_sha256: str,
) -> RunRecord:
    epochs = outcome.curves.epochs
    best = max(epochs, key=lambda row: row.validation_accuracy)  # the first of equals
    return RunRecord(
        study=study.name,
        variant=variant,
        seed=seed,
        epochs=len(epochs),
        accuracy=outcome.test.accuracy,
        loss=outcome.test.loss,
        per_class_accuracy=outcome.per_class_accuracy,
        validation_accuracy=epochs[-1].validation_accuracy,
        best_validation_accuracy=best.validation_accuracy,
        best_validation_epoch=best.epoch,
        train_accuracy=epochs[-1].train_accuracy,
        parameters=outcome.parameters,
        checkpoint_sha256=checkpoint_sha256,
        predictions_sha256=predictions_sha256,
        identity=identity,
    )


def _timing(study: Study, variant: str, seed: int, outcome: Outcome) -> TimingRecord:
    seconds = outcome.curves.training_seconds
    return TimingRecord(
        study=study.name,
        variant=variant,
        seed=seed,
        seconds_per_epoch=seconds,
        evaluation_seconds=outcome.curves.evaluation_seconds,
        total_seconds=outcome.seconds,
        images_per_second=outcome.images / median(seconds),
        continued_after=outcome.continued_after,
        load_average=machine.load_average(),
        cores=machine.cores(),
        processor=machine.processor(),
    )
