"""What `attnbench new` leaves to a person has been written."""

from attnbench.study import attention
from attnbench.tools import new as scaffold


def test_nothing_is_left_to_fill_in(family: str) -> None:
    left = scaffold.unfilled(attention.path(family))
    assert not left, "\n".join(["still to be filled in:", *left])
