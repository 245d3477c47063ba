"""Grad-CAM, computed by captum."""

from captum.attr import LayerGradCam
from torch import Tensor, nn


def grad_cam(network: nn.Module, layer: nn.Module, x: Tensor, classes: Tensor) -> Tensor:
    """Return the Grad-CAM of `layer` (n, h, w), float32, for the logit of one class (n,) per image.

        a_k = mean over positions of d logit / d A_k,    map = ReLU(sum_k a_k A_k)        A: output (n, k, h, w)

    Source: Selvaraju et al., arXiv:1610.02391, equations 1 and 2, with the paper's ReLU, which captum applies only
    on request. Neither the network nor the gradients of its parameters change.
    """
    maps: Tensor = LayerGradCam(network, layer).attribute(x, target=classes, relu_attributions=True)  # (n, 1, h, w)
    return maps.detach().squeeze(1)
