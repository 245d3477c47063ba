"""Attention modules whose modulation is kept, or replaced by another one."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnbench.networks.bottleneck import Bottleneck
from attnbench.networks.gates import Attention
from attnbench.networks.slots import Network

Modulation = Mapping[str, Tensor]  # see `Attention.modulation`; one row per image, or one row for all


class Intercepted(nn.Module):
    """Stands in for an attention module and computes the same, with a modulation that can be read and replaced."""

    def __init__(self, module: Attention) -> None:
        super().__init__()
        self.module = module
        self.modulation: Modulation = {}  # of the last input
        self.replacement: Modulation | None = None
        self.hidden: dict[Bottleneck, list[Tensor]] = {}  # outputs of the ReLUs for the last input, (n, ..., d)

    def forward(self, x: Tensor) -> Tensor:
        if self.replacement is None:
            self.hidden = {bottleneck: [] for bottleneck in self.hidden}
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
                undo.enter_context(_hidden_units_kept(modules[name]))
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
def _hidden_units_kept(module: Intercepted) -> Iterator[None]:
    with ExitStack() as undo:
        for bottleneck in module.modules():
            if isinstance(bottleneck, Bottleneck):
                module.hidden[bottleneck] = []
                undo.callback(_keep_output(bottleneck, module).remove)
        yield


def _keep_output(bottleneck: Bottleneck, module: Intercepted) -> RemovableHandle:
    relu = next(layer for layer in bottleneck if isinstance(layer, nn.ReLU))
    return relu.register_forward_hook(lambda _relu, _inputs, output: module.hidden[bottleneck].append(output))
