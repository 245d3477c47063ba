"""Facts about the machine a number was measured on. Standard library only: the command reads it before torch loads."""

import math
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path, PurePosixPath

CPUINFO = Path("/proc/cpuinfo")
MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")
# its lines name the groups of this process: `0::/a/b` is CGROUP/a/b, `4:memory:/a/b` is CGROUP/memory/a/b
OWN_CGROUP = Path("/proc/self/cgroup")
_MEMORY = (  # files with limit and use in versions 2 and 1, and what memory.stat calls a cache that can be dropped
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
# lines of `nvidia-smi -L`: "GPU 0: NVIDIA A100 (UUID: GPU-1b..)", "  MIG 1g.10gb     Device  0: (UUID: MIG-5c..)"
_CARD = re.compile(r"^\s*(?:GPU \d+: )?(.+?)(?:\s+Device\s+\d+:)? \(UUID: ((?:GPU|MIG)-[^)]+)\)", re.MULTILINE)


def processor() -> str:
    """Return the processor's model name as the system gives it, e.g. `AMD EPYC 7B13`; never an empty string."""
    return _cpuinfo_model(CPUINFO) or _sysctl_brand() or platform.processor() or platform.machine() or "unknown"


def cores() -> int:
    """Return how many cores this process may use, at least 1.

    Fewer than the machine has under taskset or a cpuset, and in a container with a quota: 1.5 processors are one core.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1  # Linux only
    return max(1, int(min(usable, _quota())))


def available_memory() -> int:
    """Return the bytes of memory that a new process may use: what the system has free, or the process's cgroups allow.

    Where neither is known, as on macOS, the machine's whole memory.
    """
    match = re.search(r"^MemAvailable: +(\d+) kB$", _text(MEMINFO), re.MULTILINE)
    free = int(match[1]) * 1024 if match else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for group in _groups("memory"):
        for limit_file, used_file, cache_name in _MEMORY:
            limit, used = (_text(group / file).strip() for file in (limit_file, used_file))
            if limit.isdecimal() and used.isdecimal():  # "max" without a limit
                cache = re.search(rf"^{cache_name} (\d+)$", _text(group / "memory.stat"), re.MULTILINE)
                free = min(free, int(limit) - int(used) + (int(cache[1]) if cache else 0))
    return max(0, free)


def load_average() -> float:
    """Return the mean number of runnable processes over the last minute; 0.0 if unavailable."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):  # Windows has no such call, a container may have no such value
        return 0.0


def cards() -> list[str]:
    """Return the NVIDIA GPUs for runs in parallel, as CUDA_VISIBLE_DEVICES names them; empty if none are known.

    Those that CUDA_VISIBLE_DEVICES lists, if it is set. Otherwise all of one model, that of which there are most, since
    runs on different models are not comparable bit by bit; of a GPU that is partitioned, its MIG devices.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return list(takewhile(lambda card: card not in ("", "-1"), (card.strip() for card in visible.split(","))))
    listed = _CARD.findall(_output_of("nvidia-smi", "-L"))
    partitions = [(model, card) for model, card in listed if card.startswith("MIG")]
    models: dict[str, list[str]] = {}
    for model, card in partitions or listed:
        models.setdefault(model, []).append(card)
    return max(models.values(), key=len, default=[])


def driver() -> str | None:
    """Return the version of NVIDIA's driver, e.g. `580.65.06`; None if `nvidia-smi` does not report it."""
    versions = _output_of("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader").splitlines()
    return versions[0].strip() if versions else None


def _quota() -> float:
    """Return how many processors the cgroups of this process allow; infinite without a quota."""
    quotas = [math.inf]
    for group in _groups("cpu"):
        pair = _text(group / "cpu.max").split()  # "max 100000" without a quota
        pair = pair or [_text(group / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]  # "-1" without
        if len(pair) == 2 and all(number.isdecimal() for number in pair):
            quotas.append(int(pair[0]) / int(pair[1]))
    return min(quotas)


def _groups(controller: str) -> Iterator[Path]:
    """Yield the folders of the cgroups that may limit this process: its own, and those above it.

    Version 2 of cgroups has one tree, version 1 one for each controller. In a container the process's own group
    usually is the mounted folder, whatever its name outside.
    """
    for line in _text(OWN_CGROUP).splitlines():
        _, controllers, name = line.split(":", 2)
        if not controllers or controller in controllers.split(","):
            group = PurePosixPath(name.lstrip("/"))
            tree = CGROUP / controller if controllers else CGROUP
            yield from (tree / folder for folder in (group, *group.parents))


def _cpuinfo_model(path: Path) -> str:
    """Return the first model name in a Linux cpuinfo file, or an empty string: many ARM kernels give none."""
    for line in _text(path).splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() in ("model name", "hardware", "cpu model") and value.strip():
            return value.strip()
    return ""


def _text(path: Path) -> str:
    """Return the text of a file of the system, or an empty string if there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _sysctl_brand() -> str:
    """Return macOS's name of the processor, or an empty string elsewhere."""
    return _output_of("sysctl", "-n", "machdep.cpu.brand_string") if platform.system() == "Darwin" else ""


def _output_of(program: str, *arguments: str) -> str:
    """Return what a program writes, or an empty string if it is missing or fails."""
    path = shutil.which(program)
    if path is None:
        return ""
    try:
        done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
