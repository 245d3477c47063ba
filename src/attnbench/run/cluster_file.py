"""What a cluster.yaml may contain: where the cells of a run go. It changes no result, so no hash has it."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from attnbench.errors import UserError
from attnbench.study.document import Positions, read
from attnbench.study.pydantic_errors import problems
from attnbench.study.schema import Line, Section

ADDRESS = r"^(tcp|tls)://[^\s/:]+:[0-9]+$"

Scalar = bool | int | float | str
Count = Annotated[int, Field(ge=1, le=100_000)]


class _Cluster(Section):
    folder: Line | None = None  # on the workers, for unfinished cells; default: the temporary folder of each


class DaskCluster(_Cluster):
    """A Dask scheduler that runs already; somebody else starts and ends its workers."""

    engine: Literal["dask"]
    address: Annotated[str, Field(pattern=ADDRESS)]


class SshCluster(_Cluster):
    """Machines that this one reaches by SSH without a password; Dask is started there and ended after the run."""

    engine: Literal["ssh"]
    hosts: Annotated[list[Line], Field(min_length=1)]
    scheduler: Line | None = None  # the host of the scheduler; default: the first of `hosts`
    cells: Count = 1  # at once on each host; with `device: cuda` one for each card
    python: Line | None = None  # the interpreter there; default: the path of this one


class QueueCluster(_Cluster):
    """A queue, to which jobs with one worker each are submitted."""

    engine: Literal["slurm", "pbs", "lsf", "sge"]
    jobs: Count
    host: Line | None = None  # of this machine, as the jobs reach it; default: Dask's choice
    options: dict[str, Scalar | list[str]] = Field(
        default={}
    )  # of the class of dask-jobqueue: memory, queue, walltime, ...


class ClusterFile(Section):
    """A cluster.yaml."""

    cluster: Annotated[DaskCluster | SshCluster | QueueCluster, Field(discriminator="engine")]


def load(path: Path) -> tuple[DaskCluster | SshCluster | QueueCluster, Positions]:
    """Read a cluster.yaml; return what it says, and where.

    Raises:
        UserError: lists every problem as `file:line:column: key: what was given, what is allowed`.
    """
    if not path.is_file():
        raise UserError(f"--cluster: {path} is not a file; docs/scaling.md shows what to write into it")
    values, positions = read(path, "a cluster.yaml is a mapping with the key `cluster:`")
    try:
        return ClusterFile.model_validate(values).cluster, positions
    except ValidationError as error:
        raise positions.error(problems(error, ClusterFile, positions)) from None
