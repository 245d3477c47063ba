"""What more seeds would decide in a study, and what they would cost: `attnbench plan`.

The half-width of the intervals follows from the comparisons of the study, the number of seeds and the spread of a run.
Hours are training steps timed on this machine, times steps, epochs and runs. Disk is what runs leave for good.
"""

import math
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray
from tabulate import tabulate

from attnbench import cost, machine, networks, records
from attnbench.analyse import statistics
from attnbench.analyse.comparisons import contrasts
from attnbench.analyse.precision import UPPER_CONFIDENCE, error_stds, half_widths
from attnbench.analyse.runs import load_blocks
from attnbench.data.split import VALIDATION_SHARE
from attnbench.errors import UserError
from attnbench.networks import arithmetic, refusals
from attnbench.networks.building import ImageSet
from attnbench.report import formatting
from attnbench.study import Study, repository, schema
from attnbench.study.paths import repro
from attnbench.study.repository import LocatedStudy
from attnbench.tools.match import image_set
from attnbench.train.timing import timed_step

SEEDS = (3, 5, 10)  # always in the table
CIFAR10_IMAGES = 50_000  # to train on and to validate with
ROUNDS = 5  # of timed steps: hours need no narrow interval
COPIES = 2  # of weights and predictions
LOGIT, LABEL = 4, 8  # bytes of each in a file of predictions


@dataclass(frozen=True)
class AssumedSpread:
    """The standard deviation of a run that neither its variant nor its seed explains, in percentage points."""

    points: float
    source: str  # where it comes from, as printed
    limit: float | None = None  # its upper limit; none if it is stated

    @property
    def cases(self) -> dict[str, float]:
        """The spread, and its upper limit, by what is printed after a half-width."""
        return {"": self.points} if self.limit is None else {"": self.points, " at the limit": self.limit}


def spread_of(located: LocatedStudy) -> AssumedSpread:
    """Return the spread of the recorded runs of a study.

    Raises:
        UserError: there are no two complete seeds, or nothing varies between them.
    """
    study = located.study
    blocks = load_blocks(study, located.paths)
    seeds = len(blocks.study.seeds)
    points, limit = (100 * std for std in error_stds(blocks.study, blocks.runs))
    if not points > 0:
        raise UserError(
            f"--like {study.name}: no spread can be estimated from its {seeds} complete seed(s): it takes two or more, "
            "and runs that differ; name another study, or state the spread, for example --spread 0.35"
        )
    return AssumedSpread(
        points, f"as in {study.name} with {seeds} seeds; {formatting.level(UPPER_CONFIDENCE)} limit {limit:.2f}", limit
    )


def text(located: LocatedStudy, spread: AssumedSpread | None) -> str:
    """Return the table: a row for each number of seeds, and why it is listed; without a spread no half-widths.

    Where the hours are not known, such as without the accelerator that params.yaml asks for, a line says why.
    """
    study, family = located.study, contrasts(located.study)
    images = image_set(study, located.root)
    try:
        hours = seconds_per_seed(located, images) / 3600  # one run after another
        about_hours = (
            f"hours: training steps of all runs as timed here ({_machine(study)}), up to {located.workers} run(s) in "
            "parallel; augmentation, evaluation and the other stages are not included"
        )
    except UserError as error:
        hours, about_hours = math.nan, f"hours are not known: {error}"
    cases = {} if spread is None else spread.cases
    reasons, beyond = _reasons(study, family, cases)
    size = COPIES * bytes_per_seed(study, images) / 2**30
    predictions = " and predictions" if isinstance(images, records.DataSummary) else ""
    rows = []
    for seeds in sorted(reasons):
        runs = seeds * len(study.variants)
        turns = math.ceil(runs / located.workers)  # of runs in parallel
        columns = [f"{seeds}", f"{runs}", _hours(turns * hours / len(study.variants))]
        widths = (_half_width(study, family, seeds, points) for points in cases.values())
        rows.append([*columns, f"{seeds * size:.2f}", *widths, ", ".join(reasons[seeds])])
    names = ["seeds", "runs", "hours", "GiB", *(f"half-width{case}" for case in cases), "why"]
    aligned = [*("right" for _ in names[1:]), "left"]
    table = tabulate([names, *rows], tablefmt="plain", disable_numparse=True, colalign=aligned)
    about_spread = (
        "without --spread or --like there are no half-widths"
        if spread is None
        else f"spread of a run that neither variant nor seed explains: {spread.points:.2f} percentage points "
        f"({spread.source})"
    )
    return "\n".join(
        [
            f"{study.name}: {len(study.variants)} variants, {len(family)} comparison(s) in one family at "
            f"{formatting.level(study.confidence)} confidence, {study.recipe.epochs} epoch(s)",
            about_spread,
            "",
            table,
            *(f"{half_width} takes more than {statistics.MOST_SEEDS:,} seeds" for half_width in beyond),
            "",
            *(
                ["half-width: of the intervals, in percentage points; smaller differences mostly stay inconclusive"]
                * bool(cases)
            ),
            about_hours,
            f"GiB: weights{predictions} of all runs, in runs/ and again in DVC's cache; images are not included",
            "",
        ]
    )


