"""Grad-CAM of any number of layers, by one pass through the network and back."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def grad_cam(network: nn.Module, layers: Mapping[str, nn.Module], x: Tensor, classes: Tensor) -> dict[str, Tensor]:
    """Return the Grad-CAM of each layer (n, h, w), float32, for the logit of one class (n,) per image.

        a_k = mean over positions of d logit / d A_k,    map = ReLU(sum_k a_k A_k)        A: output (n, k, h, w)

    Neither the network nor the gradients of its parameters change. Of a layer that runs several times, the last output
    counts.

    Source: Selvaraju et al., arXiv:1610.02391, equations 1 and 2.
    """
    outputs: dict[str, Tensor] = {}

    def keep(name: str, output: Tensor) -> Tensor:
        outputs[name] = output
        return output.clone()  # for the layers after it, which may work in place

    handles = [
        layer.register_forward_hook(lambda _module, _args, output, name=name: keep(name, output))
        for name, layer in layers.items()
    ]
    try:
        with torch.enable_grad():
            logits = network(x.detach().requires_grad_())  # (n, classes)
            own = logits.gather(1, classes[:, None]).sum()  # an image's logit depends on that image alone
            gradients = torch.autograd.grad(own, [outputs[name] for name in layers])
    finally:
        for handle in handles:
            handle.remove()
    return {
        name: (gradient.mean((2, 3), keepdim=True) * outputs[name].detach()).sum(1).relu()
        for name, gradient in zip(layers, gradients, strict=True)
    }
