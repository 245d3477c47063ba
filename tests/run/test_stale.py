"""The real dvc.yaml: what an edit makes DVC run again, and what it does not."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.serialize import load_yaml
from zc.lockfile import LockFile

from attnbench.records import files
from attnbench.records.lock import read_entries
from attnbench.run.dvc_errors import BusyError
from attnbench.run.graph import Stage
from attnbench.run.lost_entries import put_back
from attnbench.run.project import Project as DvcProject
from attnbench.study import StudyPaths

from .conftest import Project

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # of a package that DVC uses

SE = "  se:\n    attention: se\n    site: before_pool\n"
RECIPE = ["train@baseline-0", "train@baseline-1", "train@se-0", "train@se-1"]
EVALUATIONS = [name.replace("train", stage) for stage in ("ablate", "robustness", "maps") for name in RECIPE]


@pytest.fixture
def project(finished: Project) -> Iterator[Project]:
    """Return the finished project, and undo afterwards what the test changed."""
    finished.ran()
    yield finished
    finished.git("checkout", "-q", ".")
    finished.git("clean", "-q", "-d", "--force")


def stages(project: Project) -> list[Stage]:
    with DvcProject(project.root, "dvc.yaml") as opened:
        return opened.stages()


def new(variant: str) -> list[str]:
    """Return the stages that a new variant has for itself."""
    stages_of = [f"cost@{variant}", f"train@{variant}-0", f"train@{variant}-1", f"views@{variant}"]
    return [*stages_of, *(f"{stage}@{variant}-{seed}" for stage in ("ablate", "robustness", "maps") for seed in "01")]


def stale(project: Project) -> list[str]:
    """Bring the fingerprints up to date; return the stages that DVC would run then, besides the one that makes them."""
    project.call("python", "stages/code.py", "params.yaml")
    first, *others = [stage.name for stage in stages(project) if stage.stale]
    assert first == "code"  # DVC sees every edit
    return others


def test_a_finished_study_has_nothing_to_do_and_a_clean_repository(project: Project) -> None:
    project.call("dvc", "repro", "-q", "code")
    assert [stage.name for stage in stages(project) if stage.stale] == []
    assert project.git("status", "--porcelain") == ""


def test_dvc_knows_which_stages_need_which(project: Project) -> None:
    (project.root / ".dvc/tmp/rwlock").write_text("")  # cut short by a kill
    needs = {stage.name: stage.needs for stage in stages(project)}
    assert needs["train@se-0"] == {"code", "data", "ready"}
    assert needs["ready"] == {"code", "cost@baseline", "cost@se"}
    assert needs["views@se"] == {"code", "data", "train@se-0"}
    assert needs["ablate@se-0"] == needs["robustness@se-0"] == needs["maps@se-0"] == {"code", "data", "train@se-0"}
    assert needs["latency"] == {"code", "data"}
    assert needs["analyse"] == {"code", "data", "cost@baseline", "cost@se", "latency", *RECIPE, *EVALUATIONS}
    assert needs["report"] >= {"code", "analyse", "views@se"}
    assert [stage.name for stage in stages(project) if stage.alone] == ["latency"]


def test_dvc_reads_a_params_yaml_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Counter[str]()

    def load(path: str, **options: Any) -> Any:
        read[Path(path).name] += 1
        return load_yaml(path, **options)

    with DvcProject(project.root, "dvc.yaml") as opened:
        monkeypatch.setattr("dvc.utils.serialize.load_yaml", load)
        assert len(opened.stages()) > 1
    assert read == {"params.yaml": 1}


def test_a_comment_in_a_module_trains_nothing(project: Project) -> None:
    project.edit("src/attnbench/networks/attention/se.py", '"""', '# A comment.\n"""')
    assert stale(project) == ["report"]  # which quotes the header of each module


