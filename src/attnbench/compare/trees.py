"""The files of the repository as they lie in its folder, or as a commit has them; nothing is checked out."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from attnbench.errors import UserError


class Tree(Protocol):
    """Files by their path from the root of the repository, with `/` between its parts. Links are none."""

    @property
    def sha(self) -> str | None:
        """The commit, if it is one."""

    def paths(self, folder: str) -> list[str]:
        """Return the files under a folder, sorted; none where there is no such folder."""

    def read(self, paths: list[str]) -> list[bytes]:
        """Return what these files hold, in the order asked for."""


@dataclass(frozen=True)
class WorkingTree:
    """The files as they lie in the folder `root`."""

    root: Path
    sha: None = None

    def paths(self, folder: str) -> list[str]:
        files = (path for path in (self.root / folder).rglob("*") if path.is_file() and not path.is_symlink())
        return sorted(path.relative_to(self.root).as_posix() for path in files)

    def read(self, paths: list[str]) -> list[bytes]:
        return [(self.root / path).read_bytes() for path in paths]


@dataclass(frozen=True)
class Commit:
    """The files as a commit has them; `root` is the repository's folder, or one inside a larger git repository."""

    root: Path
    sha: str

    def paths(self, folder: str) -> list[str]:
        listing = _git(self.root, "ls-tree", "-r", "-z", self.sha, "--", f"{folder}/").decode()
        plain = (line for line in listing.split("\0") if line.startswith("100"))  # the mode; a link's is 120000
        return sorted(line.partition("\t")[2] for line in plain)

    def read(self, paths: list[str]) -> list[bytes]:
        # `./` makes a path count from `root`, like those of ls-tree
        names = "".join(f"{self.sha}:./{path}\n" for path in paths)
        return _blobs(_git(self.root, "cat-file", "--batch", given=names.encode()))


def commit(root: Path, revision: str) -> Commit:
    """Return the commit that a revision, such as `HEAD~3` or a tag, names.

    Raises:
        UserError: git knows no such revision, or there is no git.
    """
    try:
        sha = _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    except subprocess.CalledProcessError as error:
        why = error.stderr.decode(errors="replace").strip()
        known = f": {why}" if why else "; `git log --oneline` lists those there are"
        raise UserError(f"git finds no revision {revision!r} in {root}{known}") from None
    except FileNotFoundError:
        raise UserError(f"revision {revision!r} is read by git, which is not installed") from None
    return Commit(root, sha.decode().strip())


def _git(root: Path, *arguments: str, given: bytes = b"") -> bytes:
    return subprocess.run(["git", "-C", str(root), *arguments], input=given, capture_output=True, check=True).stdout


def _blobs(batch: bytes) -> list[bytes]:
    """Cut what `git cat-file --batch` writes: for each file `<sha> blob <size>`, its bytes, and a line end."""
    found, at = [], 0
    while at < len(batch):
        end = batch.index(b"\n", at)
        size = int(batch[at:end].split()[-1])
        found.append(batch[end + 1 : end + 1 + size])
        at = end + 1 + size + 1
    return found
