"""Arrays in a safetensors file, with one JSON document about them. Reading such a file executes nothing."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from attnbench.records import files

Array = NDArray[Any]
_KEY = (
    "attnbench"  # one metadata entry: safetensors writes several in random order, and equal content needs equal bytes
)


class DamagedError(Exception):
    """The file is not what `write` wrote; the text says why."""


def write(path: Path, arrays: Mapping[str, Array], about: Mapping[str, Any]) -> None:
    """Write arrays by name and a JSON-able document about them, all or nothing.

    Raises:
        UserError: there is no room.
    """
    contiguous = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()}
    with files.replacing(path) as temporary:
        save_file(contiguous, temporary, metadata={_KEY: json.dumps(about, sort_keys=True, ensure_ascii=False)})


def read(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return the arrays and the document that `write` was given.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedError: it is no safetensors file with such a document.
    """
    if not path.is_file():
        raise FileNotFoundError(path)
    try:
        with safe_open(path, framework="np") as stream:
            about = json.loads((stream.metadata() or {})[_KEY])
            arrays = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise DamagedError(str(error) or type(error).__name__) from None
    if not isinstance(about, dict):
        raise DamagedError("its description is no mapping")
    return arrays, about


def sha256(array: Array) -> str:
    """Return the SHA-256 of an array: its dtype, shape and bytes."""
    digest = hashlib.sha256(f"{array.dtype} {array.shape} ".encode())
    digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