def test_an_edit_of_a_module_retrains_the_variants_that_use_it(project: Project) -> None:
    with (project.root / "src/attnbench/networks/attention/se.py").open("a") as stream:
        stream.write("\nMORE = 1\n")
    by_variant = ["cost@se", "train@se-0", "train@se-1", "latency", "views@se"]
    evaluations = [name for name in EVALUATIONS if "@se" in name]
    assert stale(project) == [*by_variant, *evaluations, "analyse", "report"]


def test_an_edit_of_one_stage_reruns_that_stage_alone(project: Project) -> None:
    project.edit("stages/analyse.py", "import os", "import os  # why")
    assert stale(project) == []
    project.edit("stages/analyse.py", "BEGAN = time.time()", "BEGAN = time.time() - 1")
    assert stale(project) == ["analyse"]


def test_a_change_of_the_recipe_retrains_everything(project: Project) -> None:
    project.edit("params.yaml", "epochs: 1", "epochs: 2")
    assert [name for name in stale(project) if name.startswith("train")] == RECIPE


def test_a_new_seed_alone_is_trained(project: Project) -> None:
    project.edit("params.yaml", "- 1\n", "- 1\n- 2\n")
    assert [name for name in stale(project) if "@" in name] == [
        f"{stage}@{variant}-2" for stage in ("train", "ablate", "robustness", "maps") for variant in ("baseline", "se")
    ]


def test_another_baseline_trains_only_the_new_variant_and_a_removed_one_leaves_the_tables(project: Project) -> None:
    project.edit("params.yaml", "  baseline:\n    attention: none\n", "")
    project.edit("params.yaml", "baseline: baseline", "baseline: se")
    project.edit("params.yaml", SE, SE + "  eca: {attention: eca, site: before_pool}\n")
    assert [name for name in stale(project) if "@" in name] == new("eca")
    project.call("dvc", "repro", "-q")
    assert "baseline" not in (project.root / "reports/small/summary.json").read_text()


@pytest.mark.parametrize("end", ["", "schema: '2.0'\n", "  train@se-0:\n", "  train@se-1:\n    cmd: python st"])
def test_a_lock_file_cut_short_is_made_whole_again(project: Project, end: str) -> None:
    """DVC writes it in place, so a stop or a full disk leaves its beginning; some such files are valid YAML."""
    lock, paths = project.root / "dvc.lock", StudyPaths("small", project.root)
    text, entries = lock.read_text(), read_entries(lock)
    runs = {name: entry for name, entry in entries.items() if name.startswith("train")}
    for name, entry in runs.items():
        files.write_json(paths.lock_entry(name.partition("@")[2]), entry)
    assert put_back(project.root, lock, paths) is None
    position = text.index(end)
    lock.write_text(text[: position + len(end)])
    lost = put_back(project.root, lock, paths)
    assert lost == [name for name in sorted(runs) if f"  {name}:\n" not in text[:position]]
    whole = read_entries(lock)
    assert {name: whole[name] for name in runs} == runs
    assert not [stage for stage in stages(project) if stage.stale and stage.name in runs]
    project.git("checkout", "-q", "dvc.lock")
    record = paths.record("se", 0)
    record.write_text(record.read_text() + "of another run")  # its entry does not say what lies there
    lock.write_text(text[: text.index("  train@se-0:\n")])
    assert "train@se-0" not in (put_back(project.root, lock, paths) or [])


def test_a_lock_file_that_may_be_being_written_is_left_to_its_writer(project: Project) -> None:
    lock = project.root / "dvc.lock"
    text = lock.read_text()
    lock.write_text(text[: text.index("  train@se-0:") + 7])
    with (
        closing(LockFile(str(project.root / ".dvc/tmp/lock"))),
        pytest.raises(BusyError, match="another DVC command has to end first"),
    ):
        put_back(project.root, lock, StudyPaths("small", project.root))


