"""A module that `attnbench new` started and its author filled in keeps the contract."""

from pathlib import Path

import pytest
from filled_in import fill_in

from attnbench.tools import new
from attnbench.tools.contract import suite


def test_it_passes_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = new.create("filled_in_package.soft", tmp_path)
    fill_in(path)
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    lines: list[str] = []
    assert suite.check_module("filled_in_package.soft", lines.append), "\n".join(lines)
    assert lines[0].endswith("soft.py: defaults\n")
    assert lines[-1].startswith("filled_in_package.soft passes all ")
