"""How the arithmetic is done, so that the same run gives the same bits."""

import os
from contextlib import AbstractContextManager

import torch

from attnbench.errors import UserError
from attnbench.networks import memory
from attnbench.study.schema import Machine


def set_up(machine: Machine) -> torch.device:
    """Pin threads, algorithms and memory of this process, once, before any other use of torch; return the device.

    Raises:
        UserError: params.yaml asks for an accelerator that is not there.
    """
    if machine.device == "cuda" and not torch.cuda.is_available():
        raise UserError("params.yaml says `machine: device: cuda`, but torch finds no CUDA device; write `device: cpu`")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read by older torch when it starts CUDA
    memory.keep_freed()
    set_threads(machine)
    # what torch.use_deterministic_algorithms(True) does, without its import of the compiler, which takes a second
    torch.set_deterministic_debug_mode("error")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined] # every buffer here is written before it is read
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False  # float32 means float32, on an accelerator too
    torch.backends.cuda.matmul.allow_tf32 = False
    return torch.device(machine.device)


def set_threads(machine: Machine) -> None:
    """Pin the number of threads, which changes the last bits."""
    torch.set_num_threads(machine.threads)


def warning(machine: Machine) -> str | None:
    """Return what a person should know before waiting for it: bf16 where the processor has no instructions for it."""
    if machine.precision == "bf16" and machine.device == "cpu" and torch.backends.cpu.get_cpu_capability() == "AVX2":
        return (
            "`machine: precision: bf16` takes more than ten times as long as float32 on this processor, whose widest "
            "instructions are AVX2; write `precision: float32` in params.yaml"
        )
    return None


def autocast(machine: Machine) -> AbstractContextManager[None]:
    """Return the context in which a training step's forward pass runs: bf16 where asked."""
    context: AbstractContextManager[None] = torch.autocast(
        machine.device, dtype=torch.bfloat16, enabled=machine.precision == "bf16"
    )
    return context
