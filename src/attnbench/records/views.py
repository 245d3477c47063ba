"""What a trained variant looks at: the arrays behind the feature maps, heat maps and gates, and their file.

The arrays are kept apart from the drawing, so that a report can be drawn again from git alone, without torch. The file
has a single metadata entry, a JSON text, because safetensors orders several entries at random, and equal arrays must
give equal bytes.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from attnbench.errors import UserError
from attnbench.records import files

Array = NDArray[Any]


@dataclass(frozen=True)
class BlockView:
    """What one block of the network makes of the n images. Maps have the block's own resolution, at most 32 x 32."""

    features: NDArray[np.float16]  # (n, k, h, w): the first channels, at most nine
    active: NDArray[np.float16]  # (n, m, h, w): the channels with the largest mean, largest first, at most three
    active_index: NDArray[np.int64]  # (n, m): which channels these are, counted from 0
    grad_cam: NDArray[np.float32]  # (n, h, w), >= 0: evidence for the predicted class, negative evidence set to 0


@dataclass(frozen=True)
class GateView:
    """What `Attention.maps` gave for one slot: 0..1 unless an activation leaves that range; None where it gave none."""

    channel: NDArray[np.float16] | None  # (n, c)
    spatial: NDArray[np.float16] | None  # (n, h, w)


@dataclass(frozen=True)
class Views:
    """One trained variant on n fixed test images, the same for all variants of a study."""

    variant: str
    seed: int
    classes: tuple[str, ...]
    index: NDArray[np.int64]  # (n,): rows of the test images
    images: NDArray[np.uint8]  # (n, c, h, w), at most 64 x 64
    labels: NDArray[np.int64]  # (n,)
    predicted: NDArray[np.int64]  # (n,)
    probability: NDArray[np.float32]  # (n,): softmax of the predicted class
    blocks: dict[str, BlockView]
    gates: dict[str, GateView]  # by slot, for the slots that hold an attention module
    masks: NDArray[np.uint8] | None = None  # 0/1 (n, h, w): where the object is, known for generated images only


def save(path: Path, views: Views) -> None:
    """Write the views, all or nothing."""
    header = {
        "variant": views.variant,
        "seed": views.seed,
        "classes": list(views.classes),
        "blocks": list(views.blocks),  # in order: tensor names alone would come back sorted
        "gates": list(views.gates),
    }
    text = json.dumps(header, sort_keys=True, ensure_ascii=False)
    with files.replacing(path) as temporary:
        save_file(_arrays(views), temporary, metadata={"views": text})


def load(path: Path) -> Views:
    """Read the views written by `save`.

    Raises:
        UserError: the file is missing or holds no views.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing; `dvc repro` makes it")
    try:
        with safe_open(path, framework="np") as stream:
            header = json.loads((stream.metadata() or {})["views"])
            arrays: dict[str, Array] = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
        return _views(header, arrays)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} holds no views ({error}); delete it and run `dvc repro`") from None


_PLAIN = ("index", "images", "labels", "predicted", "probability", "masks")


def _arrays(views: Views) -> dict[str, Array]:
    found = {name: getattr(views, name) for name in _PLAIN}
    for name, block in views.blocks.items():
        found |= {f"blocks/{name}/{field}": array for field, array in vars(block).items()}
    for slot, gate in views.gates.items():
        found |= {f"gates/{slot}/{field}": array for field, array in vars(gate).items()}
    return {name: np.ascontiguousarray(array) for name, array in found.items() if array is not None}


def _views(header: dict[str, Any], arrays: dict[str, Array]) -> Views:
    def part(prefix: str) -> dict[str, Any]:
        return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

    gates = {slot: part(f"gates/{slot}/") for slot in header["gates"]}
    return Views(
        variant=header["variant"],
        seed=header["seed"],
        classes=tuple(header["classes"]),
        blocks={name: BlockView(**part(f"blocks/{name}/")) for name in header["blocks"]},
        gates={slot: GateView(found.get("channel"), found.get("spatial")) for slot, found in gates.items()},
        **{name: arrays[name] for name in _PLAIN if name != "masks" or name in arrays},
    )
