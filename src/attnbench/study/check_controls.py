"""Checks of `controls`: what a variant with attention is compared with in addition to the baseline."""

from collections.abc import Iterator
from typing import Any

from attnbench.study import attention
from attnbench.study.document import Location
from attnbench.study.findings import Finding, mapping, unknown
from attnbench.study.module_files import yaml_text
from attnbench.study.schema import Control, Variant

_SHARED = ("site", "stages", "blocks", "backbone", "start")  # which slots of which network are filled, and their start


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
            kinds = "`constant`, `static`, `parameters` or `latency`"
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
        if variant and own != other:
            yield (
                at,
                f"{label} has `{key}: {yaml_text(own)}`, but {name} has `{key}: {yaml_text(other)}`; a null control "
                f"differs in its gates alone: name a variant with the same {', '.join(_SHARED[:-1])} and {_SHARED[-1]}",
            )


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
