"""Memory that a step gave back serves the next step."""

import platform
import subprocess
import sys

import pytest

COUNT = """
import resource
import torch
from attnbench.config.schema import Machine
from attnbench.training import arithmetic

arithmetic.set_up(Machine(device="cpu", precision="float32", threads=1))


def faults_of_a_step() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [torch.ones(16 << 18) for _ in range(4)]  # 16 MiB each
    del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


for _ in range(5):  # aligned blocks take some turns to find their places
    faults_of_a_step()
print(faults_of_a_step())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
def test_a_later_step_asks_the_kernel_for_no_new_pages() -> None:
    found = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True, timeout=120)
    pages = 4 * (16 << 20) // 4096
    assert int(found.stdout) < pages / 100
