"""Find the network without a module that costs as much as one with it: `attnbench match`.

One integer option of the backbone, such as its width, is raised until the network without the module has as many
parameters as the variant, or takes as long per batch or training step. Parameters are counted. Times are ratios within
rounds, measured alternately as in the latency stage, so other load affects both sides alike. The bisection measures in
this process. A time does not grow with every step of a width, and differs between processes: so the neighbours of the
last step are measured again in several fresh processes, all alternately, and the nearest of them is proposed.
"""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from attnbench import cost, networks, records
from attnbench.analyse.statistics import time_ratio
from attnbench.errors import UserError
from attnbench.networks import Network, arithmetic, refusals
from attnbench.networks.building import ImageSet
from attnbench.report import formatting
from attnbench.study import Study, StudyPaths, attention, backbones
from attnbench.study.schema import FolderData, Variant
from attnbench.train.timing import timed_step

_LESS_MEMORY = {
    "latency": "give a smaller --batch-size",
    "training_step": "write a smaller `recipe: batch_size` in params.yaml",
}
MAX_FACTOR = 4096  # no useful network is wider than the variant's by more


@dataclass(frozen=True)
class AssumedImages:
    """Images of a study that are not prepared yet; the printed text names what is assumed."""

    image_shape: tuple[int, int, int] = (3, 32, 32)
    classes: Sequence[str] = tuple("0123456789")


@dataclass(frozen=True)
class Candidate:
    """A value of the option, and the cost with it relative to the variant's; `low` and `high` bound an interval."""

    value: int
    ratio: float
    low: float = math.nan  # where there is no interval: a count is exact, and one process shows no spread
    high: float = math.nan


@dataclass(frozen=True)
class Search:
    """A variant with a module, and the option of its backbone that is raised instead."""

    study: Study
    variant: str
    option: str
    images: ImageSet

    @property
    def start(self) -> int:
        """The value of the option in the variant."""
        options = self.study.backbone.options | self.study.variants[self.variant].backbone
        return int(options.get(self.option, backbones.options(self.study.backbone.name)[self.option].default))

    def control(self, value: int) -> Variant:
        """Return the variant without its module, with another value of the option."""
        options = self.study.variants[self.variant].backbone
        return Variant(attention=attention.NONE, backbone={**options, self.option: value})

    def network(self, value: int | None = None) -> Network:
        """Return the network of the control with that value, or of the variant itself."""
        variant = self.study.variants[self.variant] if value is None else self.control(value)
        study = self.study.model_copy(update={"variants": {self.variant: variant}})
        return networks.build(study, self.variant, self.images, study.seeds[0])


def match(study: Study, root: Path, variant: str, option: str, by: str, batch_size: int) -> str:
    """Return what to add to params.yaml: a control of equal `parameters`, `latency` or `training_step`.

    `variant` has a module, and `option` is an integer option of the backbone. `batch_size` is that of the latency; a
    training step has that of the recipe.

    Raises:
        UserError: no value of the option reaches that cost, or memory is full.
    """
    search = Search(study, variant, option, image_set(study, root))
    if by == "parameters":
        return text(search, by_parameters(search), by)
    arithmetic.set_up(study.machine)  # as in the latency stage
    size = batch_size if by == "latency" else study.recipe.batch_size
    return text(search, by_time(search, by, size), by, f" at batch size {size}")


def image_set(study: Study, root: Path) -> ImageSet:
    """Return the prepared images of a study, or what is assumed of them until they are."""
    summary = StudyPaths(study.name, root).data_summary
    if summary.is_file():
        return records.read(summary, records.DataSummary)
    match study.data:
        case FolderData(image_size=pixels):
            return AssumedImages((3, pixels, pixels))
        case _:
            return AssumedImages()


def by_parameters(search: Search) -> list[Candidate]:
    """Return the values around the one of equal parameters, with exact ratios."""
    target = networks.parameter_count(search.network())

    @cache
    def ratio(value: int) -> float:
        return networks.parameter_count(search.network(value)) / target

    return [Candidate(value, ratio(value)) for value in nearby_values(search, ratio, "parameters")]


def by_time(search: Search, by: str, batch_size: int) -> list[Candidate]:
    """Return the values around the one of equal time, measured alternately with the variant.

    Raises:
        UserError: no value reaches that time, or memory is full.
    """

    def ratio(value: int) -> float:
        return _rough_ratio(search, value, by, batch_size)

    with refusals.memory_limit(search.study.machine, f"{_LESS_MEMORY[by]}, or match another cost with --by"):
        return _measured(search, nearby_values(search, ratio, by), by, batch_size)


