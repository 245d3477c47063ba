"""What DVC knows about a study's stages: which are stale, and which depend on which."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attnbench.errors import UserError
from attnbench.records.lock import read_entries, remedy
from attnbench.study.repository import LOCK


@dataclass(frozen=True)
class Stage:
    """A stage of a dvc.yaml. `stale` means that it has to run now; its inputs may still be about to change."""

    name: str  # train@se-0
    address: str  # studies/cifar10/dvc.yaml:train@se-0
    changed: bool  # what it reads, its command or what it wrote is not what dvc.lock says
    stale: bool  # changed, or it writes what a stale stage reads and what is absent
    alone: bool  # nothing else may run at the same time: `meta: {alone: true}`
    needs: frozenset[str]  # the stages that write what this one reads


def stages(root: Path, file: str, *, allow_missing: bool = False) -> list[Stage]:
    """Return the stages of one dvc.yaml, in its order.

    With `allow_missing` a stage is not stale merely because outputs of it are absent that DVC keeps in its cache, as
    weights are in a clone; it is if a stale stage reads what is absent, or if a file is absent that git keeps.

    Only this file is loaded, so other studies cost nothing. DVC's lock is held while reading.

    Raises:
        UserError: DVC cannot read the project, or another command holds the lock.
    """
    # imported here: DVC takes half a second, and an invalid params.yaml is refused first
    from dvc.exceptions import DvcException  # noqa: PLC0415
    from dvc.repo import Repo  # noqa: PLC0415
    from dvc.repo.graph import build_graph  # noqa: PLC0415

    try:
        with Repo(str(root)) as repo, repo.lock:
            loaded = repo.stage.load_all(str(root / file))
            needs = build_graph(loaded).adj
            changed = {stage for stage in loaded if stage.changed(allow_missing=allow_missing) or _lost(stage)}
            stale = changed | _absent_inputs(changed, needs)
            return [
                Stage(
                    name=stage.name,
                    address=f"{file}:{stage.name}",
                    changed=stage in changed,
                    stale=stage in stale,
                    alone=bool((stage.meta or {}).get("alone")),
                    needs=frozenset(needed.name for needed in needs[stage]),
                )
                for stage in loaded
            ]
    except DvcException as error:
        lock = (root / file).with_name(LOCK)
        with suppress(FileNotFoundError):
            read_entries(lock)  # says more about one that is broken, as by a conflict in git
        raise UserError(f"DVC cannot read {file}: {_reason(error, lock)}") from None


def _lost(stage: Any) -> bool:
    """Return whether a stage, as DVC's object, lacks an output that git keeps: DVC cannot fetch it."""
    return any(not out.use_cache and not out.exists for out in stage.outs)


def _absent_inputs(stale: Iterable[Any], needs: Mapping[Any, Iterable[Any]]) -> set[Any]:
    """Return the stages, as DVC's objects, that write absent files which a stale stage reads, directly or not."""
    writers: set[Any] = set()
    waiting = list(stale)
    while waiting:
        reader = waiting.pop()
        reads = {dependency.fs_path for dependency in reader.deps}
        for writer in set(needs[reader]) - writers:
            if any(out.fs_path in reads and not out.exists for out in writer.outs):
                writers.add(writer)
                waiting.append(writer)
    return writers


def ready(stages: Sequence[Stage]) -> list[Stage]:
    """Return the stale stages whose inputs are up to date."""
    waiting = downstream(stages, [stage.name for stage in stages if stage.stale])
    return [stage for stage in stages if stage.stale and stage.name not in waiting]


def downstream(stages: Sequence[Stage], names: Iterable[str]) -> set[str]:
    """Return the names of the stages that need one of `names`, directly or through others."""
    reached: set[str] = set()
    last = set(names)
    while last:
        last = {stage.name for stage in stages if stage.needs & last} - reached
        reached |= last
    return reached


def _reason(error: BaseException, lock: Path) -> str:
    """Return the text of an error and of its causes, with the remedy for a lock file that DVC refuses."""
    texts = []
    cause: BaseException | None = error
    while cause is not None:
        texts.append(" ".join(str(cause).split()))
        cause = cause.__cause__
    text = "; ".join(dict.fromkeys(filter(None, texts)))
    signs = ("validation failed", "corrupted", "invalid")
    is_broken = "dvc.lock" in text and any(sign in text.lower() for sign in signs)
    return f"{text}. {remedy(lock)}" if is_broken else text
