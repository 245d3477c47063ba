"""What a params.yaml may say. Every key is required unless it has a default here.

Nothing here imports torch, so a wrong file is refused in a fraction of a second.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

OptionValue = bool | int | float | str | list[int] | None
Name = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]  # '-', '.' and '@' have a meaning in DVC's stage names
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Section(BaseModel):
    """A frozen part of params.yaml; an unknown key is an error, and so is a value of another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ShapesData(Section):
    """Generated images: coloured shapes on clutter, drawn from a seed."""

    source: Literal["shapes"]
    train_images: Annotated[int, Field(ge=100, le=1_000_000)]  # training and validation part together
    test_images: Annotated[int, Field(ge=10, le=1_000_000)]
    seed: Seed
    split_seed: Seed


class Cifar10Data(Section):
    """CIFAR-10 as published, downloaded, or from a local copy of the archive."""

    source: Literal["cifar10"]
    split_seed: Seed
    archive: str | None = None  # a local cifar-10-python.tar.gz, instead of the download


class FolderData(Section):
    """Class folders `train/<class>/*` and `test/<class>/*`, or a .tar(.gz/.xz/.bz2) or .zip of them."""

    source: Literal["folder"]
    path: str  # relative to the repository root
    title: Annotated[str, Field(min_length=1)]  # what the images are, for every caption
    provenance: Annotated[str, Field(min_length=1)]  # where they come from, in words
    image_size: Annotated[int, Field(ge=8, le=512)] = 32  # images of another size are resized to this square
    sha256: Sha256 | None = None  # of the archive; pins its content
    split_seed: Seed


Data = Annotated[ShapesData | Cifar10Data | FolderData, Field(discriminator="source")]


class Backbone(Section):
    """The network, by file name in `attnbench/backbones/`, and its options."""

    name: str
    options: dict[str, OptionValue] = {}


Numbers = Literal["all", "first", "last"] | list[Annotated[int, Field(ge=1)]]  # counted from 1


class Variant(Section):
    """What goes into the backbone's slots. `attention: none` is the network as it is."""

    attention: str
    options: dict[str, OptionValue] = {}
    site: str | None = None  # where in a block; the backbone names its sites
    stages: Numbers = "all"
    blocks: Numbers = "all"  # within each stage
    start: Literal["paper", "identity"] = "paper"  # identity: the network starts as if the slots were empty
    backbone: dict[str, OptionValue] = {}  # options that differ from the study's, e.g. a wider network as a control


Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class CommonRecipe(Section):
    """What both recipes say."""

    epochs: Annotated[int, Field(ge=1, le=10_000)]
    batch_size: Annotated[int, Field(ge=1, le=65_536)]
    learning_rate: Positive  # the peak, where the recipe has a cycle
    weight_decay: Annotated[float, Field(ge=0)]
    label_smoothing: Fraction
    augmentation: list[Literal["crop", "flip", "jitter", "rotate"]]


class SourceRecipe(CommonRecipe):
    """Adam, halved when the validation loss stops falling: the recipe of tutorials, without the test set in it."""

    name: Literal["source"]
    patience: Annotated[int, Field(ge=0)]  # epochs without a lower validation loss before the rate falls
    factor: Annotated[float, Field(gt=0, lt=1)]


class OneCycleRecipe(CommonRecipe):
    """One cycle of the learning rate over the whole run, for few epochs."""

    name: Literal["onecycle"]
    optimizer: Literal["adam", "sgd"]  # sgd: Nesterov momentum 0.9
    warmup: Annotated[float, Field(gt=0, lt=1)]  # share of the steps in which the rate rises


Recipe = Annotated[SourceRecipe | OneCycleRecipe, Field(discriminator="name")]


class Machine(Section):
    """How the arithmetic is done; part of a run's identity, since each of these changes the bits."""

    device: Literal["cpu", "cuda"]
    precision: Literal["float32", "bf16"]
    threads: Annotated[int, Field(ge=1, le=1024)]  # per run; runs go side by side


class Latency(Section):
    """How inference is timed."""

    batch_sizes: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]
    rounds: Annotated[int, Field(ge=5, le=100_000)]


class Views(Section):
    """Which test images are looked at: the first of each of the first `images` classes, the same for all variants."""

    images: Annotated[int, Field(ge=1, le=10)]


class Control(Section):
    """The wider baselines that a module is compared with besides the baseline: variants with `attention: none`."""

    parameters: Name | None = None  # as many parameters as the module's variant
    latency: Name | None = None  # as long an inference


class Study(Section):
    """A whole params.yaml."""

    name: Name
    root: str  # from the file's folder to the repository root
    params: str  # this file, from the repository root
    title: Annotated[str, Field(min_length=1)]
    data: Data
    backbone: Backbone
    variants: Annotated[dict[Name, Variant], Field(min_length=2)]
    baseline: Name  # the variant that all others are compared with
    controls: dict[Name, Control] = {}  # by variant with a module; read by analysis and report, so it trains nothing
    seeds: Annotated[list[Seed], Field(min_length=1)]
    recipe: Recipe
    machine: Machine
    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    latency: Latency
    views: Views
    tensorboard: bool = False  # event files under tensorboard/<study>/<run>, ignored by git
