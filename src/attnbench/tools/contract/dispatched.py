"""The operators that torch dispatches."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

Call = tuple[str, tuple[tuple[int, ...], ...]]  # aten name with overload, and the shapes of its tensors


class Recording(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes every operator inside the context, in order, but those that only make a view or reserve memory."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[Call] = []
        self.from_host: list[str] = []  # operators that took or gave a tensor in the host's memory

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = str(func).removeprefix("aten.")
        is_view = getattr(func, "is_view", False)
        if not (is_view or name.startswith(("empty", "new_empty", "detach", "_unsafe_view", "profiler"))):
            tensors = (leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor))
            self.calls.append((name, tuple(tuple(tensor.shape) for tensor in tensors)))
        leaves = tree_leaves((args, kwargs, result))
        if any(isinstance(leaf, torch.Tensor) and leaf.device.type == "cpu" for leaf in leaves):
            self.from_host.append(name)
        return result

    @property
    def names(self) -> set[str]:
        """The names of the operators without their overloads."""
        return {name.partition(".")[0] for name, _ in self.calls}
