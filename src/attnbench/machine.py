"""Facts about the machine a number was measured on. Standard library only: the command reads it before torch loads."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def processor() -> str:
    """Return the processor's model name as the system gives it, e.g. `AMD EPYC 7B13`; never an empty string."""
    return _cpuinfo_model(CPUINFO) or _sysctl_brand() or platform.processor() or platform.machine() or "unknown"


def cores() -> int:
    """Return how many cores this process may use, at least 1; fewer than the machine has under taskset or a cpuset."""
    if hasattr(os, "sched_getaffinity"):  # Linux only
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_average() -> float:
    """Return the mean number of runnable processes over the last minute; 0.0 if unavailable."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):  # Windows has no such call, a container may have no such value
        return 0.0


def _cpuinfo_model(path: Path) -> str:
    """Return the first model name in a Linux cpuinfo file, or an empty string: many ARM kernels give none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip().lower() in ("model name", "hardware", "cpu model") and value.strip():
            return value.strip()
    return ""


def _sysctl_brand() -> str:
    """Return macOS's name of the processor, or an empty string elsewhere."""
    sysctl = shutil.which("sysctl") if platform.system() == "Darwin" else None
    if sysctl is None:
        return ""
    try:
        done = subprocess.run(
            [sysctl, "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
