"""Errors that a user can fix end in one sentence; all others keep their traceback."""

import errno

import pytest

from attnbench import errors
from attnbench.errors import UserError


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (UserError("put it there"), 1, "error: put it there"),
        (
            OSError(errno.ENOSPC, "full", "x.tar"),
            1,
            "error: no space left for x.tar; nothing half-written was kept. Free",
        ),
        (OSError(errno.EDQUOT, "full"), 1, "error: no space left; nothing half-written was kept. Free some space"),
        (OSError(errno.EISDIR, "Is a directory", "x"), 1, "error: x cannot be used: Is a directory"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_an_error_a_user_can_fix_ends_without_a_traceback(error, status, text):
    def main():
        raise error

    with pytest.raises(SystemExit) as ended:
        errors.run_main(main)
    if text:
        assert str(ended.value.code).startswith(text)  # Python prints it and ends with status 1
    else:
        assert ended.value.code == status


def test_other_errors_are_not_swallowed():
    def main():
        raise OSError(errno.ENOENT, "no", "x")

    with pytest.raises(OSError, match="no"):
        errors.run_main(main)


@pytest.mark.parametrize("status", ["", "0"])
def test_a_status_of_success_from_the_middle_of_the_work_is_an_error(status):
    """A module that calls `sys.exit()` would end a stage as if it had succeeded."""
    with pytest.raises(SystemExit, match=r"^error: module\.py:1: this call ends Python before the work is done"):
        errors.run_main(lambda: exec(compile(f"raise SystemExit({status})", "module.py", "exec")))


def test_names_in_messages():
    assert errors.did_you_mean("reducton", ["reduction", "bias"]) == " (did you mean 'reduction'?)"
    modules = ["psa_simple", "psanet", "sam"]
    assert errors.did_you_mean("psa", modules) == " (did you mean 'psa_simple' or 'psanet'?)"
    assert errors.did_you_mean("zzz", ["reduction", "bias"]) == ""
    assert errors.listed(["a", "b"]) == "'a', 'b'"
