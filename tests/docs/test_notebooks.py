"""The notebooks run, and show what the reports say."""

import runpy

import pytest

from .documents import ROOT


def test_the_notebook_of_quickstart_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib.pyplot as plt

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(plt, "show", lambda: None)
    cells = runpy.run_path("notebooks/quickstart.py")
    lines, *points = cells["axes"].collections
    assert len(lines.get_segments()) == len(points) == len(cells["summary"]) - 1
    assert cells["shapes"] == {
        "block1.conv": (8, 16, 32, 32),
        "block2.before_pool": (8, 32, 16, 16),
        "block3.pool": (8, 64, 4, 4),
    }
    assert cells["added"] == 2 * (16 + 32 + 64)
    assert cells["cbam"].slots().keys() == cells["network"].slots().keys()
    plt.close("all")
