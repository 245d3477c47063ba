"""What is said of the libraries: counted anew, and a reason for each difference."""

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from attnbench.study import attention
from attnbench.tools.catalogue import counting, libraries
from attnbench.tools.catalogue.libraries import CHANNELS, Entry

ORACLES = Path(__file__).parents[1] / "oracles"
LIBRARIES = libraries.libraries(ORACLES / "libraries")
ENTRIES = [(key, name) for key, library in LIBRARIES.items() for name in library.modules]
AGAIN = "run: python tests/oracles/count_libraries.py, then attnbench modules --write docs/modules.md"


@pytest.fixture(scope="session")
def counted_anew():
    """Count in a process of its own: what these libraries do when imported concerns no other test."""
    command = [sys.executable, str(ORACLES / "count_libraries.py"), "--print", *(k for k in LIBRARIES if installed(k))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def installed(key: str) -> bool:
    try:
        return bool(version(LIBRARIES[key].package))
    except PackageNotFoundError:
        return False


@pytest.mark.parametrize("key", LIBRARIES)
def test_a_library_counts_what_is_recorded(key, counted_anew):
    if not installed(key) and not LIBRARIES[key].in_dev:
        pytest.skip(f"pip install {LIBRARIES[key].package}, to count it anew")
    recorded = json.loads((ORACLES / "libraries.json").read_text(encoding="utf-8"))["counted"][key]
    assert counted_anew[key] == recorded, AGAIN


@pytest.mark.parametrize(("key", "name"), ENTRIES)
def test_what_differs_has_a_reason_and_nothing_else_has(key, name, compared):
    assert bool(compared.entry(key, name).reason) == compared.differs(key, name)


@pytest.mark.parametrize(("key", "name"), [(k, n) for k, n in ENTRIES if LIBRARIES[k].modules[n].same_with is not None])
def test_our_options_give_the_librarys_counts(key, name, compared):
    assert counting.parameters(name, compared.entry(key, name).same_with) == compared.results(key, name)


def test_every_module_described_is_ours_and_counted(compared):
    for key, library in LIBRARIES.items():
        assert library.modules.keys() == compared.counts.counted[key].parameters.keys(), AGAIN
        assert library.modules.keys() <= set(attention.names())
    assert {cited.module for cited in compared.counts.cited} <= set(attention.names())


def test_cited_figures_have_a_source_and_stand_apart(compared):
    titles = {library.title for library in LIBRARIES.values()}
    for cited in compared.counts.cited:
        assert cited.source
        assert cited.title not in titles
        assert cited.parameters.keys() <= set(CHANNELS)
        if cited.title == "the authors' code":  # our defaults are theirs
            ours = compared.ours[cited.module]
            assert cited.parameters == {channels: ours[channels] for channels in cited.parameters}


def test_arguments_of_a_call():
    entry = Entry(call="a.B", arguments=["C", "C // 16", 2])
    assert libraries.arguments(entry, 64) == [64, 4, 2]
    assert entry.expression == "a.B(C, C // 16, 2)"
    with pytest.raises(ValueError, match="given the argument 'C / 2'; allowed: a number, 'C', 'C // n'"):
        libraries.arguments(Entry(call="a.B", arguments=["C / 2"]), 64)
