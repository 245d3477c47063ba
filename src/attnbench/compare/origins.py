"""What the two sides were made from, where it differs: no difference of machines is to be read as one of precision."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from attnbench.compare.pairs import Pairs
from attnbench.records import RunRecord


@dataclass(frozen=True)
class Origin:
    """A field of `Identity` or `Environment` that differs: its values on both sides, and in how many pairs."""

    field: str
    a: list[Any]
    b: list[Any]
    pairs: int


def origins(pairs: Pairs) -> list[Origin]:
    """Return one entry for each field that differs in at least one pair."""
    facts = [(_facts(a), _facts(b)) for a, b in pairs.both]
    return [
        Origin(field, _values(a[field] for a, _ in facts), _values(b[field] for _, b in facts), differing)
        for field in facts[0][0]
        if (differing := sum(a[field] != b[field] for a, b in facts))
    ]


def _facts(run: RunRecord) -> dict[str, Any]:
    made_from = run.identity.model_dump()
    environment = made_from.pop("environment")
    return {**made_from, **environment}


def _values(met: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(met))
