"""A folder beside the repository in which stages run again, and nothing recorded is touched.

Stages write to the folder they run in, so the scripts and the params.yaml are those of the repository, and all that
they make is here.
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from attnbench.compare import lock
from attnbench.errors import UserError
from attnbench.run.jobs import Job, run_jobs
from attnbench.study.paths import StudyPaths
from attnbench.study.schema import Study

RAW = "data/raw"  # where images are downloaded to, or put by hand


@dataclass(frozen=True)
class Scratch:
    """The folder, and the study of the repository at `root` whose stages run in it."""

    folder: Path
    root: Path
    params: Path  # absolute
    plan: Study

    @property
    def paths(self) -> StudyPaths:
        """Where the stages leave the study's files in this folder."""
        return StudyPaths(self.plan.name, self.folder)

    def run(self, stage: str, each: Sequence[Sequence[str]], workers: int) -> list[bool]:
        """Run a stage once for each list of arguments, up to `workers` at once; return which of them succeeded."""
        command = [sys.executable, str(self.root / "stages" / f"{stage}.py"), str(self.params)]
        jobs = [Job("@".join([stage, *(["-".join(its)] if its else [])]), [*command, *its]) for its in each]
        logs = self.root / "work" / self.plan.name / "verify"  # outlives the scratch folder, for what fails
        failed = run_jobs(jobs, workers, self.folder, logs)
        return [job.name not in failed for job in jobs]

    def code(self, variants: Sequence[str]) -> dict[str, str]:
        """Return variant -> SHA-256 of the code that would train it now, and leave it where the train stage reads it.

        Raises:
            UserError: the stage failed.
        """
        if not all(self.run("code", [[]], 1)):
            raise UserError("the code cannot be compared with that of the records; mend what is told above")
        found = {variant: self.paths.code("train", variant).read_text(encoding="utf-8") for variant in variants}
        return {variant: str(json.loads(text)["sha256"]) for variant, text in found.items()}

    def images(self, md5: str) -> None:
        """Lay a link to the repository's prepared images if they have this MD5; else make them anew.

        Raises:
            UserError: they cannot be made, or what was made are other images.
        """
        prepared = StudyPaths(self.plan.name, self.root).prepared
        if prepared.is_file() and lock.md5_of(prepared) == md5:
            _link(self.paths.prepared, prepared)
            return
        self._link_raw_images()
        if not all(self.run("data", [[]], 1)):
            raise UserError("the images cannot be made, and without them nothing is trained; mend what is told above")
        made, name = lock.md5_of(self.paths.prepared), self.plan.name
        if made != md5:
            raise UserError(
                f"{StudyPaths(name).prepared} made here has MD5 {made}, that in dvc.lock {md5}: other images, or other "
                "code that prepares them; nothing was trained. Give the images of the records, or check out their "
                f"commit, or run the study: attnbench run {name}"
            )

    def _link_raw_images(self) -> None:
        """Link what the data stage reads: paths in a params.yaml are relative to the folder that it runs in."""
        named = getattr(self.plan.data, "path", None) or getattr(self.plan.data, "archive", None)
        for place in [RAW, *([named] if named else [])]:
            source, link = self.root / place, self.folder / place  # of an absolute path both are the path itself
            if source.exists() and not link.exists() and ".." not in Path(place).parts:
                _link(link, source)


@contextmanager
def scratch(root: Path, params: Path, plan: Study) -> Iterator[Scratch]:
    """Yield a new scratch folder, and remove it at the end, however that comes."""
    with tempfile.TemporaryDirectory(prefix="attnbench-") as name:
        yield Scratch(Path(name).resolve(), root, params.resolve(), plan)


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target.resolve())
