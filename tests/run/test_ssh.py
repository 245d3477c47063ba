"""Workers over a real SSH server, with two names of this machine: `pytest -n0 -m slow tests/run/test_ssh.py`."""

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")

from attnbench.errors import UserError
from attnbench.run import cluster_connection
from attnbench.run.cluster_connection import connected
from attnbench.run.cluster_file import load
from attnbench.study import load as load_study

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
STUDY = Path(__file__).parents[2] / "params.yaml"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(SSHD is None, reason="needs an SSH server (Debian: openssh-server)"),
    # tasks of asyncssh outlive a cluster that did not start
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def hosts(tmp_path, monkeypatch):
    """Start a server for this user; `node1` and `node2` are trusted names of it, `stranger` is not."""
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    keys = ["-h", tmp_path / "host", "-o", f"AuthorizedKeysFile={tmp_path / 'user.pub'}", "-o", "StrictModes=no"]
    Path("/run/sshd").mkdir(exist_ok=True)  # where the server of a package wants to have it
    with subprocess.Popen([SSHD, "-D", "-p", str(port), "-f", "/dev/null", "-o", "PidFile=none", *keys]) as server:
        folder = tmp_path / "home" / ".ssh"
        folder.mkdir(parents=True)
        key = " ".join((tmp_path / "host.pub").read_text().split()[:2])
        (folder / "known_hosts").write_text("".join(f"{name} {key}\n" for name in ("node1", "node2")))
        (folder / "config").write_text(
            f"Host node1 node2 stranger\n HostName 127.0.0.1\n Port {port}\n IdentityFile {tmp_path / 'user'}\n"
            + "".join(f"Host {name}\n HostKeyAlias {name}\n" for name in ("node1", "node2", "stranger"))
        )
        monkeypatch.setenv("HOME", str(folder.parent))
        while server.poll() is None:
            with socket.socket() as connection:
                if connection.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield
        server.terminate()


def connect(folder: Path, options: str):
    (folder / "cluster.yaml").write_text(f"cluster: {{engine: ssh, scheduler: node1, {options}}}\n")
    return connected(*load(folder / "cluster.yaml"), load_study(STUDY), folder / "log")


@pytest.fixture
def left_over():
    """Return what Dask has left running of this test, as soon as it is nothing or these seconds have passed."""
    earlier = dask_processes()

    def left(seconds: float) -> set[str]:
        until = time.monotonic() + seconds
        while (found := dask_processes() - earlier) and time.monotonic() < until:
            time.sleep(0.2)
        return found

    return left


def dask_processes() -> set[str]:
    command = ["pgrep", "-af", "distributed[.]cli[.]dask_spec"]
    return set(subprocess.run(command, check=False, capture_output=True, text=True).stdout.splitlines())


def test_every_host_has_a_worker_until_the_end(hosts, left_over, tmp_path):
    with connect(tmp_path, "hosts: [node1, node2], cells: 3") as (client, _):
        client.wait_for_workers(2, timeout=60)
        assert [worker["nthreads"] for worker in client.scheduler_info()["workers"].values()] == [3, 3]
    assert "Start worker at" in (tmp_path / "log" / "ssh.txt").read_text()
    assert left_over(20) == set()


def test_nothing_stays_on_a_host_whose_run_was_killed(hosts, left_over, tmp_path):
    script = tmp_path / "driver.py"
    script.write_text(
        "from pathlib import Path\n"
        "from attnbench.run import cluster_connection\n"
        "from attnbench.run.cluster_file import load\n"
        "from attnbench.study import load as load_study\n"
        "cluster_connection.IDLE = 3\n"
        "if __name__ == '__main__':\n"
        f"    cluster = load(Path({str(tmp_path / 'cluster.yaml')!r}))\n"
        f"    study, logs = load_study(Path({str(STUDY)!r})), Path({str(tmp_path / 'log')!r})\n"
        "    with cluster_connection.connected(*cluster, study, logs) as (client, _):\n"
        "        client.wait_for_workers(1, timeout=60)\n"
        "        print('ready', flush=True)\n"
        "        input()\n"
    )
    (tmp_path / "cluster.yaml").write_text("cluster: {engine: ssh, scheduler: node1, hosts: [node2]}\n")
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout.readline() == "ready\n"
        assert left_over(0)
        driver.kill()
    assert left_over(60) == set()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("hosts: [node1, stranger]", "Dask did not start there: Host key is not trusted for host"),
        (
            "hosts: [node1], python: /nowhere/python",
            "Dask did not start there: .*try `ssh HOST /nowhere/python -m dask",
        ),
    ],
)
def test_why_a_host_has_none_is_said_and_no_other_host_keeps_one(
    hosts, left_over, tmp_path, monkeypatch, options, reason
):
    monkeypatch.setattr(cluster_connection, "WAIT", 5)
    with pytest.raises(UserError, match=reason), connect(tmp_path, options):
        pass
    if "nowhere" in options:
        assert "'/nowhere/python': No such file" in (tmp_path / "log" / "ssh.txt").read_text()
    assert left_over(20) == set()
