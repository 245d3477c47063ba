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


CARDS = """\
GPU 0: NVIDIA A30 (UUID: GPU-0)
GPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-1)
GPU 2: NVIDIA H100 80GB HBM3 (UUID: GPU-2)
"""
PARTITIONED = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-0)
  MIG 1g.5gb      Device  0: (UUID: MIG-a)
  MIG 1g.5gb      Device  1: (UUID: MIG-b)
  MIG 3g.20gb     Device  2: (UUID: MIG-c)
"""


@pytest.mark.parametrize(
    ("listing", "expected"), [(CARDS, ["GPU-1", "GPU-2"]), (PARTITIONED, ["MIG-a", "MIG-b"]), ("", [])]
)
def test_cards_are_those_of_the_most_frequent_model(listing, expected, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(machine, "_output_of", lambda program, *arguments: listing)
    assert machine.cards() == expected


@pytest.mark.parametrize(("visible", "expected"), [("3, 1", ["3", "1"]), ("", []), ("0,-1,2", ["0"])])
def test_visible_cards_can_be_chosen(visible, expected, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert machine.cards() == expected


def test_the_driver_is_that_of_the_first_card(monkeypatch: pytest.MonkeyPatch):
    outputs = {"nvidia-smi": "580.65.06\n580.65.06"}
    monkeypatch.setattr(machine, "_output_of", lambda program, *arguments: outputs.get(program, ""))
    assert machine.driver() == "580.65.06"
    outputs.clear()
    assert machine.driver() is None


def test_a_program_that_fails_says_nothing():
    assert machine._output_of("sh", "-c", "echo 580.65.06") == "580.65.06"
    assert machine._output_of("sh", "-c", "echo no driver; exit 9") == ""
    assert machine._output_of("no-such-program") == ""


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


def write_cgroups(folder: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Put this process into the groups /a/b of a made-up tree, in both versions of cgroups."""
    for name, text in files.items():
        path = folder / "cgroups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    (folder / "cgroup").write_text("5:cpuset:/\n4:memory:/a/b\n3:cpu,cpuacct:/a/b\n1:name=systemd:/x:y\n0::/a/b\n")
    monkeypatch.setattr(machine, "OWN_CGROUP", folder / "cgroup")
    monkeypatch.setattr(machine, "CGROUP", folder / "cgroups")


def version_2(folder: str, limit: str) -> dict[str, str]:
    return {
        f"{folder}memory.max": limit,
        f"{folder}memory.current": str(700 * 1024),
        f"{folder}memory.stat": f"anon 5\ninactive_file {200 * 1024}",
    }


def version_1(folder: str, limit: str) -> dict[str, str]:
    return {
        f"memory/{folder}memory.limit_in_bytes": limit,
        f"memory/{folder}memory.usage_in_bytes": str(700 * 1024),
        f"memory/{folder}memory.stat": f"inactive_file 5\ntotal_inactive_file {200 * 1024}",
    }


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (version_2("", "max"), 2000),
        (version_2("", str(1000 * 1024)), 500),  # a container, whose group is the mounted folder
        (version_2("a/b/", str(1000 * 1024)) | version_2("a/", "max"), 500),
        (version_2("a/b/", "max") | version_2("a/", str(900 * 1024)), 400),
        (version_2("a/b/", "0"), 0),
        (version_2("c/", str(1000 * 1024)), 2000),  # of other processes
        (version_1("", str(2**63 - 4096)), 2000),
        (version_1("a/b/", str(1000 * 1024)), 500),
        (version_1("", str(1000 * 1024)), 500),
        ({}, 2000),
    ],
)
def test_memory_is_what_system_and_cgroups_leave(
    files: dict[str, str], expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:  4000 kB\nMemAvailable:   2000 kB\n")
    monkeypatch.setattr(machine, "MEMINFO", tmp_path / "meminfo")
    write_cgroups(tmp_path, files, monkeypatch)
    assert machine.available_memory() == expected * 1024


@pytest.mark.parametrize(
    ("quotas", "cores"),
    [
        ({"cpu.max": "150000 100000"}, 1),
        ({"cpu.max": "400000 100000", "a/cpu.max": "max 100000", "a/b/cpu.max": "250000 100000"}, 2),
        ({"a/cpu.max": "50000 100000"}, 1),
        ({"a/b/cpu.max": "max 100000", "a/cpu.max": "damaged"}, 3),
        ({"cpu/a/cpu.cfs_quota_us": "200000", "cpu/a/cpu.cfs_period_us": "100000"}, 2),
        ({"cpu/a/b/cpu.cfs_quota_us": "-1", "cpu/a/b/cpu.cfs_period_us": "100000"}, 3),
        ({}, 3),
    ],
)
def test_cores_follow_the_quota_of_the_cgroups(
    quotas: dict[str, str], cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cgroups(tmp_path, quotas, monkeypatch)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    assert machine.cores() == cores
