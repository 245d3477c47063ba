"""From a variant of a study to a network: the backbone is built and attention modules fill its slots."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from torch import nn

from attnbench.errors import UserError
from attnbench.networks import probe, seeding
from attnbench.networks.gates import Attention
from attnbench.networks.identity_start import FromIdentity
from attnbench.networks.slots import Network, Slot
from attnbench.study import attention, backbones, module_files
from attnbench.study.options import Size
from attnbench.study.packages import blamed
from attnbench.study.schema import Study, Variant
from attnbench.study.selection import select


class ImageSet(Protocol):
    """The properties of a data set that determine the shape of a network."""

    @property
    def classes(self) -> Sequence[str]:
        """The names of the classes."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""


def build(study: Study, variant: str, images: ImageSet, seed: int) -> Network:
    """Return the network of a variant of the study, initialised from `seed`, for these images.

    The backbone's weights use one random stream and each slot uses another. So all variants of a seed share the weights
    of the backbone, and the weights in a slot do not depend on which other slots are filled. `study` must come from
    `attnbench.study.load`, which has checked it.

    Raises:
        UserError: a module breaks its contract, or the variant's site, stages and blocks select no slot.
    """
    settings = study.variants[variant]
    with seeding.global_stream(seed, "backbone"):
        network = build_backbone(
            study.backbone.name, len(images.classes), images.image_shape, study.backbone.options | settings.backbone
        )
    if settings.attention == attention.NONE:
        return network
    slots = _selected_slots(network, settings)
    if not slots:
        raise UserError(
            f"no slot of {study.backbone.name} is at site {settings.site!r} in stages {settings.stages} and blocks "
            f"{settings.blocks}; its slots: {', '.join(network.slots())}"
        )
    for name, slot in slots.items():
        with seeding.global_stream(seed, f"attention/{name}"):
            slot.fill(_checked_module(settings, slot, name))
    return network


def build_backbone(
    name: str, classes: int, image_shape: tuple[int, int, int], options: Mapping[str, Any] | None = None
) -> Network:
    """Return the backbone `name` with empty slots, for images of `image_shape` (c, h, w)."""
    backbone = _class_of(f"attnbench.networks.backbones.{name}", backbones.path(name))
    network: Network = backbone(classes, image_shape, **(options or {}))
    return network


def build_attention(name: str, channels: int, size: Size, options: Mapping[str, Any] | None = None) -> Any:
    """Return the attention module `name` for feature maps of `channels` and `size`.

    Raises:
        UserError: the file of a user's module cannot be imported.
    """
    path = attention.path(name)
    dotted = name if "." in name else f"attnbench.networks.attention.{name}"
    with blamed(path, "cannot be imported"):
        module = _class_of(dotted, path)
    from_slot = {module_files.SIZE: size} if module_files.needs_size(path) else {}
    return module(channels, **from_slot, **(options or {}))


def attention_modules(network: Network) -> dict[str, nn.Module]:
    """Return the attention modules of a network by the names of their slots, without empty slots."""
    return {name: slot.module for name, slot in network.slots().items() if not isinstance(slot.module, nn.Identity)}


def parameter_count(module: nn.Module) -> int:
    """Return the number of parameters of a module or a network, trainable or not; shared ones count once."""
    return sum(parameter.numel() for parameter in module.parameters())


def _selected_slots(network: Network, variant: Variant) -> dict[str, Slot]:
    """Return by name the slots of the network that a variant selects."""
    slots = {name: slot for name, slot in network.slots().items() if slot.site == variant.site}
    stages = select(variant.stages, {slot.stage for slot in slots.values()})
    blocks = {
        stage: select(variant.blocks, {slot.block for slot in slots.values() if slot.stage == stage})
        for stage in stages
    }
    return {name: slot for name, slot in slots.items() if slot.block in blocks.get(slot.stage, ())}


def _class_of(dotted: str, path: Path) -> Any:
    return getattr(import_module(dotted), module_files.class_name(path))


def _checked_module(variant: Variant, slot: Slot, name: str) -> Attention:
    file = attention.path(variant.attention)
    with blamed(file, f"{variant.attention} for slot {name} ({slot.channels} channels) cannot be built"):
        module = build_attention(variant.attention, slot.channels, slot.size, variant.options)
    checked = probe.check(module, slot.channels, slot.size, file=file, slot=name)
    return FromIdentity(checked) if variant.start == "identity" else checked
