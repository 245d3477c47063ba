"""Running stages of a study again in a temporary folder, so that nothing recorded is touched.

A stage writes to the folder that it runs in. Here it is run with the scripts and the params.yaml of the repository, but
in a temporary folder, where all its outputs stay.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from attnbench.errors import UserError
from attnbench.records import code_sha256
from attnbench.records.lock import md5_of
from attnbench.run import devices, memory
from attnbench.run.engine import Cell
from attnbench.run.jobs import run_cells, say
from attnbench.study import Study, StudyPaths
from attnbench.study.repository import LocatedStudy
from attnbench.study.schema import Cifar10Data, FolderData

RAW = "data/raw"  # images are downloaded to here, or put here by hand


@dataclass(frozen=True)
class Repetition:
    """A temporary folder in which stages of a study run again."""

    folder: Path
    located: LocatedStudy

    @property
    def study(self) -> Study:
        return self.located.study

    @property
    def paths(self) -> StudyPaths:
        """The study's files in this folder."""
        return StudyPaths(self.study.name, self.folder)

    @property
    def logs(self) -> Path:
        """Where the output of each stage goes, from the repository root; it outlives the temporary folder."""
        return Path("work") / self.study.name / "verify"

    def run_stage(self, stage: str, runs: Sequence[Sequence[str]]) -> list[bool]:
        """Run a stage once for each list of arguments, in parallel; return which of them succeeded."""
        root = self.located.root
        command = [sys.executable, str(root / "stages" / f"{stage}.py"), str(self.located.params.resolve())]
        cells = [
            Cell("@".join([stage, "-".join(arguments)]) if arguments else stage, [*command, *arguments])
            for arguments in runs
        ]
        workers = self.located.workers
        if stage == "train":
            estimate = memory.estimate(self.study, self.located.paths, {arguments[0] for arguments in runs})
            workers = memory.runs_at_once(estimate, min(workers, max(1, len(runs))), None, say)
        environments = devices.environments(self.study.machine.device, workers)
        failed = run_cells(cells, environments, self.folder, root / self.logs)
        return [cell.name not in failed for cell in cells]

    def fingerprint_code(self) -> dict[str, str]:
        """Return variant -> SHA-256 of the code that would train it now; the train stage checks against the same files.

        Raises:
            UserError: the stage failed.
        """
        if not all(self.run_stage("code", [[]])):
            raise UserError("the code cannot be compared with that of the records; fix the error shown above")
        return {variant: code_sha256(self.paths.code("train", variant)) for variant in self.study.variants}

    def provide_images(self, md5: str) -> None:
        """Link the repository's prepared images if they have this MD5; otherwise prepare them again.

        Raises:
            UserError: they cannot be prepared, or are different images.
        """
        recorded = StudyPaths(self.study.name)
        prepared = self.located.root / recorded.prepared
        if prepared.is_file() and md5_of(prepared) == md5:
            _link(self.paths.prepared, prepared)
            return
        self._link_raw_images()
        if not all(self.run_stage("data", [[]])):
            raise UserError("the images cannot be prepared, so nothing was trained; fix the error shown above")
        if (new := md5_of(self.paths.prepared)) != md5:
            raise UserError(
                f"{recorded.prepared} prepared here has MD5 {new}, but {md5} in dvc.lock: different images, or "
                "different code that prepares them; nothing was trained. Supply the images of the records, or check "
                f"out their commit, or run the study: attnbench run {self.study.name}"
            )

    def _link_raw_images(self) -> None:
        """Link what the data stage reads: paths in a params.yaml are relative to the folder that it runs in."""
        paths = [RAW]
        match self.study.data:
            case FolderData(path=path) | Cifar10Data(archive=str(path)):
                paths.append(path)
        for path in paths:
            source, link = self.located.root / path, self.folder / path  # both are `path` itself if it is absolute
            if source.exists() and not link.exists() and ".." not in Path(path).parts:
                _link(link, source)


@contextmanager
def repetition(located: LocatedStudy) -> Iterator[Repetition]:
    """Yield a new temporary folder, and always remove it at the end."""
    with tempfile.TemporaryDirectory(prefix="attnbench-") as name:
        yield Repetition(Path(name).resolve(), located)


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target.resolve())
