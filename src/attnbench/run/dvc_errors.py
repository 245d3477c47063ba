"""DVC's errors, and what they say in one line."""

import re
from pathlib import Path

from attnbench.errors import UserError
from attnbench.records.lock import remedy

PAUSE = 0.5  # seconds until DVC's lock is asked for again


class BusyError(UserError):
    """Another DVC command holds a lock; it will be free when that command has ended."""


class InUseError(BusyError):
    """Another DVC command runs a stage that reads or writes the same files."""


def busy(error: BaseException) -> BusyError:
    """Return the error for a LockError of DVC's, which names processes if files are in use."""
    blockers = dict.fromkeys(re.findall(r"\(PID (\d+)\): (\S+)(.*)", str(error)))
    names = ", ".join(f"process {number}: {Path(program).name}{arguments}" for number, program, arguments in blockers)
    text = "another DVC command has to end first"
    return InUseError(f"{text} ({names})") if names else BusyError(text)


def reason(error: BaseException, lock: Path) -> str:
    """Return the text of an error and of its causes, with the remedy for a lock file that DVC refuses."""
    texts: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        words = " ".join(str(cause).split())
        if not any(words in text for text in texts):
            texts.append(words)
        cause = cause.__cause__
    text = "; ".join(filter(None, texts))
    signs = ("validation failed", "corrupted", "invalid")
    is_broken = "dvc.lock" in text and any(sign in text.lower() for sign in signs)
    return f"{text}. {remedy(lock)}" if is_broken else text


def unreadable(file: str, error: BaseException, lock: Path) -> str:
    """Return which file DVC cannot read, with the reason; `file` is a dvc.yaml."""
    text = reason(error, lock)
    if "not a git repository" in text:
        return f"{text}, which DVC needs; clone it with git, or type `git init` in a copy that was downloaded"
    return f"DVC cannot read {'.dvc/config' if text.startswith('config file error') else file}: {text}"
