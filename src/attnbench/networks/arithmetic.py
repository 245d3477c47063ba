"""Settings of torch under which the same run gives the same bits."""

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch

from attnbench.errors import UserError
from attnbench.machine import driver, processor
from attnbench.records import Environment
from attnbench.study.schema import Machine

LARGEST_KEPT_BLOCK = 32 << 20  # bytes, the most that glibc allows
BF16_CAPABILITY = 8  # the first major compute capability with bf16: below, it is emulated or fails
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
        _refuse_missing(machine)
        torch.cuda.set_device(device.index or 0)  # or what names no card would go to the first
        _refuse_bf16(machine)
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


def device_name(machine: Machine) -> str:
    """Return the model name of what computes: the accelerator if params.yaml asks for one, else the processor."""
    return torch.cuda.get_device_name(machine.device) if machine.device_type == "cuda" else processor()


def environment(machine: Machine) -> Environment:
    """Return the class of machine of this process; `set_up` has checked that the device exists."""
    on_accelerator = machine.device_type == "cuda"
    return Environment(
        python=platform.python_version(),
        torch=torch.__version__,
        device=device_name(machine) if on_accelerator else "cpu",
        instruction_set=str(torch.backends.cpu.get_cpu_capability()),
        processor=processor(),
        threads=machine.threads,
        precision=machine.precision,
        memory_format="channels_last",
        cudnn=_cudnn_version() if on_accelerator else None,
        driver=driver() if on_accelerator else None,
    )


def warning(machine: Machine) -> str | None:
    """Return a warning if the precision is slow on this processor: bf16 without instructions for it."""
    if (
        machine.precision == "bf16"
        and machine.device_type == "cpu"
        and torch.backends.cpu.get_cpu_capability() == "AVX2"
    ):
        return (
            "`machine: precision: bf16` takes more than ten times as long as float32 on this processor, whose widest "
            "instructions are AVX2; write `precision: float32` in params.yaml"
        )
    return None


def autocast(machine: Machine) -> AbstractContextManager[None]:
    """Return the context for the forward pass of a training step; it computes in bf16 if params.yaml says so."""
    context: AbstractContextManager[None] = torch.autocast(
        machine.device_type, dtype=torch.bfloat16, enabled=machine.precision == "bf16"
    )
    return context


@contextmanager
def memory_limit(machine: Machine, remedy: str) -> Iterator[None]:
    """Turn running out of memory inside the context into a message; `remedy` completes it.

    Raises:
        UserError: the device, or the processor's memory, is full.
    """
    try:
        yield
    except RuntimeError as error:  # torch.OutOfMemoryError on an accelerator; on the processor only the text tells
        if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
            raise
        reason = str(error).partition("\n")[0].rstrip(".")
        raise UserError(f"out of memory on {device_name(machine)} ({reason}); {remedy}") from None


def _refuse_missing(machine: Machine) -> None:
    written = f"params.yaml says `machine: device: {machine.device}`"
    if not torch.cuda.is_available():
        raise UserError(
            f"{written}, but torch finds no CUDA device. `nvidia-smi` should list one; if it does, its driver is too "
            f"old for this torch ({torch.__version__}, made for CUDA {torch.version.cuda or '- none'}): update the "
            "driver or install a torch made for it. Or write `device: cpu`"
        )
    count = torch.cuda.device_count()
    if (torch.device(machine.device).index or 0) >= count:
        cards = ", ".join(f"`cuda:{number}` ({torch.cuda.get_device_name(number)})" for number in range(count))
        raise UserError(f"{written}; torch finds {cards}. Write one of these, or `cuda` for all")


def _refuse_bf16(machine: Machine) -> None:
    major, minor = torch.cuda.get_device_capability()
    if machine.precision == "bf16" and major < BF16_CAPABILITY:
        raise UserError(
            f"params.yaml says `machine: precision: bf16`, but {device_name(machine)} has compute capability "
            f"{major}.{minor} and bf16 needs {BF16_CAPABILITY}.0; write `precision: float32`"
        )


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
