"""What layers of any network return for an image, checked to be maps."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from attnbench.errors import UserError
from attnbench.views.capture import evaluating


def layer_maps(network: nn.Module, layers: Mapping[str, nn.Module], x: Tensor) -> dict[str, list[Tensor]]:
    """Run a network once in eval mode on an image x (1, c, h, w); return the maps of each named layer by its calls.

    Raises:
        UserError: a layer is never called, as where its parent uses its weights directly, or it returns no maps.
    """
    outputs: dict[str, list[object]] = {name: [] for name in layers}
    handles = [
        layer.register_forward_hook(lambda _layer, _inputs, output, name=name: outputs[name].append(output))
        for name, layer in layers.items()
    ]
    try:
        with evaluating(network), torch.no_grad():
            network(x)
    finally:
        for handle in handles:
            handle.remove()
    return {name: _maps(name, returned) for name, returned in outputs.items()}


def _maps(name: str, outputs: list[object]) -> list[Tensor]:
    if not outputs:
        parent = name.rpartition(".")[0]
        other = f"; name another, such as {parent!r}, which it is a part of" if parent else ""
        raise UserError(f"layer {name!r} is never called when the network computes{other}")
    maps = []
    for output in outputs:
        if not isinstance(output, Tensor) or output.ndim != 4:
            kind = tuple(output.shape) if isinstance(output, Tensor) else f"a {type(output).__name__}"
            raise UserError(f"layer {name!r} returns {kind} for one image; name one that returns maps (n, c, h, w)")
        if len(output) != 1:
            raise UserError(
                f"layer {name!r} returns maps of {len(output)} images {tuple(output.shape)} for one, as where groups "
                "of channels become images; name the layer that contains it"
            )
        maps.append(output)
    return maps
