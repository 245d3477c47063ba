"""The stages of a study, and which of them depend on which."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """A stage of a dvc.yaml, and what DVC says about it now; its inputs may still be about to change."""

    name: str  # train@se-0
    changed: bool  # what it reads, its command or what it wrote is not what dvc.lock says
    stale: bool  # changed, or it writes what a stale stage reads and what is absent
    needs: frozenset[str] = frozenset()  # the stages that write what this one reads
    alone: bool = False  # nothing else may run at the same time: `meta: {alone: true}`
    command: tuple[str, ...] = ()  # python stages/train.py params.yaml se 0
    reads: tuple[str, ...] = ()  # files and folders, from the root of the repository
    writes: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The name in dvc.yaml: `train`."""
        return self.name.partition("@")[0]

    @property
    def key(self) -> str:
        """What it has of the matrix: `se-0`, `se`, or nothing."""
        return self.name.partition("@")[2]

    @property
    def on_worker(self) -> bool:
        """Whether a cluster runs it: stages of the matrix are many, and one alone measures times."""
        return bool(self.key) or self.alone


def downstream(stages: Sequence[Stage], names: Iterable[str]) -> set[str]:
    """Return the names of the stages that need one of `names`, directly or through others."""
    readers: dict[str, list[str]] = {}
    for stage in stages:
        for name in stage.needs:
            readers.setdefault(name, []).append(stage.name)
    return _reached(readers, names)


def upstream(stages: Sequence[Stage], names: Iterable[str]) -> set[str]:
    """Return the names of the stages that one of `names` needs, directly or through others."""
    return _reached({stage.name: stage.needs for stage in stages}, names)


def _reached(edges: Mapping[str, Iterable[str]], names: Iterable[str]) -> set[str]:
    reached: set[str] = set()
    waiting = list(names)
    while waiting:
        new = set(edges.get(waiting.pop(), ())) - reached
        reached |= new
        waiting += new
    return reached
