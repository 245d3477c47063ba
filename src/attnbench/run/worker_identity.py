"""What decides whether a worker of a cluster may run a study's cells: its code, and its class of machine."""

from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from attnbench import records
from attnbench.code.fingerprint import VARIANT_STAGES, Fingerprints
from attnbench.errors import UserError
from attnbench.records import Environment, RunRecord, files
from attnbench.records.io import Record, first_problem
from attnbench.study import Study, StudyPaths
from attnbench.study.paths import run_name
from attnbench.study.schema import Sha256


class WorkerIdentity(Record):
    """What a worker says about itself (`tools/worker_identity.py` writes it there)."""

    code: Sha256
    environment: Environment


@dataclass
class Requirement:
    """What all workers of a run have in common; the first worker sets the class of machine where no record does."""

    code: str
    environment: Environment | None
    source: str  # what has it: "worker 1 has"

    def judge(self, worker: str, answer: bytes | None, log: str) -> str | None:
        """Return why a worker is refused, or None; `answer` is its identity as JSON, `log` what it wrote instead."""
        if answer is None:
            return (log.strip().splitlines() or ["it said nothing"])[-1]
        try:
            identity = WorkerIdentity.model_validate_json(answer)
        except ValidationError as error:
            return f"its checkout has another version of attnbench ({first_problem(error)})"
        refusal = self.refusal(identity)
        if refusal is None and self.environment is None:
            self.environment, self.source = identity.environment, f"worker {worker} has"
        return refusal

    def refusal(self, identity: WorkerIdentity) -> str | None:
        """Return why a worker is refused, or None."""
        if identity.code != self.code:
            return "its checkout has other code for this study; bring it to the commit and the changes of this one"
        if self.environment is None:
            return None
        if differences := identity.environment.differences(self.environment):
            one = differences[0]
            return (
                f"another class of machine: {one.name} {one.first}; {self.source} {one.second}. "
                "All runs of a seed need one class; give this worker other seeds"
            )
        return None


def worker_code_sha256(study: Study) -> str:
    """Return one hash of the code and the values of all stages that run on workers."""
    fingerprints = Fingerprints(study)
    pairs = [(stage, variant) for variant in study.variants for stage in VARIANT_STAGES]
    return files.sha256_of_json(
        [fingerprints.of(stage, variant)["sha256"] for stage, variant in [*pairs, ("latency", None)]]
    )


def requirement(study: Study, paths: StudyPaths, may_run: Collection[str], stale: Collection[str]) -> Requirement:
    """Return what workers need for the runs that may be trained; those in `stale` are.

    The others stay if they were made from the code and the values of today. A seed of which some runs stay and some are
    trained needs the class of machine of those that stay, or of most of them.

    Raises:
        UserError: seeds need several classes.
    """
    fingerprints = Fingerprints(study)
    seed_of: dict[Environment, int] = {}  # the first seed that needs a class of machine
    for seed in study.seeds:
        runs = {run_name(variant, seed): variant for variant in study.variants}
        staying = {
            run: environment
            for run, variant in runs.items()
            if run not in stale and (environment := _environment(paths.record(variant, seed), fingerprints, variant))
        }
        if staying and any(run in may_run for run in runs.keys() - staying.keys()):
            ((environment, _),) = Counter(staying.values()).most_common(1)
            seed_of.setdefault(environment, seed)
    if len(seed_of) > 1:
        one, other = list(seed_of.values())[:2]
        raise UserError(
            f"the runs of seeds {one} and {other} come from two classes of machine, and a cluster has one for a run of "
            f"this command: name the seeds of one class, as with `--seeds {one}`"
        )
    code = worker_code_sha256(study)
    for environment, seed in seed_of.items():
        return Requirement(code, environment, f"the recorded runs of seed {seed} have")
    return Requirement(code, None, "")


def _environment(record: Path, fingerprints: Fingerprints, variant: str) -> Environment | None:
    """Return the class of machine of a run that was made from the code and the values of today, else None."""
    with suppress(UserError):  # the stage that reads the record says that it is missing or damaged
        identity = records.read(record, RunRecord).identity
        code = fingerprints.of("train", variant)["sha256"]
        # whether the images have changed is known after the stage data
        if not identity.changed_inputs(fingerprints.study, variant, data=identity.data, code=code):
            return identity.environment
    return None
