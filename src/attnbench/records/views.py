"""What a trained variant sees in a few test images: arrays for feature maps, heat maps and gates, and their file.

The arrays are separate from the figures, so a report can be drawn again from git only, without torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from attnbench.errors import UserError
from attnbench.records import files, tensors
from attnbench.records.io import Record, first_problem
from attnbench.study.schema import Line, Name, Seed

_SHAPES = {  # type and axes of each array, as in the classes below
    "index": ("int64", "n"),
    "images": ("uint8", "nchw"),
    "labels": ("int64", "n"),
    "predicted": ("int64", "n"),
    "probability": ("float32", "n"),
    "masks": ("uint8", "nhw"),
}
_PART_SHAPES = {  # in a block or a gate
    "features": ("float16", "nkhw"),
    "features_index": ("int64", "k"),
    "active": ("float16", "nmhw"),
    "active_index": ("int64", "nm"),
    "grad_cam": ("float32", "nhw"),
    "grad_cam_true": ("float32", "nhw"),
    "channel": ("float16", "nc"),
    "spatial": ("float16", "nhw"),
}


@dataclass(frozen=True)
class BlockView:
    """The output of one block for the n images. Maps have the block's own resolution, at most 32 x 32."""

    features: NDArray[np.float16]  # (n, k, h, w): the channels that vary most, most first, at most nine
    features_index: NDArray[np.int64]  # (k,): the indices of these channels, counted from 0, the same for all images
    active: NDArray[np.float16]  # (n, m, h, w): the channels with the largest mean, largest first, at most three
    active_index: NDArray[np.int64]  # (n, m): the indices of these channels, counted from 0
    grad_cam: NDArray[np.float32]  # (n, h, w), >= 0: evidence for the predicted class; negative evidence is set to 0
    grad_cam_true: NDArray[np.float32]  # (n, h, w), >= 0: the same for the true class


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


class _Header(Record):
    """What the file holds in addition to its arrays; `blocks` and `gates` keep the order that arrays lose."""

    variant: Name
    seed: Seed
    classes: Annotated[list[Line], Field(min_length=1)]
    blocks: list[str]
    gates: list[str]


def save(path: Path, views: Views) -> None:
    """Write the views, all or nothing.

    Raises:
        UserError: they contain what is no number, as a network with damaged weights gives.
    """
    if problem := _problem(views):
        raise UserError(f"the views of {views.variant} cannot be stored: {problem}. Train run {views.seed} of it again")
    description = {
        "variant": views.variant,
        "seed": views.seed,
        "classes": list(views.classes),
        "blocks": list(views.blocks),
        "gates": list(views.gates),
    }
    tensors.write(path, _arrays(views), description)


def load(path: Path, *, variant: str, seed: int, classes: Sequence[str]) -> Views:
    """Read the views of a variant and seed, written by `save` for images of these classes.

    Raises:
        UserError: the file is missing, contains no views, arrays of other shapes or numbers out of range, or is that of
            another variant, seed or other images.
    """
    advice = f"delete it and run {files.run_command(path)}"
    try:
        views = _views(*tensors.read(path))
    except FileNotFoundError:
        raise UserError(f"{path} is missing; {files.run_command(path)} makes it") from None
    except (tensors.DamagedError, ValidationError, KeyError, TypeError, RecursionError) as error:
        reason = first_problem(error) if isinstance(error, ValidationError) else error
        raise UserError(f"{path} contains no views ({reason}); {advice}") from None
    if problem := _problem(views):
        raise UserError(f"{path} is damaged: {problem}; {advice}")
    if (views.variant, views.seed, views.classes) != (variant, seed, tuple(classes)):
        owner = f"variant {views.variant!r}, seed {views.seed}, {len(views.classes)} classes"
        raise UserError(
            f"{path} belongs to {owner}, not to variant {variant!r}, seed {seed} and the classes of the images; "
            f"{advice}"
        )
    return views


def _problem(views: Views) -> str | None:
    """Return what is wrong with the arrays: a type, a shape, NaN, or a number out of its range; None if nothing is."""
    sizes: dict[str, int] = {}
    shaped = [(name, getattr(views, name), *_SHAPES[name], sizes) for name in _SHAPES]
    for prefix, parts in (("blocks", views.blocks), ("gates", views.gates)):
        for part, arrays in parts.items():
            own = {"n": len(views.index)}  # a block and a gate have their own numbers of channels and positions
            shaped += [
                (f"{prefix}/{part}/{name}", array, *_PART_SHAPES[name], own) for name, array in vars(arrays).items()
            ]
    return next(filter(None, starmap(_array_problem, shaped)), None) or _range_problem(views)


def _array_problem(name: str, array: NDArray[Any] | None, dtype: str, axes: str, sizes: dict[str, int]) -> str | None:
    """Return what is wrong with one array; `sizes` holds the axes known so far, and gets those of this array."""
    if array is None:
        return None
    if array.dtype != dtype or array.ndim != len(axes):
        return f"{name} is {array.dtype} {array.shape}, not {dtype} ({', '.join(axes)})"
    for axis, size in zip(axes, array.shape, strict=True):
        if sizes.setdefault(axis, size) != size or size == 0:
            return f"{name} has the shape {array.shape}, but ({', '.join(axes)}) with {axis} = {sizes[axis]} is needed"
    return f"{name} contains NaN" if np.isnan(array).any() else None


def _range_problem(views: Views) -> str | None:
    last = len(views.classes) - 1
    ranges = {"index": np.inf, "labels": last, "predicted": last, "probability": 1, "masks": 1}
    for name, highest in ranges.items():
        array = getattr(views, name)
        if array is not None and not (array.min() >= 0 and array.max() <= highest):
            return f"{name} reach from {array.min()} to {array.max()}, and must lie between 0 and {highest}"
    return None


def _arrays(views: Views) -> dict[str, tensors.Array]:
    """Return all arrays by name: `images`, `blocks/<block>/<field>`, `gates/<slot>/<field>`."""
    arrays = {name: getattr(views, name) for name in _SHAPES}
    for name, block in views.blocks.items():
        arrays |= {f"blocks/{name}/{field}": array for field, array in vars(block).items()}
    for slot, gate in views.gates.items():
        arrays |= {f"gates/{slot}/{field}": array for field, array in vars(gate).items()}
    return {name: array for name, array in arrays.items() if array is not None}


def _views(arrays: dict[str, tensors.Array], description: dict[str, Any]) -> Views:
    def fields(prefix: str) -> dict[str, Any]:
        return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

    header = _Header.model_validate(description)
    gates = {slot: fields(f"gates/{slot}/") for slot in header.gates}
    return Views(
        variant=header.variant,
        seed=header.seed,
        classes=tuple(header.classes),
        blocks={name: BlockView(**fields(f"blocks/{name}/")) for name in header.blocks},
        gates={slot: GateView(maps.get("channel"), maps.get("spatial")) for slot, maps in gates.items()},
        **{name: arrays[name] for name in _SHAPES if name != "masks" or name in arrays},
    )
