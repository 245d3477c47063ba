"""What a params.yaml may contain. Every key is required unless it has a default here.

Nothing here imports torch, so an invalid file is refused in a fraction of a second.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

OptionValue = bool | int | float | str | list[int] | None
# in a name, '-', '.' and '@' have a meaning in DVC's stage names; the length leaves room in the names of files
Name = Annotated[str, Field(pattern=r"^[a-z0-9_]+$", max_length=100)]
# dvc.yaml puts these two into the command lines of its stages: nothing in them may mean anything to a shell
ROOT = r"^(\.|\.\.(/\.\.)*)$"
PARAMS = r"^\w[\w.-]*(/\w[\w.-]*)*$"
# text without control characters, nor those that turn the direction of writing
_PRINTABLE = r"[^\p{Cc}\p{Zl}\p{Zp}\u{202a}-\u{202e}\u{2066}-\u{2069}]"
LINE = rf"^{_PRINTABLE}*[{_PRINTABLE}&&\S]{_PRINTABLE}*$"
PARAGRAPH = rf"^[{_PRINTABLE}\n\t]*[{_PRINTABLE}&&\S][{_PRINTABLE}\n\t]*$"
Line = Annotated[str, Field(pattern=LINE)]
Paragraph = Annotated[str, Field(pattern=PARAGRAPH)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Section(BaseModel):
    """A frozen section of params.yaml. Unknown keys and values of another type are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ShapesData(Section):
    """Generated images: coloured shapes on clutter, drawn from a seed."""

    source: Literal["shapes"]
    train_images: Annotated[int, Field(ge=100, le=1_000_000)]  # including the validation images
    test_images: Annotated[int, Field(ge=10, le=1_000_000)]
    seed: Seed
    split_seed: Seed


class Cifar10Data(Section):
    """CIFAR-10 as published, downloaded or from a local copy of the archive."""

    source: Literal["cifar10"]
    split_seed: Seed
    archive: Line | None = None  # a local cifar-10-python.tar.gz, instead of the download


class FolderData(Section):
    """Class folders `train/<class>/*` and `test/<class>/*`, or a .tar(.gz/.xz/.bz2) or .zip of them."""

    source: Literal["folder"]
    path: Line  # relative to the repository root
    title: Line  # what the images are, for every caption
    provenance: Paragraph  # where the images come from, in one to three sentences
    image_size: Annotated[int, Field(ge=8, le=512)] = 32  # images of another size are resized to this square
    sha256: Sha256 | None = None  # of the archive; pins its content
    split_seed: Seed


Data = Annotated[ShapesData | Cifar10Data | FolderData, Field(discriminator="source")]


class Backbone(Section):
    """The network, named after its file in `networks/backbones/`, and its options."""

    name: str
    options: dict[str, OptionValue] = {}


Numbers = Literal["all", "first", "last"] | list[Annotated[int, Field(ge=1)]]  # counted from 1


class Variant(Section):
    """What fills the backbone's slots. `attention: none` leaves them empty."""

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
    """The keys that all recipes share."""

    epochs: Annotated[int, Field(ge=1, le=10_000)]
    batch_size: Annotated[int, Field(ge=1, le=65_536)]
    learning_rate: Positive  # the peak, where the recipe has a cycle
    weight_decay: Annotated[float, Field(ge=0)]
    label_smoothing: Fraction
    augmentation: list[Literal["crop", "flip", "jitter", "rotate"]]
    crop_padding: Annotated[int, Field(ge=1, le=512)] = 4  # `crop` shifts an image by up to this number of pixels


class SourceRecipe(CommonRecipe):
    """Adam with the rate reduced on plateaus of the validation loss: the usual tutorial recipe, without test images."""

    name: Literal["source"]
    patience: Annotated[int, Field(ge=0)]  # epochs without a lower validation loss before the rate falls
    factor: Annotated[float, Field(gt=0, lt=1)]


class OneCycleRecipe(CommonRecipe):
    """One cycle of the learning rate over the whole run, for few epochs."""

    name: Literal["onecycle"]
    optimizer: Literal["adam", "sgd"]  # sgd: Nesterov momentum 0.9
    warmup: Annotated[float, Field(gt=0, lt=1)]  # fraction of the steps in which the rate rises


