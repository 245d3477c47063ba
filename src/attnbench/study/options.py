"""Option types that module files share. Pydantic validates them; nothing here imports torch."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field


def odd(value: int) -> int:
    """Return `value` if it is odd, as the size of a window with a centre must be.

    Raises:
        ValueError: it is even.
    """
    if value % 2 == 0:
        raise ValueError(f"{value} is even; allowed: odd numbers, such as {value + 1}")
    return value


PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0)]
OddInt = Annotated[int, Field(ge=1), AfterValidator(odd)]
Rounding = Literal["floor", "div8"]
Squeeze = Literal["both", "avg", "max", "lp", "lse"]  # how a channel gate pools over positions
Descriptor = Literal["both", "avg", "max", "conv"]  # how a spatial gate pools over channels
Arrangement = Literal["channel_first", "spatial_first", "parallel"]
Share = Annotated[float, Field(ge=0, lt=1)]
OpenShare = Annotated[float, Field(gt=0, lt=1)]
Factor = Annotated[float, Field(gt=0, le=1)]
Size = tuple[int, int]  # height and width of feature maps
