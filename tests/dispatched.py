"""The operators that torch dispatches: `from dispatched import Recording`."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

Call = tuple[str, tuple[tuple[int, ...], ...]]  # aten name with overload, and the shapes of its tensors


class Recording(TorchDispatchMode):
    """Notes every operator inside the context, in order, but those that only make a view or reserve memory."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        name = str(func).removeprefix("aten.")
        if not (func.is_view or name.startswith(("empty", "new_empty", "detach", "_unsafe_view", "profiler"))):
            tensors = (leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor))
            self.calls.append((name, tuple(tuple(tensor.shape) for tensor in tensors)))
        return result

    @property
    def names(self) -> set[str]:
        """Return the names of the operators without their overloads."""
        return {name.partition(".")[0] for name, _ in self.calls}
