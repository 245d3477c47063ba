"""What a trained variant sees in a few test images: arrays for feature maps, heat maps and gates, and their file.

The arrays are separate from the figures, so a report can be drawn again from git only, without torch.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnbench.errors import UserError
from attnbench.records import tensors

_ARRAYS = ("index", "images", "labels", "predicted", "probability", "masks")


@dataclass(frozen=True)
class BlockView:
    """The output of one block for the n images. Maps have the block's own resolution, at most 32 x 32."""

    features: NDArray[np.float16]  # (n, k, h, w): the first channels, at most nine
    active: NDArray[np.float16]  # (n, m, h, w): the channels with the largest mean, largest first, at most three
    active_index: NDArray[np.int64]  # (n, m): the indices of these channels, counted from 0
    grad_cam: NDArray[np.float32]  # (n, h, w), >= 0: evidence for the predicted class; negative evidence is set to 0


@dataclass(frozen=True)
class GateView:
    """`Attention.maps` of one slot. None: the module has no such map.

    Values are in 0..1, unless an activation or `start: identity` leaves that range.
    """

    channel: NDArray[np.float16] | None  # (n, c)
    spatial: NDArray[np.float16] | None  # (n, h, w)


@dataclass(frozen=True)
class Views:
    """One trained variant on n fixed test images, the same for all variants of a study."""

    variant: str
    seed: int
    classes: tuple[str, ...]
    index: NDArray[np.int64]  # (n,): rows in the test images
    images: NDArray[np.uint8]  # (n, c, h, w), at most 64 x 64
    labels: NDArray[np.int64]  # (n,)
    predicted: NDArray[np.int64]  # (n,)
    probability: NDArray[np.float32]  # (n,): softmax of the predicted class
    blocks: dict[str, BlockView]
    gates: dict[str, GateView]  # by slot, for the slots that contain an attention module
    masks: NDArray[np.uint8] | None = None  # 0/1 (n, h, w): 1 inside the object; only for generated images


def save(path: Path, views: Views) -> None:
    """Write the views, all or nothing."""
    description = {
        "variant": views.variant,
        "seed": views.seed,
        "classes": list(views.classes),
        "blocks": list(views.blocks),  # in order: array names come back sorted
        "gates": list(views.gates),
    }
    tensors.write(path, _arrays(views), description)


def load(path: Path) -> Views:
    """Read the views written by `save`.

    Raises:
        UserError: the file is missing or contains no views.
    """
    try:
        return _views(*tensors.read(path))
    except FileNotFoundError:
        raise UserError(f"{path} is missing; `dvc repro` makes it") from None
    except (tensors.DamagedError, KeyError, TypeError) as error:
        raise UserError(f"{path} contains no views ({error}); delete it and run `dvc repro`") from None


def _arrays(views: Views) -> dict[str, tensors.Array]:
    """Return all arrays by name: `images`, `blocks/<block>/<field>`, `gates/<slot>/<field>`."""
    arrays = {name: getattr(views, name) for name in _ARRAYS}
    for name, block in views.blocks.items():
        arrays |= {f"blocks/{name}/{field}": array for field, array in vars(block).items()}
    for slot, gate in views.gates.items():
        arrays |= {f"gates/{slot}/{field}": array for field, array in vars(gate).items()}
    return {name: array for name, array in arrays.items() if array is not None}


def _views(arrays: dict[str, tensors.Array], description: dict[str, Any]) -> Views:
    def fields(prefix: str) -> dict[str, Any]:
        return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

    gates = {slot: fields(f"gates/{slot}/") for slot in description["gates"]}
    return Views(
        variant=description["variant"],
        seed=description["seed"],
        classes=tuple(description["classes"]),
        blocks={name: BlockView(**fields(f"blocks/{name}/")) for name in description["blocks"]},
        gates={slot: GateView(maps.get("channel"), maps.get("spatial")) for slot, maps in gates.items()},
        **{name: arrays[name] for name in _ARRAYS if name != "masks" or name in arrays},
    )
