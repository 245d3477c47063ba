"""What a run costs besides its cells, in seconds of processor time: printed, for docs/performance.md.

python -m pytest tests/run/test_many_cells.py -n0 -s -m slow
"""

import resource
from itertools import groupby, islice
from pathlib import Path

import params
import pytest
from dvc.repo import Repo

from attnbench.run.project import Project as DvcProject

from .conftest import Project

VARIANTS, SEEDS = 30, 10
AT_ONCE = 8  # cells that run at the same time
RESULTS = (
    "study,title,question,images,network,epochs,margin,variant,kind,n,difference,low,high,verdict,training_step_ratio,"
    "data_sha256,code_sha256\n"
    "small,A title,,Images,cnn,1,,baseline,baseline,1,,,,,1,d,c\n"
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning"),  # of a package that DVC uses
]


def spent(who: int) -> float:
    """Return the processor time, of the user and the system, of this process or of those that it waited for."""
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def set_size(project: Project, variants: int, seeds: int) -> None:
    se = {f"se_{number}": {"attention": "se", "site": "before_pool"} for number in range(1, variants)}
    params.write(project.root, variants={"baseline": {"attention": "none"}, **se}, seeds=list(range(seeds)))


def test_nothing_to_do_for_300_recorded_runs(project: Project) -> None:
    set_size(project, VARIANTS, SEEDS)
    project.call("dvc", "repro", "-q", "code")
    with Repo(str(project.root)) as repo:
        stages = repo.stage.load_all(str(project.root / "dvc.yaml"))[1:]
        outputs = {stage.name: [Path(out.fs_path) for out in stage.outs] for stage in stages}
    with DvcProject(project.root, "dvc.yaml") as opened:
        began = spent(resource.RUSAGE_SELF)
        for _, names in groupby(outputs, lambda name: name.partition("@")[0]):
            while together := list(islice(names, AT_ONCE)):
                for name in together:
                    assert opened.prepare(name)
                    for path in outputs[name]:
                        path.parent.mkdir(parents=True, exist_ok=True)
                        path.write_text(RESULTS if path.name == "results.csv" else str(path))
                assert opened.record(together) == {}
        print(f"\n{len(outputs)} stages: recorded in {spent(resource.RUSAGE_SELF) - began:.1f} s", end="")
    for asked in ("DVC was asked", "no file has changed since"):
        began = spent(resource.RUSAGE_CHILDREN)
        assert "small is up to date" in project.call("attnbench", "run")
        print(f"; nothing to do, {asked}: {spent(resource.RUSAGE_CHILDREN) - began:.1f} s", end="")


def test_cells_that_do_nothing(project: Project) -> None:
    set_size(project, 4, 3)
    began = spent(resource.RUSAGE_CHILDREN)
    project.call("attnbench", "run", "--jobs", "2")
    seconds, cells = spent(resource.RUSAGE_CHILDREN) - began, len(project.ran())
    print(f"\n{cells} cells: {seconds:.1f} s, {seconds / cells:.2f} s each")
