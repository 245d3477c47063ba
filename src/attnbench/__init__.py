"""attnbench: does this attention module, placed here, help this network, and at what price?

To use a trained network or a module by hand: `attnbench.load`, `attnbench.attention`, `attnbench.insert`. They import
torch when they are first asked for, so `import attnbench` takes no time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attnbench.use import attention, insert, load

__all__ = ["attention", "insert", "load"]


def __getattr__(name: str) -> Any:
    """Return one of the three functions."""
    if name in __all__:
        return getattr(import_module("attnbench.use"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
