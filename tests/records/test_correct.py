"""One bit for every test image."""

from pathlib import Path

import numpy as np
import pytest

from attnbench.errors import UserError
from attnbench.records.correct import read_correct, write_correct


@pytest.mark.parametrize("images", [1, 8, 9, 10_000])
def test_the_bits_are_read_as_they_were_written(tmp_path: Path, images: int) -> None:
    correct = np.random.default_rng(0).random(images) < 0.7
    path = tmp_path / "results" / "se-0.bits"
    write_correct(path, correct)
    assert path.stat().st_size == (images + 7) // 8
    assert np.array_equal(read_correct(path, images), correct)


def test_the_first_image_is_the_highest_bit_of_the_first_byte(tmp_path: Path) -> None:
    write_correct(tmp_path / "a.bits", np.array([True, False, False, False, False, False, False, True, True]))
    assert (tmp_path / "a.bits").read_bytes() == bytes([0b10000001, 0b10000000])


def test_a_file_of_other_images_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.bits"
    with pytest.raises(UserError, match=r"a\.bits is missing; `attnbench run STUDY` makes it"):
        read_correct(path, 9)
    write_correct(path, np.ones(9, dtype=bool))
    with pytest.raises(UserError, match=r"a\.bits has 2 bytes, but the 17 test images take 3; delete it and run"):
        read_correct(path, 17)
    with pytest.raises(UserError, match=r"a\.bits has 2 bytes, but the 8 test images take 1"):
        read_correct(path, 8)
    write_correct(path, np.ones(10, dtype=bool))
    with pytest.raises(UserError, match=r"a\.bits has bits after those of the 9 test images"):
        read_correct(path, 9)
