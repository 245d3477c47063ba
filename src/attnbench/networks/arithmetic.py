"""Settings of torch under which the same run gives the same bits."""

import ctypes
import os
import platform
from contextlib import AbstractContextManager

import torch

from attnbench.machine import driver, processor
from attnbench.networks import refusals
from attnbench.records import Environment
from attnbench.study.schema import Machine

LARGEST_KEPT_BLOCK = 32 << 20  # bytes, the most that glibc allows
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # parameter numbers of glibc's malloc.h


def set_up(machine: Machine) -> torch.device:
    """Set threads, deterministic algorithms and memory for this process, and return the device.

    Call it once, before any other use of torch. With `device: cpu` it does not start CUDA.

    Raises:
        UserError: params.yaml asks for an accelerator that torch does not find, or for bf16 on one that lacks it.
    """
    device = torch.device(machine.device)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # older torch reads it when it starts CUDA
    if machine.device_type == "cuda":
        refusals.refuse_missing(machine)
        torch.cuda.set_device(device.index or 0)  # or what names no card would go to the first
        refusals.refuse_bf16(machine)
    _keep_freed_memory()
    set_threads(machine)
    # the same as torch.use_deterministic_algorithms(True), which also imports the compiler: a second for every stage
    torch.set_deterministic_debug_mode("error")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined] # every buffer here is written before it is read
    torch.backends.cudnn.benchmark = False
    _forbid_tf32()
    return device


def set_threads(machine: Machine) -> None:
    """Set the number of threads, which changes the last bits of sums."""
    torch.set_num_threads(machine.threads)


def environment(machine: Machine) -> Environment:
    """Return the class of machine of this process; `set_up` has checked that the device exists."""
    on_accelerator = machine.device_type == "cuda"
    return Environment(
        python=platform.python_version(),
        torch=torch.__version__,
        device=refusals.device_name(machine) if on_accelerator else "cpu",
        instruction_set=str(torch.backends.cpu.get_cpu_capability()),
        processor=processor(),
        threads=machine.threads,
        precision=machine.precision,
        memory_format="channels_last",
        cudnn=_cudnn_version() if on_accelerator else None,
        driver=driver() if on_accelerator else None,
    )


def autocast(machine: Machine) -> AbstractContextManager[None]:
    """Return the context for the forward pass of a training step; it computes in bf16 if params.yaml says so."""
    context: AbstractContextManager[None] = torch.autocast(
        machine.device_type, dtype=torch.bfloat16, enabled=machine.precision == "bf16"
    )
    return context


def _cudnn_version() -> str | None:
    version = torch.backends.cudnn.version()  # type: ignore[no-untyped-call] # 91002
    return f"{version // 10_000}.{version % 10_000 // 100}.{version % 100}" if version else None


def _forbid_tf32() -> None:
    """Let float32 mean float32 on an accelerator too.

    torch 2.9 renamed the settings. It warns at the old ones on some builds, and reading an old one after a new one was
    set is an error, so only one kind is used.
    """
    if hasattr(torch.backends, "fp32_precision"):
        torch.backends.cuda.matmul.fp32_precision = "ieee"
        torch.backends.cudnn.conv.fp32_precision = "ieee"  # type: ignore[attr-defined]
        torch.backends.cudnn.rnn.fp32_precision = "ieee"  # type: ignore[attr-defined]
    else:
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False


def _keep_freed_memory() -> None:
    """Let glibc reuse freed blocks of up to 32 MiB for the next tensors instead of returning each to the kernel.

    Every training step allocates the same activations. Fresh memory from the kernel costs a page fault for every
    4 KiB, a tenth of a step or more. Other C libraries keep their settings. No result depends on it.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, LARGEST_KEPT_BLOCK)
        libc.mallopt(_TRIM_THRESHOLD, 2**31 - 1)
