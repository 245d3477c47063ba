"""Which network without a module costs as much as one with it: `python -m attnbench.tools.match`.

One option of the backbone that is a whole number, such as a width, is raised until the network without the module has
the parameters, or takes the time, of the variant. Parameters are counted; times are ratios within rounds, taken in
turns as the latency stage does, so what else the machine does hits both alike. A time need not grow with every step
of a width: after the bisection its neighbours are measured once more, all in turns, and the nearest of these is named.
"""

import json
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from attnbench import cost, errors, networks, records
from attnbench.analyse.statistics import median_ratio
from attnbench.errors import UserError, did_you_mean, listed
from attnbench.networks import arithmetic
from attnbench.networks.slots import Network
from attnbench.records import DataSummary
from attnbench.study import attention, backbones, load, require
from attnbench.study.paths import StudyPaths
from attnbench.study.schema import Latency, Study, Variant

MOST = 4096  # times the value to begin with; no network of use is wider
CLASSES, CHANNELS, PIXELS = 10, 3, 32  # of a study whose images are not prepared yet; its report says what they were


@dataclass(frozen=True)
class Asked:
    """What is looked for."""

    study: Study
    variant: str
    option: str
    batch_size: int | None  # None: equal parameters, not equal latency
    classes: int
    image_shape: tuple[int, int, int]

    @property
    def start(self) -> int:
        """The value that the variant's own backbone has."""
        given = self.study.backbone.options | self.study.variants[self.variant].backbone
        return int(given.get(self.option, backbones.options(self.study.backbone.name)[self.option].default))

    def control(self, value: int) -> Variant:
        """Return the variant without a module, with that value of the option."""
        own = self.study.variants[self.variant].backbone
        return Variant(attention=attention.NONE, backbone={**own, self.option: value})

    def network(self, variant: Variant) -> Network:
        study = self.study.model_copy(update={"variants": {"candidate": variant}})
        return networks.build(
            study,
            "candidate",
            SimpleNamespace(classes=range(self.classes), image_shape=self.image_shape),
            self.study.seeds[0],
        )


@dataclass(frozen=True)
class Candidate:
    """A value of the option and the cost it gives, as a ratio to the variant's; the ends are those of an interval."""

    value: int
    ratio: float
    low: float
    high: float


def around(cost_of: Callable[[int], float], start: int) -> tuple[int, int]:
    """Return the neighbours between which a growing cost passes 1; both are `start` where it is there already.

    Raises:
        UserError: the cost stays below 1.
    """
    if cost_of(start) >= 1:
        return start, start
    low, high = start, 2 * start
    while cost_of(high) < 1:
        low, high = high, 2 * high
        if high > MOST * start:
            raise UserError(f"no value up to {low} costs as much; name another option")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if cost_of(middle) < 1 else (low, middle)
    return low, high


def by_parameters(asked: Asked) -> list[Candidate]:
    """Return the values around the one of equal parameters, with their exact ratios."""
    target = _parameters(asked.network(asked.study.variants[asked.variant]))

    def ratio(value: int) -> float:
        return _parameters(asked.network(asked.control(value))) / target

    values = _with_neighbours(around(ratio, asked.start), asked.start)
    return [Candidate(value, found, found, found) for value in values for found in [ratio(value)]]


def by_latency(asked: Asked) -> list[Candidate]:
    """Return the values around the one of equal latency, measured in turns with the variant."""

    def ratio(value: int) -> float:
        return _timed(asked, [value])[0].ratio

    return _timed(asked, _with_neighbours(around(ratio, asked.start), asked.start))


def nearest(candidates: Iterable[Candidate]) -> Candidate:
    """Return the candidate whose cost is nearest to the variant's, as a factor."""
    return min(candidates, key=lambda candidate: abs(math.log(candidate.ratio)))