Recipe = Annotated[SourceRecipe | OneCycleRecipe, Field(discriminator="name")]


class Machine(Section):
    """How the arithmetic is done. Part of a run's identity, since each value changes the bits."""

    device: Annotated[str, Field(pattern=r"^(cpu|cuda|cuda:[0-9]+)$")]  # cuda: parallel runs spread over all cards
    precision: Literal["float32", "bf16"]
    threads: Annotated[int, Field(ge=1, le=1024)]  # per run; several runs can run in parallel

    @property
    def device_type(self) -> str:
        """`cpu` or `cuda`: the device without the number of a card, on which no result depends."""
        return self.device.partition(":")[0]


class Latency(Section):
    """How inference and training steps are timed."""

    batch_sizes: Annotated[list[Annotated[int, Field(ge=1, le=65_536)]], Field(min_length=1)]  # of inference
    rounds: Annotated[int, Field(ge=5, le=100_000)]  # in all processes together; fewer if they would take too long
    processes: Annotated[int, Field(ge=1, le=100)] = 5  # one after another; at least 2 for the interval of a ratio


class ViewedImages(Section):
    """Which test images the views show: the first of each of the first `images` classes, the same for all variants."""

    images: Annotated[int, Field(ge=1, le=10)]


class CorruptedImages(Section):
    """How many test images are corrupted: drawn from a fixed seed, the same for all runs; all if there are fewer."""

    images: Annotated[int, Field(ge=5, le=1_000_000)] = 2000  # in steps of the five severities


class TestedMaps(Section):
    """How many test images the maps are tested on: drawn from a fixed seed, the same for all runs; all if fewer."""

    images: Annotated[int, Field(ge=1, le=1_000_000)] = 500
    checked: Annotated[int, Field(ge=1, le=1_000_000)] = 500  # of these: infidelity, sensitivity, untrained weights


class Control(Section):
    """What a variant with attention is compared with in addition to the baseline: null controls and wider networks."""

    constant: Name | None = None  # a variant with the module `constant` in the same slots, with the same start
    static: Name | None = None  # a variant with the module `static` in the same slots, with the same start
    parameters: Name | None = None  # a wider network without attention, with as many parameters
    latency: Name | None = None  # a wider network without attention, with the same inference latency
    training_step: Name | None = None  # a wider network without attention, whose training step takes as long


class Study(Section):
    """A whole params.yaml."""

    name: Name
    root: Annotated[str, Field(pattern=ROOT)]  # path from the file's folder to the repository root
    params: Annotated[str, Field(pattern=PARAMS)]  # path of this file from the repository root
    title: Line
    question: Paragraph | None = None  # what the study asks; it opens the report
    data: Data
    backbone: Backbone
    variants: Annotated[dict[Name, Variant], Field(min_length=2)]
    baseline: Name  # the variant that all others are compared with
    controls: dict[Name, Control] = {}  # by variant with attention; read by analysis and report only, never trained
    comparisons: list[
        Annotated[list[Name], Field(min_length=2, max_length=2)]
    ] = []  # further pairs: the first minus the second
    interactions: dict[
        Name, Annotated[list[Name], Field(min_length=1)]
    ] = {}  # by another study: variants whose gain over the baseline here is compared with that there
    margin: Annotated[float, Field(gt=0, lt=100)] | None = (
        None  # percentage points; within it two variants are equivalent
    )
    seeds: Annotated[list[Seed], Field(min_length=1)]
    recipe: Recipe
    machine: Machine
    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    latency: Latency
    views: ViewedImages
    robustness: CorruptedImages = CorruptedImages()
    maps: TestedMaps = TestedMaps()
    tensorboard: bool = False  # write event files to tensorboard/<study>/<run>, which git ignores

    @property
    def margin_share(self) -> float | None:
        """The margin as a share of the test images, 0..1, the unit of every table; None without one."""
        return None if self.margin is None else self.margin / 100

    def runs(self) -> list[tuple[str, int]]:
        """Return variant and seed of every run, variants in the order of params.yaml, then seeds."""
        return [(variant, seed) for variant in self.variants for seed in self.seeds]