def nearby_values(search: Search, ratio: Callable[[int], float], kind: str) -> list[int]:
    """Return the values of the option around the one at which the ratio of a growing cost, `kind`, reaches 1.

    Raises:
        UserError: the ratio stays below 1.
    """
    start, variant = search.start, search.variant
    neighbours = bracket(ratio, start)
    if neighbours is None:
        raise UserError(
            f"--option {search.option}: no value from {start}, that of {variant}, to {MAX_FACTOR * start} reaches the "
            f"{kind.replace('_', ' ')} of {variant}; name another option, or match another cost with --by"
        )
    low, high = neighbours
    return list(range(max(start, low - 1), high + 2))


def bracket(cost_of: Callable[[int], float], start: int) -> tuple[int, int] | None:
    """Return the neighbours between which a growing cost reaches 1; both are `start` if it costs 1 or more.

    None if it stays below 1 up to `MAX_FACTOR` times `start`.
    """
    if cost_of(start) >= 1:
        return start, start
    low, high = start, 2 * start
    while cost_of(high) < 1:
        low, high = high, 2 * high
        if high > MAX_FACTOR * start:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if cost_of(middle) < 1 else (low, middle)
    return low, high


def nearest(candidates: Iterable[Candidate]) -> Candidate:
    """Return the candidate with the ratio nearest to 1, as a factor."""
    return min(candidates, key=lambda candidate: abs(math.log(candidate.ratio)))


def text(search: Search, candidates: list[Candidate], kind: str, condition: str = "") -> str:
    """Return the ratios, and the lines for params.yaml; `kind` is what is equal, a key of `controls`."""
    c, h, w = search.images.image_shape
    best = nearest(candidates)
    options = ", ".join(f"{name}: {json.dumps(value)}" for name, value in search.control(best.value).backbone.items())
    interval = "" if math.isnan(best.low) else f", {formatting.level(search.study.confidence)} interval"
    rows = [
        f"  {search.option}: {candidate.value}  {_ratio(candidate, kind)}"
        + ("  <- nearest" if candidate is best else "")
        for candidate in candidates
    ]
    return "\n".join(
        [
            f"{kind.replace('_', ' ')} of {search.study.backbone.name} without a module relative to variant "
            f"{search.variant}{condition}"
            f"{interval} ({len(search.images.classes)} classes, {c} x {h} x {w} pixels)",
            *rows,
            "",
            "  variants:",
            f"    wide_{kind}: {{attention: none, backbone: {{{options}}}}}",
            "  controls:",
            f"    {search.variant}: {{{kind}: wide_{kind}}}",
            "",
        ]
    )


def _ratio(candidate: Candidate, kind: str) -> str:
    """Return a ratio with its interval; one of counts, which is exact, with a digit more."""
    if kind == "parameters":
        return formatting.ratio(candidate.ratio, 4)
    return formatting.ratio_with_interval(candidate.ratio, candidate.low, candidate.high)


def _timed_study(search: Search, values: list[int], batch_size: int, processes: int) -> Study:
    """Return a study of the variant and of the controls with these values, each named by its value."""
    controls = {f"{value}": search.control(value) for value in values}
    variants = controls | {search.variant: search.study.variants[search.variant]}
    latency = search.study.latency.model_copy(update={"batch_sizes": [batch_size], "processes": processes})
    return search.study.model_copy(update={"variants": variants, "latency": latency})


def _rough_ratio(search: Search, value: int, by: str, batch_size: int) -> float:
    """Return the ratio of times measured in this process."""
    study = _timed_study(search, [value], batch_size, processes=1)
    if by == "latency":
        times = cost.inference_times(study, search.images, 0)
    else:
        times = cost.step_times(study, search.images, timed_step, 0)
    own, other = times[f"{value}", batch_size], times[search.variant, batch_size]
    return time_ratio([own], [other], study.confidence).value


def _measured(search: Search, values: list[int], by: str, batch_size: int) -> list[Candidate]:
    """Time the networks with these values alternately with the variant's, in several processes."""
    study = _timed_study(search, values, batch_size, search.study.latency.processes)
    if by == "latency":
        rows = cost.measure_inference(study, search.images)
    else:
        rows = cost.measure_steps(study, search.images, timed_step)
    times = {row.variant: row.round_ms for row in rows}
    ratios = [time_ratio(times[f"{value}"], times[search.variant], study.confidence) for value in values]
    return [Candidate(value, ratio.value, ratio.low, ratio.high) for value, ratio in zip(values, ratios, strict=True)]
