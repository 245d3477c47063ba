"""What the Method section says about networks, modules and variants, from params.yaml and their file headers."""

import pandas as pd

from attnbench.report import formatting
from attnbench.study import Study, attention, backbones, module_files
from attnbench.study.module_files import Option
from attnbench.study.schema import OptionValue, Variant

# columns that are omitted where no variant sets them, with the values that set nothing
_UNSET = {"Blocks": ("all", None), "Start": ("paper", None), "Network": (None,)}


def option_values(options: dict[str, Option], values: dict[str, OptionValue]) -> str:
    """Return every option with its value: that of params.yaml, otherwise the default."""
    return ", ".join(f"{name}: {_written(values.get(name, option.default))}" for name, option in options.items())


def _written(value: object) -> str:
    """Return a value as params.yaml writes it, and a number as the rest of the report writes it."""
    return formatting.setting(value) if isinstance(value, float) else module_files.yaml_text(value)


def backbone(study: Study) -> dict[str, str]:
    """Return the headline of the backbone's file, and its options."""
    name = study.backbone.name
    return {
        "headline": module_files.headline(backbones.path(name)),
        "options": option_values(backbones.options(name), study.backbone.options),
    }


def modules(study: Study) -> dict[str, str]:
    """Return attention module -> headline of its file, for those that the study uses, in its order."""
    names = [variant.attention for variant in study.variants.values() if variant.attention != attention.NONE]
    return {name: module_files.headline(attention.path(name)) for name in names}


def papers(study: Study) -> dict[str, str]:
    """Return attention module or backbone -> its paper; a paper of several modules only for the first."""
    named = {name: attention.paper(name) for name in modules(study)}
    named[study.backbone.name] = backbones.paper(study.backbone.name)
    first = {paper: name for name, paper in reversed(named.items())}
    return {name: paper for name, paper in named.items() if first[paper] == name}


def kinds(study: Study) -> dict[str, str]:
    """Return variant -> `baseline`, `null control`, `no attention` or `attention`."""
    names = {attention.NONE: "no attention", **dict.fromkeys(attention.NULL_CONTROLS, "null control")}
    kinds = {name: names.get(variant.attention, "attention") for name, variant in study.variants.items()}
    return kinds | {study.baseline: "baseline"}


def with_module(study: Study) -> list[str]:
    """Return the variants with an attention module that is no null control, in the order of params.yaml."""
    return [name for name, kind in kinds(study).items() if kind == "attention"]


def without_null_controls(study: Study) -> list[str]:
    """Return the variants that are no null controls, the baseline first."""
    names = [name for name, kind in kinds(study).items() if kind != "null control"]
    return sorted(names, key=lambda name: name != study.baseline)


def other_networks(study: Study) -> list[str]:
    """Return the variants whose backbone options differ from the baseline's, in the order of params.yaml."""
    base = study.variants[study.baseline].backbone
    return [name for name, variant in study.variants.items() if variant.backbone != base]


def variant_table(study: Study) -> pd.DataFrame:
    """Return one row per variant: what its slots hold, and where they are."""
    frame = pd.DataFrame([{"Variant": name, **_variant(variant)} for name, variant in study.variants.items()])
    return frame.drop(columns=[name for name, values in _UNSET.items() if frame[name].isin(values).all()])


def _variant(variant: Variant) -> dict[str, str | None]:
    has_module = variant.attention != attention.NONE
    options = option_values(attention.options(variant.attention), variant.options) if has_module else ""
    return {
        "Attention": variant.attention,
        "Options": options or None,
        "Site": variant.site if has_module else None,
        "Stages": _numbers(variant.stages) if has_module else None,
        "Blocks": _numbers(variant.blocks) if has_module else None,
        "Start": variant.start if has_module else None,
        "Network": ", ".join(f"{name}: {_written(value)}" for name, value in variant.backbone.items()) or None,
    }


def _numbers(numbers: str | list[int]) -> str:
    return numbers if isinstance(numbers, str) else ", ".join(map(str, numbers))
