"""Reading .xz files in bounded memory. Python's `lzma.LZMAFile` takes what a file demands, which may be 4 GiB."""

import io
import lzma
from pathlib import Path

from attnbench.errors import UserError

MEMORY = 256 * 2**20  # bytes to unpack with; `xz -9` asks for 65 MiB
_CHUNK = 2**16  # bytes


def open_xz(path: Path) -> io.BufferedReader:
    """Open an .xz file to read what it contains.

    Reading raises a UserError if that takes more than `MEMORY`, LZMAError if the file is damaged, and EOFError if it is
    cut short.
    """
    return io.BufferedReader(_Reader(path), _CHUNK)


class _Reader(io.RawIOBase):
    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("rb")
        self._decompressor = lzma.LZMADecompressor(memlimit=MEMORY)

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed: Buffer
        content = b""
        while not content:
            if self._decompressor.eof:
                packed = self._next_stream()
                if not packed:
                    return 0
                self._decompressor = lzma.LZMADecompressor(memlimit=MEMORY)
            else:
                packed = self._file.read(_CHUNK) if self._decompressor.needs_input else b""
                if not packed and self._decompressor.needs_input:
                    raise EOFError("it ends too early")
            content = self._decompress(packed, len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def _next_stream(self) -> bytes:
        """Return bytes of the file from the next stream on, without the zeros before it; none at its end."""
        packed = self._decompressor.unused_data.lstrip(b"\0")
        while not packed and (chunk := self._file.read(_CHUNK)):
            packed = chunk.lstrip(b"\0")
        return packed

    def _decompress(self, packed: bytes, length: int) -> bytes:
        try:
            return self._decompressor.decompress(packed, length)
        except lzma.LZMAError as error:
            if "Memory usage limit" not in str(error):
                raise
            raise UserError(
                f"{self._path}: its dictionary is so large that unpacking takes more than {MEMORY // 2**20} MiB of "
                "memory; pack it again with `xz -9` or less"
            ) from None
