"""Arrays and their description come back as they were, and damaged files are recognised."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from attnbench.records import tensors

ARRAYS = {
    "images": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    "seed": np.array(7, dtype=np.int64),  # without axes
    "empty": np.empty((0, 2), dtype=np.float32),
    "half": np.array([0.5, 0.25], dtype=np.float16),
}
DESCRIPTION = {"title": "é", "numbers": [1, 2.5, None]}


def test_arrays_and_description_come_back_as_they_were(tmp_path: Path) -> None:
    tensors.write(tmp_path / "a", ARRAYS, DESCRIPTION)
    arrays, description = tensors.read(tmp_path / "a")
    assert description == DESCRIPTION
    assert arrays.keys() == ARRAYS.keys()
    for name, array in arrays.items():
        assert (array.dtype, array.shape) == (ARRAYS[name].dtype, ARRAYS[name].shape)
        assert np.array_equal(array, ARRAYS[name])
        assert array.flags.writeable


def test_equal_content_gives_equal_bytes_in_any_order_and_layout(tmp_path: Path) -> None:
    fortran = {name: np.array(ARRAYS[name], order="F") for name in reversed(ARRAYS)}
    tensors.write(tmp_path / "a", ARRAYS, DESCRIPTION)
    tensors.write(tmp_path / "b", fortran, dict(reversed(DESCRIPTION.items())))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("kept", [0, 5, 20, 60, -1])
def test_a_file_cut_short_is_damaged(tmp_path: Path, kept: int) -> None:
    tensors.write(tmp_path / "a", ARRAYS, DESCRIPTION)
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:kept])
    with pytest.raises(tensors.DamagedError):
        tensors.read(tmp_path / "a")


@pytest.mark.parametrize("metadata", [None, {"other": "{}"}, {"attnbench": "{"}, {"attnbench": "[1]"}])
def test_a_file_of_another_program_is_damaged(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    safetensors.numpy.save_file(ARRAYS, tmp_path / "a", metadata=metadata)
    with pytest.raises(tensors.DamagedError):
        tensors.read(tmp_path / "a")


def test_a_missing_file_is_not_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        tensors.read(tmp_path / "a")


def test_the_sha256_covers_type_shape_and_bytes() -> None:
    array = np.array([[1, 2], [3, 4]], dtype=np.int32)
    others = [array.view(np.uint32), array.reshape(4), array.T, array + 1, np.array(0, dtype=np.int32)]
    digests = [tensors.sha256(one) for one in (array, *others)]
    assert all(first != second for first, second in itertools.combinations(digests, 2))
    assert tensors.sha256(np.asfortranarray(array)) == tensors.sha256(array)