def test_a_clone_without_weights_grows(project: Project, tmp_path: Path) -> None:
    project.git("clone", "-q", str(project.root), str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    clone.git("config", "user.name", "A")
    clone.ran()
    assert "is up to date" in clone.call("attnbench", "run", "--allow-missing")
    clone.edit("params.yaml", "\nseeds:", "\n  eca: {attention: eca, site: before_pool}\nseeds:")
    clone.call("attnbench", "run", "--allow-missing")
    assert clone.ran() == [
        "ablate@eca-0",
        "ablate@eca-1",
        "analyse",
        "cost@eca",
        "data",
        "latency",
        "maps@eca-0",
        "maps@eca-1",
        "ready",
        "report",
        "robustness@eca-0",
        "robustness@eca-1",
        "train@eca-0",
        "train@eca-1",
        "views@eca",
    ]


def state(project: Project, returncode: int) -> str:
    """Return what `attnbench status` says of the study."""
    process = project.start("attnbench", "status", "small")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == returncode, output
    return output


def test_the_status_of_a_clone_allows_missing_seeds_which_alone_are_trained(project: Project, tmp_path: Path) -> None:
    project.edit("params.yaml", "- 1\n", "- 1\n- 2\n")
    remedy = "dvc repro -s code analyse report"
    assert state(project, 1) == (
        "small: NOT CURRENT; 4 of 6 runs; not trained: seed 2; lost, or older than what they are made from: analyse, "
        f"report; run `{remedy}`\n"
    )
    project.call(*remedy.split())
    head = project.git("rev-parse", "HEAD").strip()
    project.commit("Ask for another seed")
    project.git("clone", "-q", str(project.root), str(tmp_path / "clone"))
    project.git("reset", "-q", "--hard", head)
    clone = Project(tmp_path / "clone")
    clone.ran()
    assert state(clone, 0) == "small: current; 4 of 6 runs; not trained: seed 2\n"
    clone.call("attnbench", "run", "--allow-missing")
    seed = ["ablate@baseline-2", "ablate@se-2", "analyse", "data", "maps@baseline-2", "maps@se-2", "report"]
    seed += ["robustness@baseline-2", "robustness@se-2", "train@baseline-2", "train@se-2"]
    assert clone.ran() == seed
    assert state(clone, 0) == "small: current; 6 of 6 runs\n"


def test_the_status_names_what_is_lost_or_older_than_the_code(project: Project) -> None:
    project.edit("src/attnbench/networks/attention/se.py", '"""', '# A comment.\n"""')
    assert "older than what they are made from: report; run `dvc repro -s code report`" in state(project, 1)
    with (project.root / "src/attnbench/networks/attention/se.py").open("a") as stream:
        stream.write("\nMORE = 1\n")
    (project.root / "results/small/timing/baseline-1.json").unlink()  # nothing reads it
    (project.root / "results/small/runs/se-1.json").unlink()
    assert state(project, 1) == (
        "small: NOT CURRENT; 3 of 4 runs; seed 1 lacks se; lost, or older than what they are made from: cost@se, "
        "train@baseline-1, train@se-0, latency, views@se, ablate@se-0, robustness@se-0, maps@se-0 and 2 more; "
        "run `attnbench run small --allow-missing`\n"
    )


def test_the_status_of_all_studies_includes_those_that_never_ran(project: Project) -> None:
    project.add_study("other")
    assert project.call("attnbench", "status") == "small: current; 4 of 4 runs\nother: not run\n"


def test_what_changed_while_a_stage_ran_is_not_recorded(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.root)
    name, record = "ablate@se-0", "results/small/runs/se-0.json"
    lock = (project.root / "dvc.lock").read_bytes()
    with DvcProject(project.root, "dvc.yaml") as opened:
        opened.stages()
        written = (project.root / "results/small/ablation/se-0.json").read_bytes()
        assert opened.prepare(name)
        (project.root / record).write_text("{}")
        (project.root / "results/small/ablation/se-0.json").write_bytes(written)
        assert opened.record([name]) == {name: f"not recorded, since {record} changed while it ran; run it again"}
    assert (project.root / "dvc.lock").read_bytes() == lock
