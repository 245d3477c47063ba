"""From a backbone and a variant to a network: attention goes into the slots that the variant names."""

from torch import nn

from attnbench import attention, backbones, seeding
from attnbench.attention import _probe
from attnbench.attention._start import FromIdentity
from attnbench.backbones._contract import Network, Slot
from attnbench.config.schema import Backbone, Variant
from attnbench.errors import UserError
from attnbench.packages import blamed


def build(
    backbone: Backbone, variant: Variant, *, classes: int, image_shape: tuple[int, int, int], seed: int
) -> Network:
    """Return the network of a variant, initialised from `seed`, for images (c, h, w).

    The backbone's weights come from one random stream and those of each slot from another of its own, so all variants
    of a seed share the backbone's, and a slot starts the same whatever other slots are filled. Expects a variant
    that `attnbench.study` has checked.

    Raises:
        UserError: a module breaks its contract, or the variant's site, stages and blocks leave no slot.
    """
    options = backbone.options | variant.backbone
    with seeding.global_stream(seed, "backbone"):
        network: Network = backbones.load(backbone.name).build(classes, image_shape, **options)
    if variant.attention != attention.NONE:
        slots = chosen(network, variant)
        if not slots:
            raise UserError(
                f"no slot of {backbone.name} is at site {variant.site!r} in stages {variant.stages} and blocks "
                f"{variant.blocks}; there are: {', '.join(network.places())}"
            )
        for name, slot in slots.items():
            with seeding.global_stream(seed, f"attention/{name}"):
                slot.fill(_module(variant, slot, name))
    return network


def _module(variant: Variant, slot: Slot, name: str) -> nn.Module:
    file = attention.path(variant.attention)
    with blamed(file, f"build({slot.channels}, ...) for slot {name} fails"):
        module = attention.build(variant.attention, slot.channels, slot.size, variant.options)
    checked = _probe.check(module, slot.channels, slot.size, file=file, slot=name)
    return FromIdentity(checked) if variant.start == "identity" else checked


def chosen(network: Network, variant: Variant) -> dict[str, Slot]:
    """Return the slots of the network that a variant fills."""
    places = {name: slot for name, slot in network.places().items() if slot.site == variant.site}
    stages = backbones.numbers(variant.stages, {slot.stage for slot in places.values()})
    blocks = {
        stage: backbones.numbers(variant.blocks, {slot.block for slot in places.values() if slot.stage == stage})
        for stage in stages
    }
    return {name: slot for name, slot in places.items() if slot.block in blocks.get(slot.stage, ())}


def attention_modules(network: Network) -> dict[str, nn.Module]:
    """Return the filled slots of a network: name and attention module."""
    return {name: module for name, module in network.slots().items() if not isinstance(module, nn.Identity)}
