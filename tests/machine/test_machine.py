"""Facts about the machine."""

import os
import platform
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from attnbench import machine

X86 = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 85\nmodel name\t: Fast CPU @ 2.00GHz\nflags\t: avx\n"
ARM = "processor\t: 0\nBogoMIPS\t: 243.75\nCPU part\t: 0xd0c\n"


def test_this_machine_has_a_name_and_cores():
    assert machine.processor().strip()
    assert 1 <= machine.cores() <= (os.cpu_count() or 1)
    assert machine.load_average() >= 0.0


def test_the_model_name_comes_from_cpuinfo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "cpuinfo").write_text(X86)
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
    assert machine.processor() == "Fast CPU @ 2.00GHz"


@pytest.mark.parametrize("content", [ARM, None])
def test_without_a_model_name_the_platform_answers(content, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    if content is not None:
        (tmp_path / "cpuinfo").write_text(content)
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert machine.processor() == "aarch64"


def test_on_macos_sysctl_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    calls = []

    def run(command, **_):
        calls.append(command)
        return SimpleNamespace(stdout="Apple M2\n")

    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "none")
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(machine.shutil, "which", lambda name: f"/usr/sbin/{name}")
    monkeypatch.setattr(subprocess, "run", run)
    assert machine.processor() == "Apple M2"
    assert calls == [["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]]


def test_cores_follow_the_affinity_of_the_process(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert machine.cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert machine.cores() == 1


def test_a_system_without_a_load_average_gives_zero(monkeypatch: pytest.MonkeyPatch):
    def missing() -> tuple[float, float, float]:
        raise OSError("none kept")

    monkeypatch.setattr(os, "getloadavg", missing)
    assert machine.load_average() == 0.0
