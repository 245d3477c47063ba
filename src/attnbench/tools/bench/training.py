"""How fast training is: the contenders take turns, a round is one turn of each, in an order shuffled anew.

A turn is the same number of images for every process. Where a contender is several processes, all are told to go
together and its time is until the last is done. The first round warms up and does not count.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from attnbench import machine
from attnbench.tools.bench import settings as names
from attnbench.tools.bench.processes import Worker, workers
from attnbench.tools.bench.results import Result, Sample, Surroundings
from attnbench.tools.bench.settings import Settings, Task, turn_name


@dataclass(frozen=True)
class Contender:
    """Who is measured: the processes that take part, and what they are asked for."""

    name: str
    variant: str
    ask: str
    processes: Sequence[Worker]


def measure(settings: Settings, say: Callable[[str], object]) -> Result:
    """Take the turns and return what they gave; `say` is told of each round.

    Raises:
        UserError: a process died; the text says what it said last.
    """
    load = machine.load_average()  # before our own work
    tasks = [Task(kind="loop", number=0, settings=settings)]
    tasks += [Task(kind="engine", number=number, settings=settings) for number in range(settings.processes)]
    with workers(tasks) as (loop, *engines):
        ready = [worker.hear() for worker in (loop, *engines)]
        samples = rounds(contenders(settings, loop, engines), settings, say)
    return Result(
        surroundings=Surroundings(
            processor=ready[-1]["processor"],
            cores=machine.cores(),
            loop_threads=ready[0]["threads"],
            torch=ready[0]["torch"],
            load_average=load,
        ),
        settings=settings,
        samples=samples,
    )


def contenders(settings: Settings, loop: Worker, engines: Sequence[Worker]) -> list[Contender]:
    """Return all that take turns."""
    first = engines[:1]
    found = [Contender(names.AUGMENTATION, names.EVERY, turn_name(names.AUGMENTATION, names.EVERY), first)]
    for variant in settings.variants:
        bare = turn_name(names.BARE, variant)
        found += [
            Contender(names.LOOP_0, variant, turn_name(names.LOOP_0, variant), [loop]),
            Contender(names.LOOP_2, variant, turn_name(names.LOOP_2, variant), [loop]),
            Contender(names.ENGINE, variant, turn_name(names.ENGINE, variant), engines),
            Contender(names.BARE, variant, bare, engines),
            Contender(names.ALONE, variant, bare, first),
        ]
    return found


def rounds(entered: Sequence[Contender], settings: Settings, say: Callable[[str], object]) -> list[Sample]:
    """Let all have their turns, round after round; return those of the rounds that count, in the order taken."""
    order = random.Random(settings.study.seeds[0])
    samples: list[Sample] = []
    for number in range(settings.rounds + 1):
        start = time.perf_counter()
        turns = [turn(contender, number) for contender in order.sample(entered, len(entered))]
        if number:
            samples += turns
        what = f"round {number} of {settings.rounds}" if number else "warm-up"
        say(f"{what}: {time.perf_counter() - start:.0f} s")
    return samples


def turn(contender: Contender, number: int) -> Sample:
    """Let a contender have its turn in the round of that number."""
    start = time.perf_counter()
    for worker in contender.processes:
        worker.tell(contender.ask)
    answers = [worker.hear() for worker in contender.processes]
    return Sample(
        round=number,
        contender=contender.name,
        variant=contender.variant,
        images=sum(answer["images"] for answer in answers),
        seconds=time.perf_counter() - start,
        process_seconds=[answer["seconds"] for answer in answers],
    )
