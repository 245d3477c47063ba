"""From a backbone and a variant to a network: attention goes into the slots that the variant names."""

from collections.abc import Iterable

from torch import nn

from attnbench import attention, backbones, seeding
from attnbench.backbones._contract import Network, Slot
from attnbench.config.schema import Backbone, Variant


def build(
    backbone: Backbone, variant: Variant, *, classes: int, image_shape: tuple[int, int, int], seed: int
) -> Network:
    """Return the network of a variant, initialised from `seed`.

    The backbone's weights come from one random stream and those of each slot from another of its own, so all variants
    of a seed share the backbone's, and a slot starts the same whatever other slots are filled. Expects a variant
    that `attnbench.study` has checked.
    """
    with seeding.global_stream(seed, "backbone"):
        network: Network = backbones.load(backbone.name).build(classes, image_shape, **backbone.options)
    if variant.attention != attention.NONE:
        family = attention.load(variant.attention)
        for name, slot in chosen(network, variant).items():
            with seeding.global_stream(seed, f"attention/{name}"):
                slot.fill(family.build(slot.channels, **variant.options))
    return network


def chosen(network: Network, variant: Variant) -> dict[str, Slot]:
    """Return the slots of the network that a variant fills."""
    places = network.places()
    stages = chosen_stages(variant.stages, {slot.stage for slot in places.values()})
    return {name: slot for name, slot in places.items() if slot.site == variant.site and slot.stage in stages}


def chosen_stages(stages: str | list[int], numbers: Iterable[int]) -> set[int]:
    """Return the numbers of the stages that `all`, `first`, `last` or a list of numbers means."""
    match stages:
        case "all":
            return set(numbers)
        case "first":
            return {min(numbers)}
        case "last":
            return {max(numbers)}
        case _:
            return {int(stage) for stage in stages}


def attention_modules(network: Network) -> dict[str, nn.Module]:
    """Return the filled slots of a network: name and attention module."""
    return {name: module for name, module in network.slots().items() if not isinstance(module, nn.Identity)}
