"""Independent random streams from one seed.

Backbone weights, attention weights, image order, augmentation and dropout each use a separate stream. So all variants
of one seed share everything but the attention, and their differences are paired.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch

CPU = torch.device("cpu")


def derive(seed: int, stream: str) -> int:
    """Return the 63-bit seed of a named stream; different names give independent streams."""
    digest = hashlib.sha256(f"{seed}/{stream}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator(seed: int, stream: str) -> torch.Generator:
    """Return a generator at the start of the named stream of `seed`."""
    return torch.Generator().manual_seed(derive(seed, stream))


@contextmanager
def global_stream(seed: int, stream: str, device: torch.device = CPU) -> Iterator[None]:
    """Let torch's global generator draw from the named stream inside the context; restore its state afterwards.

    Weight initialisation and dropout use the global generator; torch offers no argument for another one. The generator
    of an accelerator is included only if it is `device`: asking for its state would start every accelerator.
    """
    accelerators = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=accelerators):
        torch.default_generator.manual_seed(derive(seed, stream))
        for accelerator in accelerators:
            with torch.cuda.device(accelerator):
                torch.cuda.manual_seed(derive(seed, stream))
        yield
