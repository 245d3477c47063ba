"""Error messages where a machine cannot compute what params.yaml asks for: missing GPUs, bf16, memory.

Only texts: no result depends on this file, so a better message retrains nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from attnbench.errors import UserError
from attnbench.machine import processor
from attnbench.study.schema import Machine

BF16_CAPABILITY = 8  # the first major compute capability with bf16: below, it is emulated or fails


def refuse_missing(machine: Machine) -> None:
    """Refuse a card that torch does not find.

    Raises:
        UserError: there is no card, or none with this index.
    """
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


def refuse_bf16(machine: Machine) -> None:
    """Refuse bf16 on a card without it.

    Raises:
        UserError: the current card lacks bf16, and params.yaml asks for it.
    """
    major, minor = torch.cuda.get_device_capability()
    if machine.precision == "bf16" and major < BF16_CAPABILITY:
        raise UserError(
            f"params.yaml says `machine: precision: bf16`, but {device_name(machine)} has compute capability "
            f"{major}.{minor} and bf16 needs {BF16_CAPABILITY}.0; write `precision: float32`"
        )


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


def device_name(machine: Machine) -> str:
    """Return the model name of what computes: the accelerator if params.yaml asks for one, else the processor."""
    return torch.cuda.get_device_name(machine.device) if machine.device_type == "cuda" else processor()
