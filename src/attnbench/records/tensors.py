"""Arrays in a safetensors file, with a JSON description. Equal content gives equal bytes; reading executes nothing."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from attnbench.records import files

Array = NDArray[Any]
_KEY = "attnbench"  # the only metadata entry: safetensors writes several in random order


class DamagedError(Exception):
    """The file is not one that `write` wrote; the text says why."""


def write(path: Path, arrays: Mapping[str, Array], description: Mapping[str, Any]) -> None:
    """Write arrays by name and a description that JSON can hold, all or nothing.

    Raises:
        UserError: the disk is full.
    """
    contiguous = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()}
    with files.replacing(path) as temporary:
        save_file(contiguous, temporary, metadata={_KEY: json.dumps(description, sort_keys=True, ensure_ascii=False)})


def read(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return the arrays and the description that `write` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedError: it is not a safetensors file with such a description.
    """
    with _opened(path) as (stream, description):
        return {name: stream.get_tensor(name) for name in stream.keys()}, description  # noqa: SIM118


def read_description(path: Path) -> dict[str, Any]:
    """Return the description that `write` wrote, without reading the arrays.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedError: it is not a safetensors file with such a description.
    """
    with _opened(path) as (_, description):
        return description


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    if not path.is_file():
        raise FileNotFoundError(path)
    try:
        with safe_open(path, framework="np") as stream:
            description = json.loads((stream.metadata() or {})[_KEY])
            if not isinstance(description, dict):
                raise DamagedError("its description is not a mapping")
            yield stream, description
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise DamagedError(str(error) or type(error).__name__) from None


def sha256(array: Array) -> str:
    """Return the SHA-256 of an array: its dtype, shape and bytes."""
    digest = hashlib.sha256(f"{array.dtype} {array.shape} ".encode())
    digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
