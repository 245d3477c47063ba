"""Write down what a worker of a cluster is. Usage, there: python -m attnbench.tools.worker_identity params.yaml FILE"""

import sys
from pathlib import Path

from attnbench import errors
from attnbench.networks import arithmetic
from attnbench.records import io
from attnbench.run.worker_identity import WorkerIdentity, worker_code_sha256
from attnbench.study import load


def main() -> None:
    """Write the fingerprint of the code and the class of machine, as JSON."""
    study = load(Path(sys.argv[1]))
    arithmetic.set_up(study.machine)
    environment = arithmetic.environment(study.machine)
    io.write(Path(sys.argv[2]), WorkerIdentity(code=worker_code_sha256(study), environment=environment))


if __name__ == "__main__":
    errors.run_main(main)
