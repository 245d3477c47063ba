"""Where latency and training steps were measured, compared with where the runs were made."""

from attnbench.report.inputs import Inputs

_FACTS = {  # of `Environment`, if times depend on them -> words of a sentence
    "processor": "processor",
    "device": "device",
    "instruction_set": "instruction set",
    "threads": "threads",
    "precision": "precision",
    "torch": "torch",
}


def one_image(inputs: Inputs) -> dict[str, float] | None:
    """Return how many ms the baseline takes for an image `alone` and `in_batch`, the largest that was timed.

    None unless both were timed, and the batch is faster.
    """
    rows = inputs.rows("latency", variant=inputs.study.baseline)
    per_image = {row["batch_size"]: row["median_ms"] / row["batch_size"] for row in rows}
    alone, in_batch = per_image.get(1), per_image[max(per_image)]
    return None if alone is None or in_batch >= alone else {"alone": alone, "in_batch": in_batch}


def environment_number(inputs: Inputs) -> int | None:
    """Return the number, from 1, of the environment of runs in which the times were measured; None if in none."""
    for number in range(1, len(inputs.tables["environment"]) + 1):
        if not differences(inputs, number):
            return number
    return None


def differences(inputs: Inputs, number: int) -> list[tuple[str, str, str]]:
    """Return how the measurement differs from environment `number`: fact, its value, that of the runs."""
    runs = inputs.rows("environment")[number - 1]
    times = inputs.latency.environment.model_dump()
    pairs = [(words, str(times[fact]), str(runs[fact])) for fact, words in _FACTS.items()]
    return [pair for pair in pairs if pair[1] != pair[2]]
