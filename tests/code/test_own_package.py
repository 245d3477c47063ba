"""Modules in a package of one's own: which of its files count, how they are named, and what DVC has to watch."""

import sys
from pathlib import Path

import pytest

from attnbench import study
from attnbench.code import fingerprint
from attnbench.errors import UserError
from attnbench.study.document import read
from attnbench.study.schema import Study, Variant

ROOT = Path(__file__).parents[2]
GATES = """\
from attnbench.attention._bottleneck import Bottleneck
from attnbench.attention._contract import Gate
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
REACHED = {"owned/gates.py", "owned/pools.py", "owned/lazy.py", "owned/inner/__init__.py", "owned/inner/more.py"}
REACHED |= {"owned/constants.py"}


@pytest.fixture
def owned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package `owned`, without an `__init__.py`, beside the src/ of a repository."""
    for name, text in FILES.items():
        path = tmp_path / "owned" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "dvc.yaml").write_text("stages: {code: {cmd: x, deps: [src, owned]}}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    return tmp_path / "owned"


@pytest.fixture(scope="module")
def plan() -> Study:
    found = study.load(ROOT / "params.yaml")
    own = Variant(attention="owned.gates", site="before_pool")
    return found.model_copy(update={"variants": {**found.variants, "own": own}})


def own_files(plan: Study) -> dict[str, str]:
    found: dict[str, str] = fingerprint.of_stage(plan, "train", "own")["files"]
    return {name: digest for name, digest in found.items() if not name.startswith(("src/", "stages/"))}


def test_the_package_is_followed_and_named_without_the_machine(owned: Path, plan: Study) -> None:
    assert own_files(plan).keys() == REACHED


def test_what_attnbench_gives_counts_as_before(owned: Path, plan: Study) -> None:
    found = fingerprint.of_stage(plan, "train", "own")["files"].keys()
    shared = fingerprint.of_stage(plan, "train", "baseline")["files"].keys()
    assert shared | {"src/attnbench/networks/attention/_bottleneck.py"} <= found
    assert "src/attnbench/networks/attention/se.py" not in found


def test_a_package_with_an_init_is_run_through_it(owned: Path, plan: Study) -> None:
    (owned / "__init__.py").write_text("import owned.unused\n")
    assert own_files(plan).keys() == REACHED | {"owned/__init__.py", "owned/unused.py"}


@pytest.mark.parametrize("file", sorted(name.removeprefix("owned/") for name in REACHED))
def test_an_edit_of_any_of_them_changes_the_fingerprint(owned: Path, plan: Study, file: str) -> None:
    before = fingerprint.of_stage(plan, "train", "own")
    (owned / file).write_text(FILES[file] + "MORE_OF_IT = 2\n")
    after = fingerprint.of_stage(plan, "train", "own")
    assert before["sha256"] != after["sha256"]
    changed = {name for name, digest in after["files"].items() if before["files"][name] != digest}
    assert changed == {f"owned/{file}"}


def test_a_comment_changes_nothing(owned: Path, plan: Study) -> None:
    before = fingerprint.of_stage(plan, "train", "own")
    (owned / "pools.py").write_text("# why\n" + FILES["pools.py"])
    assert fingerprint.of_stage(plan, "train", "own") == before


def test_an_import_that_is_not_there_is_named(owned: Path, plan: Study) -> None:
    (owned / "lazy.py").write_text("X = 1\nfrom owned.nothing import LAZY\n")
    with pytest.raises(UserError, match=r"lazy\.py:2: imports owned\.nothing, which does not exist in .*owned$"):
        own_files(plan)


def test_an_installed_module_of_attnbench_by_its_full_name_is_no_other_package(plan: Study) -> None:
    twice = plan.model_copy(
        update={"variants": {"own": Variant(attention="attnbench.networks.attention.se", site="x")}}
    )
    se = fingerprint.of_stage(plan, "train", "se")["files"]
    assert fingerprint.of_stage(twice, "train", "own")["files"] == se


def test_dvc_has_to_watch_the_package(owned: Path, plan: Study) -> None:
    study.require_watched(plan, "own", Path())
    study.require_watched(plan, "se", Path("nowhere"))  # its file is in src/, which is always watched
    Path("dvc.yaml").write_text("stages: {code: {cmd: x, deps: [src, stages/code.py]}}\n")
    with pytest.raises(UserError) as caught:
        study.require_watched(plan, "own", Path())
    assert str(caught.value) == (
        f"variant 'own': the package of owned.gates lies in {owned}, where DVC does not see it change; move it into "
        "src/, or write in dvc.yaml, stage `code`: `deps: [src, stages/code.py, owned]`"
    )


def test_what_lies_in_src_is_watched_and_a_link_there_is_not(
    owned: Path, plan: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DVC does not follow links inside a folder."""
    Path("dvc.yaml").write_text("stages: {code: {cmd: x, deps: [src]}}\n")
    Path("src").mkdir()
    monkeypatch.syspath_prepend(str(Path("src").resolve()))
    (Path("src") / "owned").symlink_to(owned)
    with pytest.raises(UserError, match=r"deps: \[src, src/owned\]`$"):
        study.require_watched(plan, "own", Path())
    Path("src/owned").unlink()
    owned.rename("src/owned")
    study.require_watched(plan, "own", Path())


def test_the_pipeline_watches_src() -> None:
    assert "src" in read(ROOT / "dvc.yaml")[0]["stages"]["code"]["deps"]
