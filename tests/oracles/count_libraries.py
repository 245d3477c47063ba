"""Count the parameters of the libraries' modules: `python tests/oracles/count_libraries.py` rewrites libraries.json.

Only libraries that are installed are counted anew, or those named (`... timm monai`); the rest stays as it is. Modules
are built on torch's meta device, which has shapes and no numbers, so that a big one takes no memory. With `--print`
nothing is written and what was counted goes to standard output.
"""

import json
import sys
import warnings
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from attnbench.records import files
from attnbench.tools.catalogue import libraries as described

FOLDER = Path(__file__).parent / "libraries"


def main(given: list[str]) -> None:
    names = [name for name in given if not name.startswith("--")]
    counted = {
        name: count(library)
        for name, library in described.libraries(FOLDER).items()
        if (name in names or not names) and installed(library)
    }
    if "--print" in given:
        print(json.dumps(counted))
        return
    path = described.file_of(FOLDER)
    kept = json.loads(path.read_text(encoding="utf-8"))
    files.write_json(path, kept | {"counted": kept["counted"] | counted})
    print(f"counted {', '.join(counted)}; now write the page: attnbench modules --write docs/modules.md")


def installed(library: described.Library) -> bool:
    try:
        return bool(version(library.package))
    except PackageNotFoundError:
        return False


def count(library: described.Library) -> dict[str, Any]:
    return {
        "version": version(library.package),
        "parameters": {
            name: {str(channels): parameters(entry, channels) for channels in described.CHANNELS}
            for name, entry in library.modules.items()
        },
        "forward": {name: forward(entry) for name, entry in library.modules.items()},
    }


def build(entry: described.Entry, channels: int) -> nn.Module:
    module, _, name = entry.call.rpartition(".")
    with torch.device("meta"):
        return getattr(import_module(module), name)(*described.arguments(entry, channels))


def parameters(entry: described.Entry, channels: int) -> int | str:
    try:
        return sum(parameter.numel() for parameter in build(entry, channels).parameters())
    except Exception as error:  # noqa: BLE001 -- whatever a library raises is what is recorded
        return said(error)


def forward(entry: described.Entry) -> str:
    """What 64 maps of 32 x 32 in a batch of two come to: `ok`, another shape, or an exception."""
    x = torch.zeros(2, 64, 32, 32, device="meta")
    try:
        y = build(entry, 64).eval()(x)
    except Exception as error:  # noqa: BLE001
        return said(error)
    return "ok" if y.shape == x.shape else f"maps {tuple(y.shape)}"


def said(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1:])
