"""Calling a function in fresh processes, one after another."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from attnbench.errors import UserError

T = TypeVar("T")


def in_fresh_processes(count: int, function: Callable[[int], T]) -> list[T]:
    """Return `[function(0), .., function(count - 1)]`, each computed in a new process after the last one has ended.

    `function` and what it returns are pickled; an exception in a process is raised here. The process imports the script
    that this one runs, under another name than `__main__`.

    Raises:
        UserError: a process was killed, or could not start.
    """
    context = multiprocessing.get_context("spawn")  # a fork would inherit the memory of this process
    results = []
    for number in range(count):
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            try:
                results.append(pool.submit(function, number).result())
            except BrokenProcessPool:
                raise UserError(
                    "a process that measures times ended early. Unless an error is printed above, memory was full: "
                    "free some, or write smaller `latency: batch_sizes`, and run it again"
                ) from None
    return results
