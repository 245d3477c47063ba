"""How the runs were made, from params.yaml and from the constants of the code that made them."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

import attnbench
from attnbench.report.tables.form import percent
from attnbench.report.words import count, number
from attnbench.study import attention, backbones, module_files
from attnbench.study.schema import OptionValue, SourceRecipe, Study, Variant

_AUGMENT = Path(attnbench.__file__).parent / "train" / "augment" / "parameters.py"


def augmentation(study: Study) -> list[str]:
    """Return the random changes of a training image, in words, with the constants of the code."""

    def constant(name: str) -> str:
        return number(module_files.constant(_AUGMENT, name))

    words = {
        "crop": f"a crop of the original size after padding by {constant('PADDING')} pixels",
        "flip": "a horizontal flip with probability 1/2",
        "jitter": f"brightness, contrast and saturation changed by factors within ±{constant('SPREAD')} of 1 and the "
        f"hue by up to ±{constant('MAX_HUE')} of the colour circle",
        "rotate": f"a rotation within ±{constant('MAX_DEGREES')} degrees",
    }
    return [words[name] for name in study.recipe.augmentation]


def options(known: dict[str, module_files.Option], given: dict[str, OptionValue]) -> str:
    """Return all options of a family with their values, those of params.yaml before the defaults."""
    values = {name: given.get(name, option.default) for name, option in known.items()}
    return ", ".join(f"{name}: {_value(value)}" for name, value in values.items())


def _value(value: object) -> str:
    """Return a value as it is written in a params.yaml, numbers as in the rest of the report."""
    return number(value) if isinstance(value, float) else module_files.written(value)


@dataclass(frozen=True)
class Network:
    """The backbone in words."""

    name: str
    headline: str
    options: str


def network(study: Study) -> Network:
    """Return what the backbone is, from its file."""
    name = study.backbone.name
    known = backbones.options(name)
    return Network(name, module_files.headline(backbones.path(name)), options(known, study.backbone.options))


def modules(study: Study) -> dict[str, str]:
    """Return attention module -> the first line of its file, for those that the study uses, in its order."""
    return {name: module_files.headline(attention.path(name)) for name in used(study)}


def used(study: Study) -> list[str]:
    """Return the attention modules that the variants use, in the order of params.yaml."""
    names = [variant.attention for variant in study.variants.values() if variant.attention != attention.NONE]
    return list(dict.fromkeys(names))


def references(study: Study) -> list[str]:
    """Return the papers of the modules and of the backbone, each once."""
    return list(dict.fromkeys([*(attention.paper(name) for name in used(study)), backbones.paper(study.backbone.name)]))


def variant_rows(study: Study) -> pd.DataFrame:
    """Return the table that says what each variant is; what no variant sets has no column."""
    rows = [_variant_row(name, variant) for name, variant in study.variants.items()]
    frame = pd.DataFrame(rows)
    unset = {"Blocks": ("all", None), "Start": ("paper", None), "Network": (None,)}
    return frame.drop(columns=[name for name, values in unset.items() if frame[name].isin(values).all()])


def _variant_row(name: str, variant: Variant) -> dict[str, str | None]:
    row: dict[str, str | None] = dict.fromkeys(
        ("Variant", "Attention", "Options", "Site", "Stages", "Blocks", "Start", "Network")
    )
    row |= {"Variant": name, "Attention": variant.attention}
    row["Network"] = ", ".join(f"{key}: {_value(value)}" for key, value in variant.backbone.items()) or None
    if variant.attention != attention.NONE:
        row |= {
            "Options": options(attention.options(variant.attention), variant.options) or None,
            "Site": variant.site,
            "Stages": _numbers(variant.stages),
            "Blocks": _numbers(variant.blocks),
            "Start": variant.start,
        }
    return row


def _numbers(given: str | list[int]) -> str:
    return given if isinstance(given, str) else ", ".join(map(str, given))


def other_networks(study: Study) -> list[str]:
    """Return the variants whose backbone has other options than the baseline's, in the order of params.yaml."""
    base = study.variants[study.baseline].backbone
    return [name for name, variant in study.variants.items() if variant.backbone != base]


def schedule(study: Study) -> str:
    """Return the optimiser and its learning rate, in words."""
    recipe = study.recipe
    rate, decay = number(recipe.learning_rate), _decay(recipe.weight_decay)
    if isinstance(recipe, SourceRecipe):
        return (
            f"Adam{decay} with a learning rate of {rate}, multiplied by {number(recipe.factor)} whenever the "
            f"validation loss has not fallen for more than {count(recipe.patience, 'epoch')}"
        )
    optimizer = {"adam": "Adam", "sgd": "SGD with Nesterov momentum 0.9"}[recipe.optimizer]
    return (
        f"{optimizer}{decay} with one cycle of the learning rate: up to {rate} over the first "
        f"{percent(recipe.warmup, 0)} % of the steps, then down to almost 0, along cosines"
    )


def _decay(weight_decay: float) -> str:
    return f" (weight decay {number(weight_decay)})" if weight_decay else ""


def loss(study: Study) -> str:
    """Return the loss in words."""
    smoothing = study.recipe.label_smoothing
    return "cross entropy" + (f" with labels smoothed by {number(smoothing)}" if smoothing else "")


def commands(study: Study) -> dict[str, str]:
    """Return the commands that make the study: with make, with DVC alone, and from what git holds."""
    folder = PurePosixPath(study.params).parent
    root = folder == PurePosixPath()
    target = "" if root else f" {folder / 'dvc.yaml'}"
    return {
        "make": "make repro" if root else f"make repro STUDY={study.name}",
        "all": f"dvc repro{target}",
        "report": f"dvc repro --allow-missing{target}",
    }
