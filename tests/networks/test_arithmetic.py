"""The settings of torch under which runs are reproducible."""

import platform
import subprocess
import sys

import params
import pytest
import torch

from attnbench.errors import UserError
from attnbench.networks import arithmetic
from attnbench.study.schema import Machine

CPU, CUDA = (Machine(device=device, precision="float32", threads=1) for device in ("cpu", "cuda"))
PAGE_FAULTS = """
import resource
import torch
from attnbench.networks import arithmetic
from attnbench.study.schema import Machine

arithmetic.set_up(Machine(device="cpu", precision="float32", threads=1))


def faults_of_a_step() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [torch.ones(16 << 18) for _ in range(4)]  # 16 MiB each
    del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


for _ in range(5):  # aligned blocks need several turns to find their places
    faults_of_a_step()
print(faults_of_a_step())
"""


def machine(**changes: object) -> Machine:
    return Machine.model_validate(params.values()["machine"] | changes)


def test_set_up_makes_algorithms_deterministic_and_float32_exact():
    torch.set_deterministic_debug_mode("default")
    assert arithmetic.set_up(machine()) == torch.device("cpu")
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.is_deterministic_algorithms_warn_only_enabled()
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32
    assert torch.get_num_threads() == 1


def test_a_missing_accelerator_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(
        UserError, match=r"`machine: device: cuda`, but torch finds no CUDA device; write `device: cpu`$"
    ):
        arithmetic.set_up(machine(device="cuda"))


@pytest.mark.parametrize(
    ("precision", "instructions", "slow"),
    [("bf16", "AVX2", True), ("float32", "AVX2", False), ("bf16", "AVX512", False)],
)
def test_bf16_without_instructions_for_it_is_a_warning(monkeypatch, precision, instructions, slow):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: instructions)
    text = arithmetic.warning(machine(precision=precision)) or ""
    assert text.startswith("`machine: precision: bf16` takes more than ten times") == slow


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep their settings")
def test_a_later_step_asks_the_kernel_for_no_new_pages():
    done = subprocess.run([sys.executable, "-c", PAGE_FAULTS], capture_output=True, text=True, check=True, timeout=120)
    pages = 4 * (16 << 20) // 4096
    assert int(done.stdout) < pages / 100


def test_the_device_is_named_after_its_model(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Example GPU")
    monkeypatch.setattr(arithmetic, "processor", lambda: "Example CPU")
    assert (arithmetic.device_name(CPU), arithmetic.device_name(CUDA)) == ("Example CPU", "Example GPU")
