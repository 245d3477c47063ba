"""A project with the names of the real graph and stages that take no time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PARAMS = """\
study: small
root: .
params: params.yaml
title: A small study
data: {source: shapes, train_images: 200, test_images: 50, seed: 0, split_seed: 0}
backbone: {name: cnn}
baseline: baseline
variants:
  baseline: {attention: none}
  se: {attention: se, site: before_pool}
seeds: [0, 1]
recipe: {name: onecycle, optimizer: adam, epochs: 1, batch_size: 64, learning_rate: 1e-3, weight_decay: 0, warmup: 0.3,
  label_smoothing: 0.0, augmentation: [flip]}
machine: {device: cpu, precision: float32, threads: 1}
confidence: 0.95
latency: {batch_sizes: [1], rounds: 30}
views: {images: 6}
"""

GRAPH = """\
stages:
  code:
    matrix: {variant: "${variants}"}
    wdir: ${root}
    cmd: python step.py code@${item.variant} results/${study}/code/${item.variant} source
    deps: [source]
    outs: ["results/${study}/code/${item.variant}"]
  data:
    wdir: ${root}
    cmd: python step.py data data/${study} source
    deps: [source]
    outs: ["data/${study}"]
  train:
    matrix: {variant: "${variants}", seed: "${seeds}"}
    wdir: ${root}
    cmd: python step.py train@${key} runs/${study}/${key} data/${study} results/${study}/code/${item.variant}
    deps: ["data/${study}", "results/${study}/code/${item.variant}"]
    outs: ["runs/${study}/${key}"]
  cost:
    matrix: {variant: "${variants}"}
    wdir: ${root}
    cmd: python step.py cost@${item.variant} results/${study}/cost/${item.variant} results/${study}/code/${item.variant}
    deps: ["results/${study}/code/${item.variant}"]
    outs: ["results/${study}/cost/${item.variant}"]
  latency:
    wdir: ${root}
    cmd: python step.py latency results/${study}/latency data/${study}
    deps: ["data/${study}", "results/${study}/code"]
    outs: ["results/${study}/latency"]
  views:
    matrix: {variant: "${variants}"}
    wdir: ${root}
    cmd: >-
      python step.py views@${item.variant} results/${study}/views/${item.variant}
      runs/${study}/${item.variant}-${seeds[0]}
    deps: ["runs/${study}/${item.variant}-${seeds[0]}"]
    outs: ["results/${study}/views/${item.variant}"]
  report:
    wdir: ${root}
    cmd: python step.py report reports/${study}/REPORT.md words results/${study}/latency
    deps: [words, "runs/${study}", "results/${study}/latency", "results/${study}/views", "results/${study}/cost"]
    outs: ["reports/${study}/REPORT.md"]
"""

STEP = """\
import os, sys, time
from pathlib import Path
name, out, *inputs = sys.argv[1:]
began = time.time()
Path("started").mkdir(exist_ok=True)
Path("started", name).write_text(str(os.getpid()))
asked = lambda file: Path(file).exists() and name in Path(file).read_text().split()
if asked("broken"):
    sys.exit(name + " is broken on purpose")
if asked("slow"):
    time.sleep(120)
while asked("meet") and not all(Path("started", other).exists() for other in Path("meet").read_text().split()):
    time.sleep(0.02)
    if time.time() > began + 20:
        sys.exit("alone")
Path(out).parent.mkdir(parents=True, exist_ok=True)
Path(out).write_text("".join(Path(each).read_text() for each in inputs) + name)
with open("ran", "a") as stream:
    stream.write(f"{name} {began} {time.time()}\\n")
"""


class Project:
    """The folder, and what has run in it since the last look."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def ran(self) -> list[str]:
        """Return the names of the stages that ended since the last call, sorted."""
        return sorted(name for name, _, _ in self.spans())

    def spans(self) -> list[tuple[str, float, float]]:
        """Return name, begin and end of the stages that ended since the last call."""
        path = self.root / "ran"
        lines = path.read_text().splitlines() if path.exists() else []
        path.write_text("")
        return [(name, float(began), float(ended)) for name, began, ended in map(str.split, lines)]

    def command(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start the command in the project."""
        code = "from attnbench.cli import main; main()"
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            cwd=self.root,
            env={**os.environ, "PATH": os.defpath},  # the command itself finds its environment's python
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project that never ran."""
    files = {"params.yaml": PARAMS, "dvc.yaml": GRAPH, "step.py": STEP, "source": "1", "words": "a"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("[core]\n    analytics = false\n    check_update = false\n")
    (tmp_path / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
    return Project(tmp_path)
