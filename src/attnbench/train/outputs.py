"""Writing what a run leaves. The record comes last: where it is, everything is."""

import json  # noqa: I001 -- `write` under another name stays beside what it writes
import platform
from pathlib import Path
from statistics import median

import torch
from safetensors.torch import save_file
from torch import Tensor

from attnbench.records import files
from attnbench import machine
from attnbench.study.schema import Study
from attnbench.records import params_sha256
from attnbench.study.paths import StudyPaths
from attnbench.records import Environment, Identity, RunRecord, TimingRecord, write as write_record
from attnbench.records.curves import write_epochs, write_iterations
from attnbench.train.trial import Outcome


def write(
    paths: StudyPaths,
    study: Study,
    variant: str,
    seed: int,
    outcome: Outcome,
    identity: Identity,
) -> None:
    """Write checkpoint, predictions, curves, timing and at last the record of a run."""
    checkpoint, predictions = paths.checkpoint(variant, seed), paths.predictions(variant, seed)
    save_tensors(checkpoint, outcome.state, {"study": study.name, "variant": variant, "seed": seed})
    save_tensors(
        predictions,
        {"logits": outcome.logits, "labels": outcome.labels},
        {"study": study.name, "variant": variant, "seed": seed},
    )
    write_epochs(paths.epochs(variant, seed), outcome.curves.epochs)
    write_iterations(paths.iterations(variant, seed), outcome.curves.losses)
    write_record(paths.timing(variant, seed), _timing(study, variant, seed, outcome))
    write_record(
        paths.record(variant, seed),
        _record(study, variant, seed, outcome, identity, files.sha256_of(checkpoint), files.sha256_of(predictions)),
    )


def save_tensors(path: Path, tensors: dict[str, Tensor], about: dict[str, str | int]) -> None:
    """Write tensors as safetensors, all or nothing; one metadata entry, since several are written in random order."""
    with files.replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"attnbench": json.dumps(about, sort_keys=True)})


def identity(study: Study, variant: str, *, data_sha256: str, code_sha256: str) -> Identity:
    """Return what a run of this process is made from; with equal seeds, equal identities give equal bytes."""
    return Identity(
        data=data_sha256, code=code_sha256, params=params_sha256(study, variant), environment=environment(study)
    )


def environment(study: Study) -> Environment:
    """Return the class of machine that this process runs on."""
    cuda = study.machine.device == "cuda"
    return Environment(
        python=platform.python_version(),
        torch=torch.__version__,
        device=torch.cuda.get_device_name() if cuda else "cpu",
        instruction_set=str(torch.backends.cpu.get_cpu_capability()),
        processor=machine.processor(),
        threads=study.machine.threads,
        precision=study.machine.precision,
        memory_format="channels_last",
    )


def _record(
    study: Study, variant: str, seed: int, outcome: Outcome, identity: Identity, checkpoint: str, predictions: str
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
        checkpoint_sha256=checkpoint,
        predictions_sha256=predictions,
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
