"""Checks of `controls` and `comparisons`: what variants are compared with in addition to the baseline."""

from collections.abc import Iterator
from typing import Any

from attnbench.study import attention
from attnbench.study.document import Location
from attnbench.study.findings import Finding, mapping, unknown
from attnbench.study.module_files import yaml_text
from attnbench.study.schema import Control, Variant

_SHARED = ("site", "stages", "blocks", "backbone", "start")  # which slots of which network are filled, and their start
_AROUND_POOL = ("before_pool", "after_pool")  # a positive factor for each channel passes through maximum pooling


def check(values: dict[str, Any]) -> Iterator[Finding]:
    """Find controls that are no variants, and variants that cannot be controls of their kind."""
    variants = mapping(values.get("variants"))
    for name, control in mapping(values.get("controls")).items():
        at, module = ("controls", name), mapping(variants.get(name)).get("attention")
        if name not in variants:
            yield at, unknown(str(name), "variant", [str(variant) for variant in variants])
        elif module == attention.NONE:
            yield at, f"{name} has no attention; name a variant that has, and {name} as its control"
        elif module in attention.NULL_CONTROLS:
            yield at, f"{name} is itself a null control; name the variants that it controls"
        if isinstance(control, dict) and not any(control.values()):
            kinds = ", ".join(f"`{kind}`" for kind in Control.model_fields)
            yield at, f"names no variant; name a control under {kinds}, as in `constant: constant_before_pool`"
        for kind, label in mapping(control).items():
            if label is None or kind not in Control.model_fields:  # the schema reports an unknown key
                continue
            if label not in map(str, variants):
                yield (*at, kind), unknown(label, "variant", [str(variant) for variant in variants])
            elif kind in attention.NULL_CONTROLS:
                yield from _null_control(label, kind, name, (*at, kind), variants)
            else:
                yield from _wider_network(label, (*at, kind), variants, values.get("baseline"))


def _null_control(label: str, kind: str, name: str, at: Location, variants: dict[str, Any]) -> Iterator[Finding]:
    """Find a null control of another kind, in other slots than the variant `name`, or with another start."""
    control, variant = mapping(variants.get(label)), mapping(variants.get(name))
    if control.get("attention") != kind:
        yield at, f"{label} has `attention: {control.get('attention')}`; name a variant with `attention: {kind}`"
        return
    for key in _SHARED:
        own, other = (values.get(key, Variant.model_fields[key].get_default()) for values in (control, variant))
        if variant and own != other and not (key == "site" and _passes_pool(control, own, other)):
            yield (
                at,
                f"{label} has `{key}: {yaml_text(own)}`, but {name} has `{key}: {yaml_text(other)}`; a null control "
                f"differs in its gates alone: name a variant with the same {', '.join(_SHARED[:-1])} and {_SHARED[-1]}",
            )


def _passes_pool(control: dict[str, Any], *sites: str) -> bool:
    """Tell whether the gates of a null control do the same on both sides of the pool, where these sites are."""
    over = mapping(control.get("options")).get("over", "channels")
    return set(sites) <= set(_AROUND_POOL) and (control.get("attention") == "constant" or over == "channels")


def check_comparisons(values: dict[str, Any]) -> Iterator[Finding]:
    """Find pairs whose variants do not exist or are the same, and pairs that are compared anyway."""
    variants, compared = mapping(values.get("variants")), set[frozenset[str]]()
    for name, control in mapping(values.get("controls")).items():
        compared |= {frozenset((str(name), str(label))) for label in mapping(control).values() if label is not None}
    comparisons = values.get("comparisons")
    for number, pair in enumerate(comparisons if isinstance(comparisons, list) else ()):
        at = ("comparisons", number)
        if not isinstance(pair, list) or len(pair) != 2:  # the schema reports it
            continue
        missing = [name for name in pair if name not in map(str, variants)]
        for name in missing:
            yield at, unknown(name, "variant", [str(variant) for variant in variants])
        if missing:
            continue
        if pair[0] == pair[1]:
            yield at, f"compares {pair[0]} with itself; name two variants"
        elif values.get("baseline") in pair:
            yield at, f"{' and '.join(pair)} are compared anyway, since one is the baseline; remove this pair"
        elif frozenset(pair) in compared:
            yield (
                at,
                f"{' and '.join(pair)} are compared already, under `controls` or an earlier pair; remove this pair",
            )
        compared.add(frozenset(pair))


def _wider_network(label: str, at: Location, variants: dict[str, Any], baseline: Any) -> Iterator[Finding]:
    """Find a control of equal cost that is not a wider network without attention."""
    control = mapping(variants.get(label))
    if label == baseline:
        yield at, f"{label} is the baseline, which every variant is compared with anyway; name a wider one"
    elif control.get("attention") != attention.NONE or not control.get("backbone"):
        yield (
            at,
            f"{label} is not a wider network without attention; it needs `attention: {attention.NONE}` and options of "
            "the backbone that differ, as in `backbone: {width: 40}`",
        )
