"""The record of one trained network with its gates frozen and shuffled, without training."""

from typing import Annotated

from pydantic import Field

from attnbench.records.io import Count, NotNegative, Record, Share
from attnbench.study.schema import Line, Name, Seed, Sha256


class Quantity(Record):
    """What a module computes from an image, such as a gate, over all test images."""

    mean: float  # over images, channels and positions
    spread: NotNegative  # standard deviation over images (n in the denominator), averaged over channels and positions
    saturated: Share | None  # share of the values below 0.01 or above 0.99; None for a term


class SlotAblation(Record):
    """The module of one slot on all test images."""

    ORDERED = (("dead_units", "hidden_units"),)

    slot: Line
    # by the names of the module's modulation: `gate`, `channel`, `spatial`, `term`, ...
    quantities: Annotated[dict[str, Quantity], Field(min_length=1)]
    factor: Quantity | None  # s of y = x * s, all gates and a start from the identity included; None: no product
    hidden_units: Count  # of all ReLUs between input and modulation, not the activation of a gate; 0: there is none
    dead_units: Count  # of these, 0 for every test image, at every position


class AblationRecord(Record):
    """Accuracies (0..1) of a run on the test images, with its modules as trained, frozen and shuffled."""

    study: Name
    variant: Name
    seed: Seed
    checkpoint_sha256: Sha256
    accuracy: Share
    frozen_accuracy: Share | None  # None: the variant has no module
    shuffled_accuracy: Share | None
    slots: list[SlotAblation]  # in the order in which the data passes them