def _hours(hours: float) -> str:
    """Return hours with one decimal, or two below one hour; nothing if they are not known."""
    if math.isnan(hours):
        return ""
    return f"{hours:.1f}" if hours >= 1 else f"{hours:.2f}"


def _machine(study: Study) -> str:
    """Return what the steps were timed on, and how busy it is: other work makes the hours too many."""
    device = "" if study.machine.device_type == "cpu" else f"{study.machine.device}, "
    return f"{device}{machine.processor()}, {machine.cores()} core(s), load average {machine.load_average():.1f}"


def seconds_per_seed(located: LocatedStudy, images: ImageSet) -> float:
    """Time a training step of every variant; return how long the steps of all runs of a seed take, one after another.

    Raises:
        UserError: the images are not counted yet, the accelerator that params.yaml asks for is not here, or its memory
            is full.
    """
    study = located.study
    steps = math.ceil(training_images(located, images) / study.recipe.batch_size) * study.recipe.epochs
    arithmetic.set_up(study.machine)  # as in the latency stage
    timed = study.model_copy(update={"latency": study.latency.model_copy(update={"rounds": ROUNDS, "processes": 1})})
    with refusals.memory_limit(study.machine, "write a smaller `recipe: batch_size` in params.yaml"):
        times = cost.step_times(timed, images, timed_step, 0)
    return steps * sum(median(milliseconds) for milliseconds in times.values()) / 1000


def bytes_per_seed(study: Study, images: ImageSet) -> int:
    """Return what the weights of a run of every variant take, and once the images are prepared, the predictions."""
    networks_of_seed = (networks.build(study, variant, images, study.seeds[0]) for variant in study.variants)
    weights = sum(int(tensor.nbytes) for network in networks_of_seed for tensor in network.state_dict().values())
    if not isinstance(images, records.DataSummary):
        return weights
    return weights + len(study.variants) * images.test * (LOGIT * len(images.classes) + LABEL)


def training_images(located: LocatedStudy, images: ImageSet) -> int:
    """Return how many images a run trains on, without the validation images.

    Raises:
        UserError: they are a user's images, which have not been read yet.
    """
    if isinstance(images, records.DataSummary):
        return images.train
    study = located.study
    match study.data:
        case schema.ShapesData():
            count = study.data.train_images
        case schema.Cifar10Data():
            count = CIFAR10_IMAGES
        case schema.FolderData():
            pipeline = located.params.with_name(repository.PIPELINE)
            is_copy = pipeline.parent != located.root and not pipeline.exists()  # `attnbench run` would lay it
            copy = f"cp {repository.PIPELINE} {pipeline.relative_to(located.root)} && " if is_copy else ""
            raise UserError(f"the images are not counted yet; read them with: {copy}{repro(study, ['data'])}")
    return count - count // VALIDATION_SHARE


def _reasons(
    study: Study, family: NDArray[np.float64], cases: dict[str, float]
) -> tuple[dict[int, list[str]], list[str]]:
    """Return why each number of seeds is listed, and the half-widths that take too many."""
    reasons: dict[int, list[str]] = {seeds: [] for seeds in SEEDS}
    reasons.setdefault(len(study.seeds), []).append("params.yaml")
    beyond = []
    for half_width in half_widths(study):
        for case, points in cases.items():
            reason = f"±{100 * half_width:g}{case}"
            seeds = statistics.seeds_for(100 * half_width, family, points, study.confidence)
            if seeds is None:
                beyond.append(reason)
            else:
                reasons.setdefault(seeds, []).append(reason)
    return reasons, beyond


def _half_width(study: Study, family: NDArray[np.float64], seeds: int, points: float) -> str:
    half_width = statistics.expected_half_width(family, seeds, points, study.confidence)
    return "none" if math.isnan(half_width) else f"±{half_width:.2f}"
