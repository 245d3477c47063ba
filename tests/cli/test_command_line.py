"""What all subcommands share: help, exit statuses, Ctrl-C and closed pipes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from processor_time import cpu_seconds

from attnbench import cli

START = "import sys; from attnbench.cli import main; sys.argv[0] = 'attnbench'; main()"
COMMANDS = sorted(path.stem for path in Path(cli.__file__).parent.glob("*.py") if path.stem != "__init__")


def test_the_help_lists_every_command_and_loads_nothing_slow():
    before = cpu_seconds()
    command = [sys.executable, "-X", "importtime", "-c", START, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert cpu_seconds() - before < 2
    _, table = done.stdout.split("  COMMAND\n")
    assert [line.split()[0] for line in table.splitlines() if line[4] != " "] == COMMANDS
    assert "    compare   Compare two sets of runs by variant and seed: what became better\n" in table
    assert not [line for line in done.stderr.splitlines() if line.endswith((" torch", " dvc", " pydantic"))]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_text(command, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["attnbench", command, "--help"])
    with pytest.raises(SystemExit, match="0"):
        cli.main()
    usage, description, *_ = capsys.readouterr().out.split("\n\n")
    assert usage.startswith(f"usage: attnbench {command} ")
    assert description.endswith(".")


MISSPELT = [
    ["bench", "quickstrat"],
    ["bench", "--variants", "sse"],
    ["explain", "runs/quickstart/sse-0", "photo.jpg"],
    ["export", "runs/quickstart/sse-0"],
    ["match", "quickstart", "sse", "--by", "latency"],
    ["match", "quickstart", "cbam", "--by", "latency", "--option", "widht"],
    ["modules", "sse"],
    ["plan", "quickstrat"],
    ["plan", "quickstart", "--like", "tutorail"],
    ["run", "quickstrat"],
    ["status", "quickstrat"],
    ["test", "sse"],
    ["verify", "quickstrat"],
]


def test_a_misspelt_name_is_refused_before_torch_is_loaded(tmp_path):
    (tmp_path / "torch.py").write_text("raise SystemExit('torch is loaded')")
    code = f"""
import sys
from attnbench.cli import main
for arguments in {MISSPELT}:
    sys.argv = ["attnbench", *arguments]
    try:
        main()
    except SystemExit as ended:
        print(ended.code)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-c", code]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True)
    answers = done.stdout.splitlines()
    for arguments, answer in zip(MISSPELT, answers, strict=True):
        assert "(did you mean '" in answer, arguments


def test_a_command_that_fails_ends_with_status_1(monkeypatch):
    monkeypatch.setattr("attnbench.compare.verify.verify", lambda *_: False)
    monkeypatch.setattr(sys, "argv", ["attnbench", "verify"])
    with pytest.raises(SystemExit, match="1"):
        cli.main()


@pytest.mark.parametrize("arguments", [["modules"], ["modules", "se"]], ids=["more than a buffer", "less"])
def test_a_closed_pipe_ends_a_command_without_a_traceback(arguments):
    command = [sys.executable, "-c", START, *arguments]
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}  # output that fits into the buffer is written at the end
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert (process.wait(), process.stderr.read()) == (128 + signal.SIGPIPE, b"")


def test_ctrl_c_ends_a_command_without_a_traceback():
    interrupt = "import os, signal; from attnbench.tools import modules; "
    interrupt += "modules.overview = lambda: os.kill(os.getpid(), signal.SIGINT); "
    done = subprocess.run([sys.executable, "-c", interrupt + START, "modules"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (128 + signal.SIGINT, b"")


def test_on_windows_wsl_is_named(monkeypatch):
    monkeypatch.delattr(os, "killpg")
    monkeypatch.setattr(sys, "argv", ["attnbench", "run"])
    with pytest.raises(SystemExit, match=r"^error: `attnbench run` needs Linux or macOS; on Windows .* WSL"):
        cli.main()
