"""What each stage would compute: a hash of the code that it reaches and of the values that it gets.

DVC compares these hashes instead of source files, so a comment, a docstring or a moved file reruns nothing, and an edit
of one module reruns only the variants that use it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from attnbench.code.closure import Closure, Sources
from attnbench.records import files
from attnbench.study import attention, backbones, packages
from attnbench.study.schema import Data, Study

PACKAGE = Path(__file__).parents[1]
STAGES = PACKAGE.parents[1] / "stages"
SOURCES = [get_args(kind.model_fields["source"].annotation)[0] for kind in get_args(get_args(Data)[0])]

# Code that carries values in and results out and computes none of them: a better error message retrains nothing. What
# params.yaml resolves to is hashed as values; a new key with a default is a new value, and reruns what reads it.
NOT_HASHED = (
    *("study", "records", "code", "errors.py", "machine.py"),
    "__init__.py",  # of the package: what it offers by name, lazily
    *("train/observers.py", "train/console.py", "train/tensorboard.py", "train/unfinished.py", "train/divergence.py"),
    *("networks/probe.py", "networks/refusals.py"),
)
VARIANT_STAGES = {  # stages that run for each variant, and the sections of params.yaml that they read
    "train": ("recipe", "machine"),
    "cost": (),
    "views": ("views", "machine"),
    "ablate": ("machine",),
    "robustness": ("robustness", "machine"),
    "maps": ("maps", "machine"),
}
HASHED_ANYWAY = (  # in those folders, but fingerprinted
    *("study/selection.py", "records/prepared.py", "records/tensors.py", "records/rank_correlation.py"),
)


class Fingerprints:
    """The fingerprints of a study, one for each file in `results/<study>/code/`. Every source file is read once."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self._bodies: dict[Path, str] = {}
        self._sources: dict[Path | None, Sources] = {}
        self._hashes: dict[tuple[tuple[Path, ...], frozenset[Path]], str] = {}
        self._not_hashed = _not_hashed()
        self.of_study = {  # the stages that are not one for each variant
            "data": self.data,
            "ready": self.ready,
            "latency": self.latency,
            "analyse": self.analyse,
            "report": self.report,
        }

    def all(self) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
        """Yield stage, variant (None for a stage that has none) and fingerprint: `sha256`, and the `values` in it."""
        pairs = [(stage, variant) for variant in self.study.variants for stage in VARIANT_STAGES]
        for stage, variant in (*pairs, *((stage, None) for stage in self.of_study)):
            yield stage, variant, self.of(stage, variant)

    def of(self, stage: str, variant: str | None = None) -> dict[str, Any]:
        """The fingerprint of one stage; those in `VARIANT_STAGES` need a variant."""
        return self.of_study[stage]() if variant is None else self.of_variant(stage, variant)

    def data(self) -> dict[str, Any]:
        """The data stage, without the sources of images that the study does not use."""
        others = {PACKAGE / "data" / f"{source}.py" for source in SOURCES if source != self.study.data.source}
        return self._fingerprint([self._code("data", left_out=others)], self._values("data"))

    def of_variant(self, stage: str, variant: str) -> dict[str, Any]:
        """One of the stages that a variant has for itself."""
        values = self._values("backbone", *VARIANT_STAGES[stage])
        values["variant"] = self.study.variants[variant].model_dump(mode="json")
        return self._fingerprint([self._code(stage, variant)], values)

    def ready(self) -> dict[str, Any]:
        """The stage that checks the counts of all variants."""
        return self._fingerprint([self._code("ready")], self._values("variants"))

    def latency(self) -> dict[str, Any]:
        """The stage that measures all variants, without the number of epochs, on which no time depends."""
        codes = {self._code("latency", variant) for variant in self.study.variants}
        values = self._values("backbone", "recipe", "machine", "variants", "latency")
        del values["recipe"]["epochs"]
        return self._fingerprint(sorted(codes), values)

    def analyse(self) -> dict[str, Any]:
        """The stage that makes the tables; it takes seconds, so nothing that it reaches is left out."""
        return self._fingerprint([self._code("analyse", everything=True)], self._values(*Study.model_fields))

    def report(self) -> dict[str, Any]:
        """The stage that writes the report, with its template and the module files that it quotes."""
        names = {variant.attention for variant in self.study.variants.values()} - {attention.NONE}
        quoted = [attention.path(name) for name in sorted(names)] + [backbones.path(self.study.backbone.name)]
        quoted += sorted((PACKAGE / "report").glob("*.j2"))
        code = [self._code("report", everything=True), *map(files.sha256_of, quoted)]
        return self._fingerprint(code, self._values(*Study.model_fields))

    def listing(self) -> dict[str, str]:
        """Return path -> hash of what the file does, for all files reached so far: what a person compares in git.

        Paths start at the repository, or at the folder that holds a package from elsewhere.
        """
        tops = [PACKAGE.parents[1], *(own.parent for own in self._sources if own)]
        return {
            next(path.relative_to(top) for top in tops if path.is_relative_to(top)).as_posix(): body
            for path, body in self._bodies.items()
        }

    def _code(
        self, stage: str, variant: str | None = None, *, everything: bool = False, left_out: set[Path] | None = None
    ) -> str:
        """Return the hash of what `stages/<stage>.py` reaches, with the modules that a variant names."""
        roots, own = [STAGES / f"{stage}.py"], None
        skipped = (left_out or set()) | (set() if everything else self._not_hashed)
        if variant is not None:
            name = self.study.variants[variant].attention
            roots += [backbones.path(self.study.backbone.name)]
            roots += [attention.path(name)] if name != attention.NONE else []
            own = packages.home(name) if "." in name else None
            if self.study.variants[variant].start != "identity":
                skipped = skipped | {PACKAGE / "networks" / "identity_start.py"}
        if own not in self._sources:
            self._sources[own] = Sources([PACKAGE] if own in (None, PACKAGE) else [PACKAGE, own])
        key = tuple(roots), frozenset(skipped)
        if key not in self._hashes:
            closure = Closure(roots, self._sources[own], skipped)
            self._bodies |= {path: file.body for path, file in closure.files.items() if file.body}
            self._hashes[key] = closure.sha256()
        return self._hashes[key]

    def _values(self, *sections: str) -> dict[str, Any]:
        values = self.study.model_dump(mode="json", include=set(sections))
        if "machine" in values:
            values["machine"]["device"] = self.study.machine.device_type  # no result depends on which of several cards
        return values

    def _fingerprint(self, code: list[str], values: dict[str, Any]) -> dict[str, Any]:
        return {"sha256": files.sha256_of_json([code, values]), "values": values}


def _not_hashed() -> set[Path]:
    paths = [PACKAGE / name for name in NOT_HASHED]
    files = {file for path in paths for file in (path.rglob("*.py") if path.is_dir() else [path])}
    return files - {PACKAGE / name for name in HASHED_ANYWAY}