def text(asked: Asked, found: list[Candidate]) -> str:
    """Return what is printed: the ratios, and the line for params.yaml."""
    c, h, w = asked.image_shape
    kind = "parameters" if asked.batch_size is None else "latency"
    batch = "" if asked.batch_size is None else f" at batch size {asked.batch_size}"
    best = nearest(found)
    interval = "" if asked.batch_size is None else f", {100 * asked.study.confidence:g} % interval"
    lines = [
        f"{kind} of {asked.study.backbone.name} without a module, as a ratio to variant {asked.variant}{batch}"
        f"{interval} ({asked.classes} classes, {c} x {h} x {w} pixels)",
        *(f"  {asked.option}: {_row(candidate)}{'  <- nearest' if candidate is best else ''}" for candidate in found),
        "",
        "  variants:",
        f"    wide_{kind}: {{attention: none, backbone: {_flow(asked.control(best.value))}}}",
        "  controls:",
        f"    {asked.variant}: {{{kind}: wide_{kind}}}",
    ]
    return "\n".join(lines) + "\n"


def _row(candidate: Candidate) -> str:
    text = f"{candidate.value}  {candidate.ratio:.4f}"
    return text if candidate.low == candidate.high else f"{text}  [{candidate.low:.4f}, {candidate.high:.4f}]"


def _flow(variant: Variant) -> str:
    return f"{{{', '.join(f'{name}: {json.dumps(value)}' for name, value in variant.backbone.items())}}}"


def _with_neighbours(pair: tuple[int, int], start: int) -> list[int]:
    return list(range(max(start, pair[0] - 1), pair[1] + 2))


def _parameters(network: Network) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _timed(asked: Asked, values: list[int]) -> list[Candidate]:
    """Time the networks of these values in turns with the variant's."""
    assert asked.batch_size is not None
    networks = {f"{value}": asked.network(asked.control(value)) for value in values}
    networks[asked.variant] = asked.network(asked.study.variants[asked.variant])
    latency = Latency(batch_sizes=[asked.batch_size], rounds=asked.study.latency.rounds)
    study = asked.study.model_copy(update={"latency": latency})
    times = {row.variant: row.round_ms for row in cost.measure(study, networks, asked.image_shape).rows}
    ratios = [median_ratio(times[f"{value}"], times[asked.variant], study.confidence) for value in values]
    return [Candidate(value, ratio.value, ratio.low, ratio.high) for value, ratio in zip(values, ratios, strict=True)]


def ask(params: Path, variant: str, option: str, by: str, batch_size: int | None) -> Asked:
    """Return what is looked for, checked.

    Raises:
        UserError: a wrong params.yaml, no such variant or option, a variant without a module.
    """
    loaded = load(params)
    require(loaded, params, variant)
    if loaded.variants[variant].attention == attention.NONE:
        raise UserError(f"{variant} has no module, so nothing has to be matched; name a variant with one")
    known = backbones.options(loaded.backbone.name)
    whole = [name for name, found in known.items() if type(found.default) is int]
    if option not in whole:
        raise UserError(
            f"--option {option}: {loaded.backbone.name} has no such option that is a whole number; allowed: "
            f"{listed(whole)}{did_you_mean(option, whole)}"
        )
    classes, shape = _images(loaded)
    size = None if by == "parameters" else batch_size or max(loaded.latency.batch_sizes)
    return Asked(loaded, variant, option, size, classes, shape)


def _images(loaded: Study) -> tuple[int, tuple[int, int, int]]:
    """Return classes and shape of the images, as far as they are known before they are prepared."""
    summary = StudyPaths(loaded.name).data_summary
    if summary.is_file():
        data = records.read(summary, DataSummary)
        return len(data.classes), data.image_shape
    pixels = getattr(loaded.data, "image_size", PIXELS)
    return CLASSES, (CHANNELS, pixels, pixels)


def main() -> None:
    """Match: PARAMS VARIANT OPTION parameters|latency [BATCH_SIZE]."""
    params, variant, option, by, *rest = sys.argv[1:]
    asked = ask(Path(params), variant, option, by, int(rest[0]) if rest else None)
    arithmetic.set_up(asked.study.machine)  # as the latency stage does
    found = by_parameters(asked) if asked.batch_size is None else by_latency(asked)
    sys.stdout.write(text(asked, found))


if __name__ == "__main__":
    errors.run_main(main)
