"""What DVC knows of a study's stages: which are stale, and who reads what others write."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from attnbench.errors import UserError


@dataclass(frozen=True)
class Stage:
    """A stage of a dvc.yaml. `stale` means that DVC would run it now; its inputs may still be about to change."""

    name: str  # train@se-0
    address: str  # studies/cifar10/dvc.yaml:train@se-0
    stale: bool
    reads: tuple[Path, ...]
    writes: tuple[Path, ...]

    @property
    def kind(self) -> str:
        """The name without what the matrix adds."""
        return self.name.split("@", maxsplit=1)[0]


def stages(root: Path, file: str) -> list[Stage]:
    """Return the stages of one dvc.yaml, in its order.

    Only this file is loaded, so other studies cost nothing. This takes DVC's lock for as long as it looks.

    Raises:
        UserError: DVC cannot read the project, or another command holds it.
    """
    # imported here: DVC takes half a second, and a wrong params.yaml is refused before
    from dvc.exceptions import DvcException  # noqa: PLC0415
    from dvc.repo import Repo  # noqa: PLC0415

    try:
        with Repo(str(root)) as repo, repo.lock:
            return [
                Stage(
                    name=stage.name,
                    address=f"{file}:{stage.name}",
                    stale=stage.changed(),
                    reads=tuple(Path(each.fs_path) for each in stage.deps if each.protocol == "local"),
                    writes=tuple(Path(each.fs_path) for each in stage.outs),
                )
                for stage in repo.stage.load_all(str(root / file))
            ]
    except DvcException as error:
        raise UserError(f"DVC cannot read {file}: {_said(error)}") from None


def downstream(stages: Iterable[Stage], failed: Iterable[str]) -> set[str]:
    """Return the names of the stages that read, directly or not, what the failed ones would have written."""
    found = set(failed)
    stages = list(stages)
    while True:
        missing = [path for stage in stages if stage.name in found for path in stage.writes]
        more = {stage.name for stage in stages if any(_meet(read, path) for read in stage.reads for path in missing)}
        if more <= found:
            return found.difference(failed)
        found |= more


def _meet(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)


def _said(error: BaseException) -> str:
    """Return the text of an error and of what caused it, with the remedy for a lock file cut short by a full disk."""
    texts = []
    cause: BaseException | None = error
    while cause is not None:
        texts.append(" ".join(str(cause).split()))
        cause = cause.__cause__
    text = "; ".join(dict.fromkeys(filter(None, texts)))
    cut = "dvc.lock" in text and ("validation failed" in text or "invalid" in text.lower())
    return f"{text}. Take back the last good one with `git checkout` of that dvc.lock" if cut else text
