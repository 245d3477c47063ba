"""Checks of the backbone and of the slots that variants select in it."""

from collections.abc import Iterator
from typing import Any

from attnbench.errors import listed
from attnbench.study import attention, backbones, disabled_options
from attnbench.study.document import Location
from attnbench.study.findings import Finding, mapping, misplaced, options, repeated, unknown
from attnbench.study.paths import relative_to_cwd
from attnbench.study.schema import Backbone
from attnbench.study.selection import select


def check(values: dict[str, Any]) -> Iterator[Finding]:
    """Find a backbone, options, sites, stages and blocks that do not exist."""
    backbone = mapping(values.get("backbone"))
    name, at = backbone.get("name"), ("backbone",)
    if "name" not in backbone:
        return
    if name not in backbones.names():
        yield (*at, "name"), unknown(name, "backbone", backbones.names())
        return
    yield from misplaced(backbone, at, Backbone.model_fields, name, backbones.options(name))
    common = mapping(backbone.get("options"))
    yield from _options(common, (*at, "options"), name)
    for label, variant in mapping(values.get("variants")).items():
        yield from _variant(mapping(variant), ("variants", label), name, common)


def _variant(variant: dict[str, Any], at: Location, backbone: str, common: dict[str, Any]) -> Iterator[Finding]:
    """Find problems of one variant; `common` are the options of the study's backbone."""
    own = mapping(variant.get("backbone"))
    yield from _options(own, (*at, "backbone"), backbone)
    yield from _disabled(own, (*at, "backbone"), backbone, common)
    name = variant.get("attention")
    if name == attention.NONE or not isinstance(name, str) or ("." not in name and name not in attention.names()):
        return  # without a known module there are no slots to check
    yield from _site(variant.get("site"), (*at, "site"), backbone)
    try:
        blocks = backbones.blocks(backbone, common | own, variant.get("site"))
    except (KeyError, TypeError):  # a depth that does not exist, reported above
        return
    after = " followed by another" if variant.get("site") == backbones.BETWEEN else ""
    numbers = variant.get("stages")
    yield from _numbers(numbers, (*at, "stages"), len(blocks), f"{backbone} has stages {{}}{after}")
    stages = select(numbers if isinstance(numbers, str | list) else "all", range(1, len(blocks) + 1))
    chosen = [blocks[stage - 1] for stage in stages] or blocks
    subject = f"stages {numbers} of {backbone} have" if isinstance(numbers, list) else f"{backbone} has"
    yield from _numbers(variant.get("blocks"), (*at, "blocks"), max(chosen), f"{subject} blocks {{}}")


def _options(values: dict[str, Any], at: Location, backbone: str) -> Iterator[Finding]:
    yield from options(values, at, backbone, backbones.options(backbone), relative_to_cwd(backbones.path(backbone)))


def _disabled(own: dict[str, Any], at: Location, backbone: str, common: dict[str, Any]) -> Iterator[Finding]:
    """Find disabled options; report them at the variant if its own options cause it, else at the study's backbone."""
    allowed, rules = backbones.options(backbone), disabled_options.BACKBONES.get(backbone, {})
    for option, other, text in disabled_options.find(rules, common | own, allowed):
        if option in own or other not in own:
            yield (*(at if option in own else ("backbone", "options")), option), f"{text}; remove it"
        else:
            yield (*at, other), f"`{option}` of the study's backbone: {text}; move it to the variants that it is for"


def _site(site: Any, at: Location, backbone: str) -> Iterator[Finding]:
    sites = list(backbones.sites(backbone))
    if site is None:
        yield at, f"missing; add `site: {sites[0]}`; allowed for {backbone}: {listed(sites)}"
    elif site not in sites:
        yield at, unknown(site, f"site of {backbone}", sites)


def _numbers(values: Any, at: Location, count: int, sentence: str) -> Iterator[Finding]:
    """Find numbers outside 1 to `count`; `sentence` has a placeholder for that range."""
    text = sentence.format(f"1 to {count}" if count > 1 else "only 1")
    if values == []:
        yield at, f"given []; {text}: name one, or write `attention: {attention.NONE}` alone"
    for index, number in enumerate(values if isinstance(values, list) else []):
        if type(number) is int and not 1 <= number <= count:
            yield (*at, index), f"given {number}; {text}"
    yield from repeated(values, at)
