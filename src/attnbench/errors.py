"""The one exception for errors that a user can fix, and the one place that turns it into a message."""

import errno
import os
import sys
from collections.abc import Callable
from difflib import get_close_matches
from typing import NoReturn

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, the user's quota, the largest file allowed


class UserError(Exception):
    """An error that a user can fix. The text says what was given, what is allowed, where, and what to do next."""


def did_you_mean(name: str, allowed: list[str]) -> str:
    """Return ` (did you mean 'x'?)` for the nearest allowed name, or an empty string if none is near."""
    near = get_close_matches(name.lower(), allowed, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def listed(names: list[str]) -> str:
    """Return names as `'a', 'b', 'c'` for a message."""
    return ", ".join(repr(name) for name in names)


def run_main(main: Callable[[], None]) -> NoReturn:
    """Run a command or stage and exit, without a traceback for anything that is not a bug.

    The exit status is 0, or 1 after a UserError or a full disk, with the message on stderr. After Ctrl-C it is 130 and
    after a reader such as `head` has closed the output 141, as shells report for a process ended by the signal.
    """
    try:
        try:
            main()
        finally:
            sys.stdout.flush()
    except UserError as error:
        sys.exit(f"error: {error}")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it flushes at exit
        sys.exit(141)
    except OSError as error:
        if error.errno not in FULL:
            raise
        file = f" for {error.filename}" if error.filename else ""
        sys.exit(f"error: no space left{file}; nothing half-written was kept. Free some space and run it again")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)
