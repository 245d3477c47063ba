"""The one exception for what a user can mend, and the one place that turns it into a message."""

import errno
import sys
from collections.abc import Callable
from difflib import get_close_matches
from typing import NoReturn

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, the user's share of it, the largest file allowed


class UserError(Exception):
    """Something a user can mend. The text says what was given, what is allowed, where, and what to do next."""


def did_you_mean(given: str, allowed: list[str]) -> str:
    """Return ` (did you mean 'x'?)` for the nearest allowed name, or an empty string when none is near."""
    near = get_close_matches(given.lower(), allowed, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def listed(names: list[str]) -> str:
    """Return names as `'a', 'b', 'c'` for a message."""
    return ", ".join(repr(name) for name in names)


def run_main(main: Callable[[], None]) -> NoReturn:
    """Run a command or stage; a UserError ends it with its text on stderr and exit status 1, Ctrl-C with 130."""
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        if error.errno not in FULL:
            raise
        where = f" for {error.filename}" if error.filename else ""
        sys.exit(f"error: no space left{where}; nothing half-written was kept. Free some space and run it again")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)
