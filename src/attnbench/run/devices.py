"""Which accelerator a parallel job uses.

With `machine: device: cuda` jobs spread over all cards: each sees one alone, which torch calls `cuda`. `device: cuda:1`
keeps all jobs on that card.
"""

from attnbench import machine

Environment = dict[str, str]  # variables that a job gets besides those of this process


def environments(device: str, workers: int) -> list[Environment]:
    """Return the environment of each of `workers` jobs that run at once, on a `machine: device` of params.yaml."""
    cards = machine.cards() if device == "cuda" else []
    if not cards:
        return [{} for _ in range(workers)]
    return [{"CUDA_VISIBLE_DEVICES": cards[number % len(cards)]} for number in range(workers)]
