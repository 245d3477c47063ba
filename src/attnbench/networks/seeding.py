"""One seed, several independent random streams.

Backbone weights, attention weights, the order of the images, their augmentation and dropout each draw from a stream
of their own, so that all variants of one seed share everything but the attention: their differences are paired.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derive(seed: int, stream: str) -> int:
    """Return the 63-bit seed of the named stream of `seed`; streams of different names are independent."""
    digest = hashlib.sha256(f"{seed}/{stream}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator(seed: int, stream: str, device: str = "cpu") -> torch.Generator:
    """Return a generator at the start of the named stream of `seed`."""
    return torch.Generator(device=device).manual_seed(derive(seed, stream))


@contextmanager
def global_stream(seed: int, stream: str) -> Iterator[None]:
    """Let torch's global generator draw from the named stream inside, and be as it was outside.

    Layers initialise themselves and dropout draws from the global generator; there is no argument to hand them one.
    """
    with torch.random.fork_rng():
        torch.manual_seed(derive(seed, stream))
        yield
