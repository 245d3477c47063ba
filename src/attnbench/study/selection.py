"""Which stages of a backbone, and which blocks of a stage, a variant selects. A change here changes networks."""

from collections.abc import Iterable


def select(selection: str | list[int], present: Iterable[int]) -> set[int]:
    """Return the numbers in `present` that `all`, `first`, `last` or a list of numbers selects."""
    present = set(present)
    match selection:
        case "all":
            return present
        case "first" | "last" if present:
            return {min(present) if selection == "first" else max(present)}
        case _:
            return present & {number for number in selection if isinstance(number, int)}
