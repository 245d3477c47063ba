"""What is measured: the settings, and the names of the contenders."""

from math import lcm
from typing import Literal

from pydantic import BaseModel, ConfigDict

from attnbench.errors import UserError
from attnbench.study.schema import Study

LOOP_0 = "loop, 0 workers"
LOOP_2 = "loop, 2 workers"
ENGINE = "engine"
BARE = "bare step"
ALONE = "bare step, one process"
AUGMENTATION = "augmentation"
EVERY = "every variant"  # that of a contender without a network

LOOP_BATCH_SIZE = 64  # as tutorials have it
OPERATIONS: tuple[Literal["crop", "flip", "jitter", "rotate"], ...] = ("crop", "flip", "jitter", "rotate")

MOST_ROUNDS = 9_999  # a round is an epoch, and one comes before: a recipe has at most 10,000

Kind = Literal["loop", "engine"]  # of a process: torch as it comes, or set up as `attnbench run` does it


class Settings(BaseModel):
    """A study, its recipe and machine as they are measured, and how often."""

    model_config = ConfigDict(frozen=True)

    study: Study
    variants: tuple[str, ...]  # the first is the one that the others' steps are compared with
    images: int  # in one turn of one process
    rounds: int  # without the first, which warms up
    processes: int  # of the engine and of the bare step, side by side


class Task(BaseModel):
    """What a process is told when it starts."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    number: int  # among the processes of its kind
    settings: Settings


def settings(
    study: Study,
    *,
    variants: list[str] | None,
    images: int,
    batch_size: int,
    rounds: int,
    precision: Literal["float32", "bf16"] | None,
    cores: int,
) -> Settings:
    """Return the settings for a study: the full augmentation, and `batch_size` for all but the tutorials' loop.

    Without variants, they are the baseline and `cbam`, or the first other one where the study has no `cbam`.

    Raises:
        UserError: the number of images leaves a batch that is not full, so that contenders would differ in their work;
            or there are too many rounds.
    """
    if rounds > MOST_ROUNDS:
        raise UserError(f"--rounds: given {rounds}; must be at most {MOST_ROUNDS}")
    whole = lcm(batch_size, LOOP_BATCH_SIZE)
    if images % whole:
        more = -(-images // whole) * whole
        raise UserError(
            f"--images: given {images}; must be a multiple of the batch sizes {batch_size} and {LOOP_BATCH_SIZE}, "
            f"such as {more}"
        )
    asked = study.machine.model_copy(update={"precision": precision or study.machine.precision})
    recipe = study.recipe.model_copy(
        update={
            "batch_size": batch_size,
            "augmentation": list(OPERATIONS),
            "epochs": rounds + 1,  # a turn is an epoch: the learning rate's cycle ends with the last
        }
    )
    return Settings(
        study=study.model_copy(update={"machine": asked, "recipe": recipe}),
        variants=tuple(dict.fromkeys(variants or _default_variants(study))),
        images=images,
        rounds=rounds,
        processes=max(1, cores // asked.threads),
    )


def turn_name(contender: str, variant: str) -> str:
    """Return the name by which a process is asked for a turn."""
    return f"{contender}/{variant}"


def _default_variants(study: Study) -> list[str]:
    others = [name for name in study.variants if name != study.baseline]
    return [study.baseline, "cbam" if "cbam" in others else others[0]]
