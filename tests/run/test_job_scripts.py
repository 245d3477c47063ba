"""The scripts of the jobs that a queue gets, and the options that are refused before anything is submitted."""

from contextlib import closing
from pathlib import Path

import params
import pytest

from attnbench.errors import UserError
from attnbench.run import cluster_file

pytest.importorskip("dask_jobqueue", reason="needs attnbench[cluster]")

OPTIONS = {
    "slurm": 'queue: gpu, memory: 8GB, walltime: "08:00:00", job_extra_directives: ["--gres=gpu:1"]',
    "pbs": 'queue: gpu, memory: 8GB, walltime: "08:00:00", resource_spec: "select=1:ncpus=3:mem=8GB:ngpus=1"',
    "lsf": 'queue: gpu, memory: 8GB, walltime: "08:00", job_extra_directives: ["-gpu num=1"]',
    "sge": 'queue: gpu, memory: 8GB, walltime: "08:00:00", job_extra_directives: ["-pe smp 3", "-l h_vmem=3G"]',
}
DIRECTIVES = {  # for three threads
    "slurm": ["-p gpu", "--cpus-per-task=3", "--mem=8G", "-t 08:00:00", "--gres=gpu:1"],
    "pbs": ["-q gpu", "-l select=1:ncpus=3:mem=8GB:ngpus=1", "-l walltime=08:00:00"],
    "lsf": ["-q gpu", "-n 3", "-M 8000000", "-W 08:00", "-gpu num=1"],
    "sge": ["-q gpu", "-l h_rt=08:00:00", "-pe smp 3", "-l h_vmem=3G"],
}
STUDY = params.study(machine={"device": "cpu", "precision": "float32", "threads": 3})
PREFIXES = {"slurm": "#SBATCH", "pbs": "#PBS", "lsf": "#BSUB", "sge": "#$"}


def load(folder: Path, engine: str, options: str) -> tuple[cluster_file.QueueCluster, cluster_file.Positions]:
    file = folder / "cluster.yaml"
    file.write_text(f"cluster: {{engine: {engine}, jobs: 2, host: 127.0.0.1, options: {{{options}}}}}\n")
    cluster, positions = cluster_file.load(file)
    assert isinstance(cluster, cluster_file.QueueCluster)
    return cluster, positions


@pytest.mark.parametrize("engine", OPTIONS)
def test_a_job_asks_for_what_a_run_needs(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from attnbench.run import cluster_connection

    monkeypatch.setenv("LSF_ENVDIR", str(tmp_path))  # units of LSF are kB where no lsf.conf names others
    cluster, _ = load(tmp_path, engine, OPTIONS[engine])
    with closing(cluster_connection.queue_of(cluster, STUDY, tmp_path)) as queue:
        script = queue.job_script()
    lines = [line.partition(" ")[2] for line in script.splitlines() if line.startswith(PREFIXES[engine] + " ")]
    assert [directive for directive in DIRECTIVES[engine] if directive not in lines] == []
    words = script.splitlines()[-1].split()
    assert words[:3] == [cluster_connection.sys.executable, "-m", "distributed.cli.dask_worker"]
    assert words[words.index("--nthreads") + 1] == "1"  # cells at once
    limits = [words[index + 1] for index, word in enumerate(words) if word == "--memory-limit"]
    assert limits[-1] == "0"  # the last counts; otherwise a nanny would kill a worker that uses more
    assert "--lifetime" not in words  # a worker would end without waiting for its cell


@pytest.mark.filterwarnings("ignore:Exception ignored in. <function Cluster.__del__")  # Dask's half-made cluster
@pytest.mark.parametrize(
    ("engine", "options", "remedy"),
    [
        ("pbs", "memory: 8GB", 'resource_spec: "select=1:ncpus=3:mem=8GB"'),
        ("sge", "memory: 8GB", 'job_extra_directives: ["-pe smp 3"]'),
        ("lsf", "memory: 8GB, wall: 1", "unexpected keyword argument 'wall'"),
        ("lsf", "queue: gpu", "add for example `memory: 4GB`"),
    ],
)
def test_options_that_cannot_work_are_refused(engine: str, options: str, remedy: str, tmp_path: Path) -> None:
    from attnbench.run.cluster_connection import connected

    cluster, positions = load(tmp_path, engine, options)
    with (
        pytest.raises(UserError, match=r"cluster.yaml:1:[0-9]+: cluster.options: ") as error,
        connected(cluster, positions, STUDY, tmp_path),
    ):
        pass
    assert remedy in str(error.value)
