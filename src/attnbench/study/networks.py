"""Checks of the backbone and of the slots that the variants name in it."""

from collections.abc import Iterator
from typing import Any

from attnbench import attention, backbones
from attnbench.config.document import Location
from attnbench.errors import listed
from attnbench.paths import shown
from attnbench.study._findings import Finding, mapping, options, repeated, unknown


def check(values: dict[str, Any]) -> Iterator[Finding]:
    """Find a backbone, options, sites, stages and blocks that do not exist."""
    backbone = mapping(values.get("backbone"))
    name, at = backbone.get("name"), ("backbone",)
    if not isinstance(name, str):
        return
    if name not in backbones.names():
        yield (*at, "name"), unknown(name, "backbone", backbones.names())
        return
    common = mapping(backbone.get("options"))
    yield from _options(common, (*at, "options"), name)
    for label, variant in mapping(values.get("variants")).items():
        yield from _variant(mapping(variant), ("variants", label), name, common)


def _variant(variant: dict[str, Any], at: Location, backbone: str, common: dict[str, Any]) -> Iterator[Finding]:
    own = mapping(variant.get("backbone"))
    yield from _options(own, (*at, "backbone"), backbone)
    if not isinstance(variant.get("attention"), str) or variant["attention"] == attention.NONE:
        return
    yield from _site(variant.get("site"), (*at, "site"), backbone)
    try:
        blocks = backbones.blocks(backbone, common | own, variant.get("site"))
    except (KeyError, TypeError):  # a depth that does not exist, told above
        return
    between = variant.get("site") == backbones.BETWEEN
    stages = f"{backbone} has {'with another behind them ' if between else ''}stages"
    yield from _numbers(variant.get("stages"), (*at, "stages"), len(blocks), stages)
    yield from _numbers(variant.get("blocks"), (*at, "blocks"), max(blocks), f"{backbone} has blocks")


def _options(given: dict[str, Any], at: Location, backbone: str) -> Iterator[Finding]:
    yield from options(given, at, backbone, backbones.options(backbone), shown(backbones.path(backbone)))


def _site(site: Any, at: Location, backbone: str) -> Iterator[Finding]:
    sites = list(backbones.sites(backbone))
    if site is None:
        yield at, f"missing; add `site: {sites[0]}`; allowed for {backbone}: {listed(sites)}"
    elif isinstance(site, str) and site not in sites:
        yield at, unknown(site, f"site of {backbone}", sites)


def _numbers(given: Any, at: Location, count: int, there_are: str) -> Iterator[Finding]:
    numbers = f"1 to {count}" if count > 1 else "1 alone"
    if given == []:
        yield at, f"given []; {there_are} {numbers}: name one, or write `attention: {attention.NONE}` alone"
    for index, number in enumerate(given if isinstance(given, list) else []):
        if isinstance(number, int) and number > count:
            yield (*at, index), f"given {number}; {there_are} {numbers}"
    yield from repeated(given, at)
