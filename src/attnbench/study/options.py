"""Option types that module files share. Pydantic validates them, and `attnbench modules` prints their descriptions."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field


def odd(value: int) -> int:
    """Return `value` if it is odd, as the size of a window with a centre must be.

    Raises:
        ValueError: it is even.
    """
    if value % 2 == 0:
        raise ValueError(f"{value} is even; allowed: odd numbers, such as {value + 1}")
    return value


PositiveInt = Annotated[int, Field(ge=1, description="integer, at least 1")]
PositiveFloat = Annotated[float, Field(gt=0, description="number above 0")]
OddInt = Annotated[int, Field(ge=1, description="odd integer, at least 1"), AfterValidator(odd)]
Rounding = Literal["floor", "div8"]
Squeeze = Literal["both", "avg", "max", "lp", "lse"]  # how a channel gate pools over positions
Descriptor = Literal["both", "avg", "max", "conv"]  # how a spatial gate pools over channels
Arrangement = Literal["channel_first", "spatial_first", "parallel"]
Activation = Literal["sigmoid", "hardsigmoid", "tanh", "relu"]  # from the logits of a gate to factors
BoundedActivation = Literal["sigmoid", "hardsigmoid"]  # those with values in 0..1
Init = Literal["authors", "torch"]  # initial weights: those of the authors' code, or torch's
Share = Annotated[float, Field(ge=0, lt=1, description="number from 0 to below 1")]
OpenShare = Annotated[float, Field(gt=0, lt=1, description="number above 0 and below 1")]
Factor = Annotated[float, Field(gt=0, le=1, description="number above 0, at most 1")]
Size = tuple[int, int]  # height and width of feature maps; no option: the slot supplies it

# what a module file may write as the type of an option, next to `None` and unions
TYPES: dict[str, Any] = {
    "bool": bool,
    "float": float,
    "int": int,
    "str": str,
    "Literal": Literal,
    "Activation": Activation,
    "Arrangement": Arrangement,
    "BoundedActivation": BoundedActivation,
    "Descriptor": Descriptor,
    "Factor": Factor,
    "Init": Init,
    "OddInt": OddInt,
    "OpenShare": OpenShare,
    "PositiveFloat": PositiveFloat,
    "PositiveInt": PositiveInt,
    "Rounding": Rounding,
    "Share": Share,
    "Squeeze": Squeeze,
}
