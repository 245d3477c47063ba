"""Archives made for a test."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path


def tar(path: Path, content: Mapping[str, bytes], mode: str = "w") -> Path:
    """Write an archive of files by name; `mode` may name a compression, as in `w:gz`."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path
