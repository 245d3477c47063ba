"""What one forward pass of one image costs, counted operator by operator in the traced network.

fvcore traces the network and applies the rules of `attnbench.cost.rules`. An operator without a rule is an error that
names the operator and the module that contains it: an incomplete count is worse than none.
"""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from attnbench import networks
from attnbench.cost import handles, memory, rules
from attnbench.cost.tracer import FlopCountAnalysis
from attnbench.errors import UserError
from attnbench.networks.slots import Network


@dataclass(frozen=True)
class Counts:
    """Counts for one image: `attention_*` of the modules in filled slots, all others of the whole network."""

    parameters: int
    attention_parameters: int
    macs: int
    attention_macs: int
    pooling_operations: int
    elementwise_operations: int
    activation_bytes: int  # see attnbench.cost.memory
    attention_modules: dict[str, int]  # slot -> parameters


def count(network: Network, image_shape: tuple[int, int, int]) -> Counts:
    """Count one forward pass of one image (c, h, w) in eval mode.

    Works on a copy on the CPU and leaves the network and all random streams as they are.

    Raises:
        UserError: an operator has no counting rule, or a module in a slot was never called as a module.
    """
    with torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.enable_grad():
        # With gradients on, torch's own modules take the path of training, not a fused one for inference.
        duplicate = copy.deepcopy(network).cpu().float().eval()
        analysis = _analysis(duplicate, image_shape)
        activation_bytes = memory.activation_bytes(duplicate, image_shape)
    by_module: dict[str, dict[str, int]] = analysis.by_module_and_operator()
    _refuse_uncounted(analysis, by_module)
    filled = networks.attention_modules(duplicate)
    _refuse_unseen(analysis, filled, duplicate)
    attention = {
        _path(duplicate, module, analysis): module for module in filled.values()
    }  # a shared module counts once
    return Counts(
        parameters=networks.parameter_count(network),
        attention_parameters=sum(networks.parameter_count(module) for module in attention.values()),
        macs=by_module[""].get(handles.MACS, 0),
        attention_macs=sum(by_module[path].get(handles.MACS, 0) for path in attention),
        pooling_operations=by_module[""].get(handles.POOLING, 0),
        elementwise_operations=by_module[""].get(handles.ELEMENTWISE, 0),
        activation_bytes=activation_bytes,
        attention_modules={slot: networks.parameter_count(module) for slot, module in filled.items()},
    )


def _analysis(network: nn.Module, image_shape: tuple[int, int, int]) -> Any:
    """Return fvcore's finished analysis of the network, with our rules instead of its own and without its warnings."""
    image = torch.zeros(1, *image_shape)
    analysis = FlopCountAnalysis(network, image).clear_op_handles().set_op_handle(**rules.all_handles())
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    analysis.total()
    return analysis


def _path(network: nn.Module, module: nn.Module, analysis: Any) -> str:
    """Return the name under which fvcore keeps a module's counts."""
    path = next(name for name, candidate in network.named_modules() if candidate is module)
    return str(analysis.canonical_module_name(path))


def _refuse_uncounted(analysis: Any, by_module: dict[str, dict[str, int]]) -> None:
    """Raise if any operator has no rule; the message names each with the innermost modules that contain it."""
    modules: dict[str, list[str]] = {}  # operator -> paths
    for path in sorted(by_module, key=_depth, reverse=True):  # innermost first
        marks = {name.removeprefix(rules.UNCOUNTED) for name in by_module[path] if name.startswith(rules.UNCOUNTED)}
        for operator in marks | set(analysis.unsupported_ops(path)):
            paths = modules.setdefault(operator, [])
            if not any(inner.startswith(f"{path}." if path else "") for inner in paths):
                paths.append(path)
    if modules:
        listed = "; ".join(
            f"{operator} in {', '.join(path or 'the network itself' for path in sorted(paths))}"
            for operator, paths in sorted(modules.items())
        )
        raise UserError(
            f"no counting rule for {listed}. A cost without it would be wrong: add a rule to "
            "src/attnbench/cost/handles.py, or write the module with operators that have one"
        )


def _depth(path: str) -> int:
    return path.count(".") + 1 if path else 0


def _refuse_unseen(analysis: Any, filled: dict[str, nn.Module], network: nn.Module) -> None:
    """Raise if a module in a slot has parameters but was not called: its cost would be counted as the backbone's."""
    uncalled = analysis.uncalled_modules()
    for slot, module in filled.items():
        path = _path(network, module, analysis)
        if path in uncalled and networks.parameter_count(module):
            raise UserError(
                f"the {type(module).__name__} in slot {slot} was never called as a module, so its cost cannot be "
                f"separated from the backbone's; the backbone has to call `self.{path}(x)`, not its `forward` or "
                "another method"
            )
