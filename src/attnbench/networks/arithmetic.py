"""Settings of torch under which the same run gives the same bits."""

import ctypes
import os
import platform
from contextlib import AbstractContextManager

import torch

from attnbench.errors import UserError
from attnbench.machine import processor
from attnbench.records import Environment
from attnbench.study.schema import Machine

LARGEST_KEPT_BLOCK = 32 << 20  # bytes, the most that glibc allows
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # parameter numbers of glibc's malloc.h


def set_up(machine: Machine) -> torch.device:
    """Set threads, deterministic algorithms and memory for this process, and return the device.

    Call it once, before any other use of torch.

    Raises:
        UserError: params.yaml asks for an accelerator that torch does not find.
    """
    if machine.device == "cuda" and not torch.cuda.is_available():
        raise UserError("params.yaml says `machine: device: cuda`, but torch finds no CUDA device; write `device: cpu`")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # older torch reads it when it starts CUDA
    _keep_freed_memory()
    set_threads(machine)
    # the same as torch.use_deterministic_algorithms(True), which also imports the compiler: a second for every stage
    torch.set_deterministic_debug_mode("error")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined] # every buffer here is written before it is read
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False  # float32 means float32, on an accelerator too
    torch.backends.cuda.matmul.allow_tf32 = False
    return torch.device(machine.device)


def set_threads(machine: Machine) -> None:
    """Set the number of threads, which changes the last bits of sums."""
    torch.set_num_threads(machine.threads)


def device_name(machine: Machine) -> str:
    """Return the model name of what computes: the accelerator if params.yaml asks for one, else the processor."""
    return torch.cuda.get_device_name() if machine.device == "cuda" else processor()


def environment(machine: Machine) -> Environment:
    """Return the class of machine of this process; `set_up` has checked that the device exists."""
    return Environment(
        python=platform.python_version(),
        torch=torch.__version__,
        device=device_name(machine) if machine.device == "cuda" else "cpu",
        instruction_set=str(torch.backends.cpu.get_cpu_capability()),
        processor=processor(),
        threads=machine.threads,
        precision=machine.precision,
        memory_format="channels_last",
    )


def warning(machine: Machine) -> str | None:
    """Return a warning if the precision is slow on this processor: bf16 without instructions for it."""
    if machine.precision == "bf16" and machine.device == "cpu" and torch.backends.cpu.get_cpu_capability() == "AVX2":
        return (
            "`machine: precision: bf16` takes more than ten times as long as float32 on this processor, whose widest "
            "instructions are AVX2; write `precision: float32` in params.yaml"
        )
    return None


def autocast(machine: Machine) -> AbstractContextManager[None]:
    """Return the context for the forward pass of a training step; it computes in bf16 if params.yaml says so."""
    context: AbstractContextManager[None] = torch.autocast(
        machine.device, dtype=torch.bfloat16, enabled=machine.precision == "bf16"
    )
    return context


def _keep_freed_memory() -> None:
    """Let glibc reuse freed blocks of up to 32 MiB for the next tensors instead of returning each to the kernel.

    Every training step allocates the same activations. Fresh memory from the kernel costs a page fault for every
    4 KiB, a tenth of a step or more. Other C libraries keep their settings. No result depends on it.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, LARGEST_KEPT_BLOCK)
        libc.mallopt(_TRIM_THRESHOLD, 2**31 - 1)
