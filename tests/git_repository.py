"""Running git in tests, independently of the settings of this machine: `from git_repository import git`."""

import os
import subprocess
from pathlib import Path

SETTINGS = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and return its output."""
    # git names a repository to its hooks, in case one of them runs these tests
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", folder, *SETTINGS, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def commit_all(folder: Path, message: str) -> None:
    """Commit everything in the folder."""
    git(folder, "add", "--all", ".")
    git(folder, "commit", "-q", "-m", message)
