"""What DVC's errors say, in one line."""

import re
from pathlib import Path

from attnbench.records.lock import remedy


def busy_text(error: BaseException) -> str:
    """Return `another DVC command has to end first (process 123: dvc repro)`."""
    blockers = dict.fromkeys(re.findall(r"\(PID (\d+)\): (\S+)(.*)", str(error)))
    names = ", ".join(f"process {number}: {Path(program).name}{arguments}" for number, program, arguments in blockers)
    return f"another DVC command has to end first{f' ({names})' if names else ''}"


def reason(error: BaseException, lock: Path) -> str:
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
