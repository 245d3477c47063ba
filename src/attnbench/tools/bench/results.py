"""From turns to rates, ratios and shares. Every ratio is one of two turns of the same round."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from attnbench.tools.bench.settings import (
    ALONE,
    AUGMENTATION,
    BARE,
    ENGINE,
    EVERY,
    LOOP_0,
    LOOP_2,
    LOOP_BATCH_SIZE,
    Settings,
)


@dataclass(frozen=True)
class Sample:
    """One turn."""

    round: int  # from 1
    contender: str
    variant: str
    images: int  # of all processes together
    seconds: float  # until the last process was done
    process_seconds: list[float]  # as each process saw it

    @property
    def rate(self) -> float:
        """Images per second."""
        return self.images / self.seconds


@dataclass(frozen=True)
class Surroundings:
    """What the machine is, and how busy it was before."""

    processor: str
    cores: int
    loop_threads: int  # torch's default
    torch: str
    load_average: float


@dataclass(frozen=True)
class Spread:
    """Median and extremes over the rounds."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class SpeedRow:
    """How fast a contender trains a variant."""

    variant: str
    contender: str
    images_per_second: Spread
    to_loop_0: Spread  # ratio of the rates
    to_loop_2: Spread
    of_bare_step: Spread  # share of the limit


@dataclass(frozen=True)
class StepRow:
    """How long a bare step of a variant takes, as a multiple of the first variant's."""

    variant: str
    ratio: Spread


@dataclass(frozen=True)
class AugmentationRow:
    """What one process spends on making a batch, and its share of a bare step of one process."""

    variant: str
    milliseconds: Spread
    of_bare_step: Spread


@dataclass(frozen=True)
class Result:
    """What the turns gave, and under which circumstances."""

    surroundings: Surroundings
    settings: Settings
    samples: list[Sample]

    def speeds(self) -> list[SpeedRow]:
        """Return a row for each variant and contender, the loops first and the limit last."""
        return [
            SpeedRow(
                variant,
                contender,
                spread([sample.rate for sample in _of(self.samples, contender, variant)]),
                *(
                    spread(ratios(self.samples, (contender, variant), (other, variant)))
                    for other in (LOOP_0, LOOP_2, BARE)
                ),
            )
            for variant in self.settings.variants
            for contender in (LOOP_0, LOOP_2, ENGINE, BARE)
        ]

    def steps(self) -> list[StepRow]:
        """Return a row for each variant."""
        first = self.settings.variants[0]
        return [
            StepRow(variant, spread(ratios(self.samples, (BARE, first), (BARE, variant))))
            for variant in self.settings.variants
        ]

    def augmentation(self) -> list[AugmentationRow]:
        """Return a row for each variant; the augmentation is the same for all, their steps are not."""
        size = self.settings.study.recipe.batch_size
        batch = [1000 * size / sample.rate for sample in _of(self.samples, AUGMENTATION, EVERY)]
        return [
            AugmentationRow(
                variant, spread(batch), spread(ratios(self.samples, (ALONE, variant), (AUGMENTATION, EVERY)))
            )
            for variant in self.settings.variants
        ]

    def json(self) -> dict[str, Any]:
        """Return everything as plain values, raw turns included."""
        study = self.settings.study
        return {
            "machine": asdict(self.surroundings),
            "settings": {
                "study": study.name,
                "variants": list(self.settings.variants),
                "images": self.settings.images,
                "rounds": self.settings.rounds,
                "processes": self.settings.processes,
                "loop_batch_size": LOOP_BATCH_SIZE,
                "backbone": study.backbone.model_dump(),
                "recipe": study.recipe.model_dump(),
                **study.machine.model_dump(),
            },
            "speeds": [asdict(row) for row in self.speeds()],
            "steps": [asdict(row) for row in self.steps()],
            "augmentation": [asdict(row) for row in self.augmentation()],
            "samples": [asdict(sample) for sample in self.samples],
        }


def spread(values: Sequence[float]) -> Spread:
    """Return the median and the extremes."""
    return Spread(median(values), min(values), max(values))


def ratios(samples: Sequence[Sample], above: tuple[str, str], below: tuple[str, str]) -> list[float]:
    """Return the rate of one (contender, variant) over that of another, round by round."""
    rates = {sample.round: sample.rate for sample in _of(samples, *below)}
    return [sample.rate / rates[sample.round] for sample in _of(samples, *above)]


def _of(samples: Sequence[Sample], contender: str, variant: str) -> Iterator[Sample]:
    return (sample for sample in samples if (sample.contender, sample.variant) == (contender, variant))
