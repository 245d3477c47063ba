"""The one exception for errors that a user can fix, and the one place that turns it into a message."""

import errno
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import NoReturn

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, the user's quota, the largest file allowed
# what a path that a user named or damaged can be; anything else is a bug and keeps its traceback
BAD_PATH = {  # by the system's error number: what to do about a path that cannot be used
    **dict.fromkeys((errno.EACCES, errno.EPERM), "give yourself the permission, with chmod or chown"),
    errno.EROFS: "mount its disk for writing, or work in a copy of the project elsewhere",
    **dict.fromkeys(
        (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY), "move away what is in its place, or name another"
    ),
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "remove the link that leads back to itself",
    errno.EIO: "its disk may be failing: save what you need, and check it",
}


LISTED = 8  # names or problems in a message


class UserError(Exception):
    """An error that a user can fix. The text says what was given, what is allowed, where, and what to do next."""


def did_you_mean(name: str, allowed: list[str]) -> str:
    """Return ` (did you mean 'x'?)` for allowed names that begin with this one, or else for the nearest.

    At most three are named, joined by `or`; the text is empty if none is near.
    """
    name = name.lower()
    longer = [other for other in allowed if len(name) > 1 and other.startswith(name)][:3]
    near = longer or get_close_matches(name, allowed, n=1)
    return f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""


def listed(names: list[str]) -> str:
    """Return names as `'a', 'b', 'c'` for a message."""
    return ", ".join(repr(name) for name in names)


def first_few(names: Sequence[str], most: int = LISTED) -> str:
    """Return names as `a, b, c` for a message; of more than `most` the first ones and a number: `a, b and 3 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def shortened(text: str, length: int = 60) -> str:
    """Return a text for a message, cut in the middle if it is longer than `length`."""
    half = length // 2
    return text if len(text) <= length else f"{text[:half]}...{text[-half:]} ({len(text)} characters)"


def system_reason(error: OSError) -> str:
    """Return what the system says of a path, and what to do: `Read-only file system; mount its disk for writing`."""
    advice = BAD_PATH.get(error.errno or 0)
    return f"{error.strerror}; {advice}" if advice else error.strerror or str(error)


def run_main(main: Callable[[], int | None]) -> NoReturn:
    """Run a command or stage and exit, without a traceback for anything that is not a bug.

    `main` returns the exit status, None for 0. After a UserError, a full disk or a path that cannot be used it is 1,
    with the message on stderr. After Ctrl-C it is 130 and after a reader such as `head` has closed the output 141, as
    shells report for a process ended by the signal.
    """
    _open_closed_streams()
    try:
        try:
            status = main()
        finally:
            sys.stdout.flush()
    except UserError as error:
        sys.exit(f"error: {error}")
    except BrokenPipeError:
        _discard_output()
        sys.exit(141)
    except OSError as error:
        if error.errno in FULL:
            if error.filename is None:  # it may be the output
                _discard_output()
            file = f" for {error.filename}" if error.filename else ""
            sys.exit(f"error: no space left{file}; nothing half-written was kept. Free some space and run it again")
        if error.errno in BAD_PATH and error.filename:
            sys.exit(f"error: {shortened(str(error.filename), 200)} cannot be used: {system_reason(error)}")
        raise
    except KeyboardInterrupt:
        sys.exit(130)
    except SystemExit as ended:
        if ended.code:
            raise
        call = traceback.extract_tb(ended.__traceback__)[-1]
        sys.exit(
            f"error: {call.filename}:{call.lineno}: this call ends Python before the work is done, with a status that "
            "means success; remove it, or raise an exception"
        )
    sys.exit(status)


def _open_closed_streams() -> None:
    """Give the process an output where its caller closed it (`>&-`), which Python shows as None."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 -- until the process ends


def _discard_output() -> None:
    """Send what is left of the output nowhere, or Python complains when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
