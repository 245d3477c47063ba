"""Modules in a user's own package: which of its files count, how they are listed, and what DVC has to watch."""

import sys
from pathlib import Path

import params
import pytest

from attnbench.code.fingerprint import Fingerprints
from attnbench.errors import UserError
from attnbench.study import Study, packages
from attnbench.study.document import read

ROOT = Path(__file__).parents[2]
GATES = """\
from attnbench.networks import Gate
from . import pools
from .inner.more import MORE
import owned.constants
"""
FILES = {
    "gates.py": GATES,
    "pools.py": "def pool(x):\n    from owned.lazy import LAZY\n    return x, LAZY\n",
    "inner/__init__.py": "",
    "inner/more.py": "from ..pools import pool\nfrom ..constants import ONE\nMORE = 1\n",
    "constants.py": "ONE = 1\n",
    "lazy.py": "LAZY = 1\n",
    "unused.py": "X = 1\n",
}
REACHED = {"owned/gates.py", "owned/pools.py", "owned/lazy.py", "owned/inner/more.py", "owned/constants.py"}


@pytest.fixture
def owned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the package `owned`, without an `__init__.py`, next to the src/ of a repository."""
    for name, text in FILES.items():
        path = tmp_path / "owned" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "dvc.yaml").write_text("stages: {code: {cmd: x, deps: [src, owned]}}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    return tmp_path / "owned"


def study(attention: str = "owned.gates") -> Study:
    variants = {"baseline": {"attention": "none"}, "own": {"attention": attention, "site": "before_pool"}}
    return params.study(variants=variants)


def sha256(attention: str = "owned.gates") -> str:
    return str(Fingerprints(study(attention)).of_variant("train", "own")["sha256"])


def listing() -> dict[str, str]:
    """Return the files that training reaches, those of attnbench left out."""
    fingerprints = Fingerprints(study())
    fingerprints.of_variant("train", "own")
    return {name: body for name, body in fingerprints.listing().items() if not name.startswith(("src/", "stages/"))}


def test_the_package_is_followed_and_listed_without_the_folders_of_this_machine(owned: Path) -> None:
    assert listing().keys() == REACHED


def test_a_package_with_an_init_is_run_through_it(owned: Path) -> None:
    (owned / "__init__.py").write_text("import owned.unused\n")
    assert listing().keys() == REACHED | {"owned/__init__.py", "owned/unused.py"}


@pytest.mark.parametrize("file", sorted(name.removeprefix("owned/") for name in REACHED))
def test_an_edit_of_any_of_its_files_changes_the_fingerprint(owned: Path, file: str) -> None:
    before = sha256()
    (owned / file).write_text("# why\n" + FILES[file])
    assert sha256() == before
    (owned / file).write_text(FILES[file] + "MORE_OF_IT = 2\n")
    assert sha256() != before


def test_an_import_of_a_missing_module_is_named(owned: Path) -> None:
    (owned / "lazy.py").write_text("X = 1\nfrom owned.nothing import LAZY\n")
    with pytest.raises(UserError, match=r"lazy\.py:2: imports owned\.nothing, which does not exist in .*owned$"):
        sha256()


def test_a_module_of_attnbench_by_its_full_name_is_the_same_code() -> None:
    short, full = (Fingerprints(study(name)) for name in ("se", "attnbench.networks.attention.se"))
    for fingerprints in (short, full):
        fingerprints.of_variant("train", "own")
    assert short.listing() == full.listing()


def test_dvc_has_to_watch_the_package(owned: Path) -> None:
    packages.require_watched(study(), "own", Path())
    packages.require_watched(study("se"), "own", Path("nowhere"))  # its file is in src/, which is always watched
    Path("dvc.yaml").write_text("stages: {code: {cmd: x, deps: [src, stages]}}\n")
    with pytest.raises(UserError, match=r"deps: \[src, stages, owned\]`") as caught:
        packages.require_watched(study(), "own", Path())
    assert str(owned) in str(caught.value)


def test_a_package_in_src_is_watched_and_a_link_there_is_not(owned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC does not follow links inside a folder."""
    Path("dvc.yaml").write_text("stages: {code: {cmd: x, deps: [src]}}\n")
    Path("src").mkdir()
    monkeypatch.syspath_prepend(str(Path("src").resolve()))
    (Path("src") / "owned").symlink_to(owned)
    with pytest.raises(UserError, match=r"deps: \[src, src/owned\]`"):
        packages.require_watched(study(), "own", Path())
    Path("src/owned").unlink()
    owned.rename("src/owned")
    packages.require_watched(study(), "own", Path())


def test_the_pipeline_watches_src() -> None:
    assert "src" in read(ROOT / "dvc.yaml")[0]["stages"]["code"]["deps"]
