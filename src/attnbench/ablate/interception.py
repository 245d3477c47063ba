"""Attention modules whose modulation is kept, or replaced by another one."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from torch import Tensor, nn

from attnbench.networks.gates import Attention
from attnbench.networks.slots import Network

Modulation = Mapping[str, Tensor]  # see `Attention.modulation`; one row per image, or one row for all
# by ReLU and its number d of units, since one ReLU may follow several layers: whether each is on, bool (n, d)
ActiveUnits = dict[tuple[nn.ReLU, int], Tensor]


class Intercepted(nn.Module):
    """Stands in for an attention module and computes the same, with a modulation that can be read and replaced."""

    def __init__(self, module: Attention) -> None:
        super().__init__()
        self.module = module
        self.modulation: Modulation = {}  # of the last input
        self.replacement: Modulation | None = None
        self.active: ActiveUnits = {}  # for the last input

    def forward(self, x: Tensor) -> Tensor:
        if self.replacement is None:
            with _active_units(self.module, len(x)) as self.active:
                self.modulation = self.module.modulation(x)
            return self.module.modulate(x, self.modulation)
        rows = {name: tensor.expand(len(x), *tensor.shape[1:]) for name, tensor in self.replacement.items()}
        return self.module.modulate(x, rows)


@contextmanager
def intercepted(network: Network) -> Iterator[dict[str, Intercepted]]:
    """Put an `Intercepted` into each slot that has a module, and yield them by slot; afterwards take them out again."""
    with ExitStack() as undo:
        modules: dict[str, Intercepted] = {}
        for name, slot in network.slots().items():
            if isinstance(slot.module, Attention):
                undo.callback(slot.fill, slot.module)
                modules[name] = Intercepted(slot.module).train(network.training)
                slot.fill(modules[name])
        yield modules


@contextmanager
def replaced(modules: Mapping[str, Intercepted], modulations: Mapping[str, Modulation]) -> Iterator[None]:
    """Let every module act on its input with the modulation of its slot, instead of computing one from the input."""
    for name, module in modules.items():
        module.replacement = modulations[name]
    try:
        yield
    finally:
        for module in modules.values():
            module.replacement = None


@contextmanager
def _active_units(module: Attention, n: int) -> Iterator[ActiveUnits]:
    """Yield what the hidden units of the module do for the n images that it sees meanwhile.

    They are those of the ReLUs in its stacks of layers; a ReLU outside a stack is the activation of a gate.
    """
    active: ActiveUnits = {}

    def keep(relu: nn.ReLU, output: Tensor, dim: int) -> None:
        units = output.movedim(dim, -1)  # (n, ..., d), or the images and their positions in one dimension
        d = units.shape[-1]
        rows = (units > 0).reshape(min(n, len(units)), -1, d).any(1)  # (n, d); (1, d) if it does not see the images
        active[relu, d] = rows | active.get((relu, d), rows)

    with ExitStack() as undo:
        for stack in module.modules():
            if isinstance(stack, nn.Sequential):
                dim = -1 if any(isinstance(layer, nn.Linear) for layer in stack) else 1
                for layer in stack:
                    if isinstance(layer, nn.ReLU):
                        hook = layer.register_forward_hook(lambda relu, _, output, dim=dim: keep(relu, output, dim))
                        undo.callback(hook.remove)
        yield active
