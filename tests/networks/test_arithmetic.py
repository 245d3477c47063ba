"""The settings of torch under which runs are reproducible."""

import platform
import subprocess
import sys

import params
import pytest
import torch

from attnbench.errors import UserError
from attnbench.networks import arithmetic, refusals
from attnbench.study.schema import Machine

CPU, CUDA = (Machine(device=device, precision="float32", threads=1) for device in ("cpu", "cuda"))
PAGE_FAULTS = """
import resource
import torch
from attnbench.networks import arithmetic, refusals
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
    assert not torch.backends.cuda.matmul.allow_tf32
    if hasattr(torch.backends, "fp32_precision"):
        cudnn = torch.backends.cudnn
        assert (cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision) == ("ieee", "ieee")
    else:
        assert not torch.backends.cudnn.allow_tf32
    assert torch.get_num_threads() == 1


def test_a_missing_accelerator_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    message = r"`machine: device: cuda`, but torch finds no CUDA device\. .* too old for this torch .*`device: cpu`$"
    with pytest.raises(UserError, match=message):
        arithmetic.set_up(machine(device="cuda"))


@pytest.fixture
def two_cards(monkeypatch):
    """Two cards of compute capability 7.5 that torch seems to find; returns the numbers of those made current."""
    current = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device=None: "Example T4")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: (7, 5))
    monkeypatch.setattr(torch.cuda, "set_device", current.append)
    return current


@pytest.mark.parametrize(("device", "number"), [("cuda", 0), ("cuda:1", 1)])
def test_the_card_of_the_run_becomes_torchs_current_one(two_cards, device, number):
    assert arithmetic.set_up(machine(device=device)) == torch.device(device)
    assert two_cards == [number]


def test_a_card_that_does_not_exist_is_refused_with_those_that_do(two_cards):
    message = r"`machine: device: cuda:2`; torch finds `cuda:0` \(Example T4\), `cuda:1` \(Example T4\)\. Write one of"
    with pytest.raises(UserError, match=message):
        arithmetic.set_up(machine(device="cuda:2"))
    assert two_cards == []


def test_bf16_on_a_card_without_it_is_refused(two_cards):
    message = r"`machine: precision: bf16`, but Example T4 has compute capability 7\.5 .* write `precision: float32`$"
    with pytest.raises(UserError, match=message):
        arithmetic.set_up(machine(device="cuda", precision="bf16"))


def test_running_out_of_memory_is_an_error_with_a_remedy(monkeypatch):
    monkeypatch.setattr(refusals, "processor", lambda: "Example CPU")
    message = r"^out of memory on Example CPU \(.*\); do less$"
    with pytest.raises(UserError, match=message), refusals.memory_limit(CPU, "do less"):
        torch.empty(1 << 60, dtype=torch.uint8)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"Example GPU {device}")
    message = r"^out of memory on Example GPU cuda \(Tried to allocate 2 GiB\); do less$"
    with pytest.raises(UserError, match=message), refusals.memory_limit(CUDA, "do less"):
        raise torch.OutOfMemoryError("Tried to allocate 2 GiB.\nand more")
    with pytest.raises(RuntimeError, match="size of tensor a"), refusals.memory_limit(CPU, "do less"):
        torch.ones(2) + torch.ones(3)


@pytest.mark.parametrize(
    ("precision", "instructions", "slow"),
    [("bf16", "AVX2", True), ("float32", "AVX2", False), ("bf16", "AVX512", False)],
)
def test_bf16_without_instructions_for_it_is_a_warning(monkeypatch, precision, instructions, slow):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: instructions)
    text = refusals.warning(machine(precision=precision)) or ""
    assert text.startswith("`machine: precision: bf16` takes more than ten times") == slow


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep their settings")
def test_a_later_step_asks_the_kernel_for_no_new_pages():
    done = subprocess.run([sys.executable, "-c", PAGE_FAULTS], capture_output=True, text=True, check=True, timeout=120)
    pages = 4 * (16 << 20) // 4096
    assert int(done.stdout) < pages / 100


def test_the_device_is_named_after_its_model(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Example GPU")
    monkeypatch.setattr(refusals, "processor", lambda: "Example CPU")
    assert (refusals.device_name(CPU), refusals.device_name(CUDA)) == ("Example CPU", "Example GPU")


def test_the_environment_names_the_libraries_of_an_accelerator(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Example GPU")
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91002)
    monkeypatch.setattr(arithmetic, "driver", lambda: "580.65.06")
    there, here = (arithmetic.environment(machine) for machine in (CUDA, CPU))
    assert (there.device, there.cudnn, there.driver) == ("Example GPU", "9.10.2", "580.65.06")
    assert (here.device, here.cudnn, here.driver) == ("cpu", None, None)
