"""What the process does with memory that tensors gave back."""

import ctypes
import platform

LARGEST_KEPT = 32 << 20  # bytes, the most that glibc allows
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # numbers of glibc's malloc.h


def keep_freed() -> None:
    """Let glibc keep freed blocks of up to 32 MiB for the next tensors, instead of handing each back to the kernel.

    A step allocates the same activations again and again; of a kernel each comes as pages of zeros, one fault for
    every 4 KiB, a tenth or more of a step. Other C libraries are left as they are. No bit of a result depends on it.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, LARGEST_KEPT)
        libc.mallopt(_TRIM_THRESHOLD, 2**31 - 1)
