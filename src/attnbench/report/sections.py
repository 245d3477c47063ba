"""The remaining sections: facts from tables and records, as Markdown tables and single sentences."""

import pandas as pd

from attnbench.report import method
from attnbench.report.inputs import Inputs
from attnbench.report.tables import form, markdown
from attnbench.report.words import code, count, level, number

_FACTS = {
    "processor": "Processor",
    "device": "Device",
    "instruction_set": "Instruction set",
    "threads": "Threads per run",
    "precision": "Precision",
    "memory_format": "Memory format",
    "python": "Python",
    "torch": "torch",
    "n": "Runs",
}
_WORDS = ("Variant", "Attention", "Options", "Site", "Stages", "Blocks", "Start", "Network")


def variants(inputs: Inputs) -> str:
    """Return the table that says what each variant is."""
    return markdown(method.variant_rows(inputs.study), _WORDS)


def environments(inputs: Inputs) -> str:
    """Return the table of machines and versions, one column for each environment met."""
    frame = inputs.tables["environment"]
    numbers = [str(place) for place in range(1, len(frame) + 1)] if len(frame) > 1 else [""]
    columns = {
        f"Environment {place}".strip(): [str(row[fact]) for fact in _FACTS]
        for place, (_, row) in zip(numbers, frame.iterrows(), strict=True)
    }
    table = pd.DataFrame({"Fact": list(_FACTS.values())} | columns)
    return markdown(table, tuple(table.columns))


def differing_environments(inputs: Inputs) -> str | None:
    """Return which runs were made in other environments than most, or None where all were made in one."""
    frame = inputs.tables["environment"]
    if len(frame) == 1:
        return None
    others = "; ".join(
        f"in environment {place + 1} {code(str(row['runs']).split())}"
        for place, (_, row) in enumerate(frame.iterrows())
        if place > 0
    )
    return (
        f"The runs were made in {len(frame)} environments, so some of a difference may be that of the machines. "
        f"All were made in environment 1 but these: {others}."
    )


def data(inputs: Inputs) -> str:
    """Return the table of the images' facts."""
    found = inputs.data
    channels, height, width = found.image_shape
    facts = {
        "Classes": f"{len(found.classes)}: {', '.join(found.classes)}",
        "Training images": form.integer(found.train),
        "Validation images": form.integer(found.validation),
        "Test images": form.integer(found.test),
        "Size": f"{height} x {width} pixels, {count(channels, 'channel')}",
        "Split seed": str(found.split_seed),
        "Mean of each channel": ", ".join(f"{value:.4f}" for value in found.mean),
        "Standard deviation of each channel": ", ".join(f"{value:.4f}" for value in found.std),
        "SHA-256": found.sha256,
    } | {f"SHA-256 of {name}": digest for name, digest in found.tensors_sha256.items()}
    return markdown(pd.DataFrame({"Fact": list(facts), "Value": list(facts.values())}), ("Fact", "Value"))


def timing(inputs: Inputs) -> str:
    """Return how the times came about; the number of runs that have one among all."""
    frame = inputs.tables["time"]
    timed, runs = int(frame["n"].sum()), len(inputs.tables["runs"])
    known = frame[frame["n"] > 0]
    if known.empty:
        return f"None of the {runs} runs left a timing, so nothing is known of their speed."
    cores = sorted({round(value) for value in known["cores"]})
    threads = count(inputs.study.machine.threads, "thread")
    missing = (
        "" if timed == runs else f" Only {timed} of the {runs} runs left a timing; n says how many of a variant's."
    )
    return (
        f"Several runs may go side by side, each with {threads}, on {_between(cores)} cores here, so their times "
        f"include what they took from each other; the load average is that of the machine at the end of a run.{missing}"
    )


def _rounds(rounds: list[int]) -> str:
    return count(rounds[0], "round") if len(rounds) == 1 else f"{rounds[0]} to {rounds[-1]} rounds"


def _between(cores: list[int]) -> str:
    return f"{cores[0]}" if len(cores) == 1 else f"{cores[0]} to {cores[-1]}"


def latency(inputs: Inputs) -> str:
    """Return how latency was measured."""
    record, sizes = inputs.latency, [str(size) for size in inputs.study.latency.batch_sizes]
    rounds = sorted(set(inputs.tables["latency"]["rounds"]))
    return (
        f"All variants were timed in one process, in turns and in a new random order each round "
        f"({_rounds(rounds)}), at batch size "
        f"{' and '.join(sizes)}, on {record.processor} with {count(record.threads, 'thread')} of "
        f"{count(record.cores, 'core')}, {record.precision}, torch {record.torch}, at a load average of "
        f"{number(round(record.load_average, 2))}. A ratio is the median over rounds of the ratio to the baseline "
        f"within the round, with its {level(inputs.study.confidence)} interval."
    )


def standard_error(inputs: Inputs) -> str:
    """Return the baseline's accuracy in percent and its binomial standard error in points, as a sentence's part."""
    row = inputs.row("accuracy", inputs.study.baseline)
    images = count(inputs.data.test, "image")
    return (
        f"{form.percent(row['mean'])} % on {images} has one of {form.percent(row['standard_error'])} percentage points"
    )
