"""Attention modules for a user's network: one module by name, or one after each of several layers."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from attnbench import networks
from attnbench.errors import UserError, did_you_mean, first_few, listed, shortened
from attnbench.networks import probe
from attnbench.networks.gates import Attention
from attnbench.study import attention as module_names
from attnbench.study import check_modules, module_files
from attnbench.study.options import Size
from attnbench.study.schema import OptionValue
from attnbench.use.layer_outputs import layer_maps

_DEFAULT_SIDE = 224  # pixels of the image that `insert` passes through a network
_MOST_NAMES = 12  # listed in a message


class Attended(nn.Sequential):
    """A layer and the attention module after it; unlike another Sequential, it takes all inputs of its layer."""

    def __init__(self, layer: nn.Module, module: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.attention = module

    def forward(self, *inputs: object, **named: object) -> Tensor:
        maps: Tensor = self.attention(self.layer(*inputs, **named))  # (n, c, h, w)
        return maps


def attention(name: str, channels: int, *, size: Size | None = None, **options: OptionValue) -> Attention:
    """Return the attention module `name` for feature maps (n, channels, h, w), which keeps their shape.

    Options are those of a params.yaml, checked by the same rules: `attnbench modules NAME` lists them. `name` may be a
    user's `package.module`. `size` (h, w) is for the modules that are built for one size of maps; others ignore it.
    Weights start as in a study, drawn from torch's global generator.

        attention("cbam", channels=64, reduction=8)

    Raises:
        UserError: there is no such module, it has no such option, a value is not allowed, or `size` is missing.
    """
    values = {"variants": {name: {"attention": name, "options": options}}}
    problems = [f"{location[-1]}: {text}" for location, text in check_modules.check(values)]
    if name == module_names.NONE:
        problems = [f"attention: {name!r} is the network without attention; allowed: {listed(module_names.names())}"]
    if not problems and (type(channels) is not int or channels < 1):
        problems = [f"channels: given {shortened(repr(channels))}; must be an integer, at least 1"]
    if not problems and size is None and module_files.needs_size(module_names.path(name)):
        problems = ["size: the module is built for one size of feature maps; add `size=(height, width)`"]
    if problems:
        raise UserError(f"attention({name!r}): {'; '.join(problems)}")
    module: Attention = networks.build_attention(name, channels, size or (1, 1), options)
    return module


def insert(
    network: nn.Module,
    layers: str | Sequence[str],
    name: str,
    *,
    image_shape: tuple[int, int, int] | None = None,
    **options: OptionValue,
) -> dict[str, Attention]:
    """Put an attention module after layers of any network, and return the modules by the names of these layers.

    `layers` are names as in `network.named_modules()`; `*` stands for any part between two dots. Each layer is replaced
    by `Attended(layer, attention)`, a Sequential of both, so load pretrained weights before. Channels and size of the
    maps are read from one image of `image_shape` (c, h, w), by default 224 x 224, that passes through the network in
    eval mode.

        insert(resnet50(weights="DEFAULT"), "layer3.*", "se")            after every block of a stage
        insert(network, ["layer3.0.bn3", "layer4.0.bn3"], "cbam", reduction=8)

    Raises:
        UserError: no layer has that name, the output of one is no map (n, c, h, w), the network does not take such an
            image, or computes without a layer that is replaced, or the module is refused, as by `attention` or by the
            probe before training. The network stays as it was.
    """
    shape = image_shape or (_channels_in(network), _DEFAULT_SIDE, _DEFAULT_SIDE)
    paths = _paths(network, [layers] if isinstance(layers, str) else layers)
    modules: dict[str, Attention] = {}
    for path, output in _outputs(network, paths, shape).items():
        channels, size = output.shape[1], (output.shape[2], output.shape[3])
        module = attention(name, channels, size=size, **options)
        probe.check(module, channels, size, file=module_names.path(name), slot=path)
        modules[path] = module.to(output).train(network.training)
    replaced = {path: network.get_submodule(path) for path in modules}
    for path, module in reversed(modules.items()):  # a layer after its own parts, whose names it changes
        pair = Attended(replaced[path], module)
        pair.training = network.training  # alone: the layer may be frozen
        network.set_submodule(path, pair)
    try:
        layer_maps(network, modules, _image(network, shape))
    except Exception as error:
        for path, layer in replaced.items():
            network.set_submodule(path, layer)
        raise UserError(
            f"{type(network).__name__} does not compute with modules after {listed(list(modules))}: "
            f"{shortened(' '.join(str(error).split()), 200)}. It may hold such a layer under a second name, or read "
            "its attributes; name the layer that contains it, or the one after it"
        ) from error
    return modules


def _image(network: nn.Module, shape: tuple[int, int, int]) -> Tensor:
    """Return an image of zeros (1, c, h, w), where the network is."""
    parameter = next(network.parameters(), torch.zeros(()))
    return torch.zeros((1, *shape), device=parameter.device, dtype=parameter.dtype)


def _paths(network: nn.Module, patterns: Sequence[str]) -> list[str]:
    """Return the names of the layers that the patterns match, in the order of the network.

    Raises:
        UserError: a pattern matches none, or there is no pattern.
    """
    if not patterns:
        raise UserError("no layer is named; give names as in `network.named_modules()`")
    names = [name for name, _ in network.named_modules() if name]
    matched: set[str] = set()
    for pattern in patterns:
        matches = {name for name in names if _matches(name, pattern)}
        if not matches:
            near = did_you_mean(pattern, [_as_in(pattern, name) for name in names])
            raise UserError(f"the network has no layer {pattern!r}{near}; {_children(network, pattern)}")
        matched |= matches
    return [name for name in names if name in matched]


def _as_in(pattern: str, name: str) -> str:
    """Return a name with `*` where a pattern of as many parts has it: what the pattern may have been meant to be."""
    parts, patterns = name.split("."), pattern.split(".")
    if len(parts) != len(patterns):
        return name
    return ".".join("*" if wanted == "*" else part for part, wanted in zip(parts, patterns, strict=True))


def _matches(name: str, pattern: str) -> bool:
    parts, patterns = name.split("."), pattern.split(".")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def _children(network: nn.Module, pattern: str) -> str:
    """Return a sentence with the layers on the deepest level of a pattern that exists."""
    names = dict(network.named_modules())
    parent = pattern.rpartition(".")[0]
    while parent not in names:  # the network itself has the name ""
        parent = parent.rpartition(".")[0]
    children = [name for name, _ in names[parent].named_children()]
    return f"{parent or 'it'} has {first_few(list(map(repr, children)), _MOST_NAMES) or 'no layers'}"


def _channels_in(network: nn.Module) -> int:
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            return layer.in_channels
    raise UserError(
        f"{type(network).__name__} has no Conv2d whose input could be an image; add `image_shape=(c, h, w)`"
    )


def _outputs(network: nn.Module, paths: Sequence[str], shape: tuple[int, int, int]) -> dict[str, Tensor]:
    """Return the maps (1, c, h, w) after each layer for an image of zeros.

    Raises:
        UserError: a layer returns none, or runs not once, or the network does not take the image.
    """
    try:
        maps = layer_maps(network, {path: network.get_submodule(path) for path in paths}, _image(network, shape))
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"{type(network).__name__} does not take an image (1, {', '.join(map(str, shape))}): "
            f"{shortened(' '.join(str(error).split()), 200)}; add `image_shape=(c, h, w)` of its images"
        ) from error
    for path, outputs in maps.items():
        if len(outputs) > 1:
            raise UserError(
                f"layer {path!r} runs {len(outputs)} times for an image; a module goes after one that runs once"
            )
    return {path: outputs[0] for path, outputs in maps.items()}
