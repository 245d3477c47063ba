"""What a run was made from, and how two such identities differ. Equal identities and seeds give equal bytes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attnbench.records import files
from attnbench.records.io import AtLeastOne, Record, read
from attnbench.study.schema import Sha256, Study


@dataclass(frozen=True)
class Difference:
    """One field in which two identities differ, and its two values."""

    field: str  # of `Identity`, or of `Environment`
    name: str  # for a sentence: "images", "code", "values in params.yaml", "torch"
    first: str
    second: str


class Environment(Record):
    """The class of machine that a run's bits depend on. Two runs on one machine have equal values."""

    python: str
    torch: str
    device: str  # "cpu" or the accelerator's name
    instruction_set: str  # torch.backends.cpu.get_cpu_capability(), e.g. "AVX512"
    processor: str  # model name as the system reports it
    threads: AtLeastOne
    precision: str  # "float32" or "bf16"
    memory_format: str  # "channels_last"
    cudnn: str | None = None  # version on an accelerator, e.g. "9.10.2"
    driver: str | None = None  # version of the accelerator's driver, if the system reports it

    def differences(self, other: "Environment") -> list[Difference]:
        """Return the fields in which this class of machine (first) and `other` (second) differ, in their order."""
        pairs = [(field, str(value), str(getattr(other, field))) for field, value in self]
        return [
            Difference(field, field.replace("_", " "), *values) for field, *values in pairs if values[0] != values[1]
        ]


class CodeFingerprint(Record):
    """What a stage would compute: its code and the values of params.yaml that it reads, with one hash over both."""

    sha256: Sha256
    values: dict[str, Any]


class Identity(Record):
    """What a run was made from; hashes are SHA-256."""

    data: Sha256
    code: Sha256
    params: Sha256
    environment: Environment

    def differences(self, other: "Identity", *, environment: bool = True) -> list[Difference]:
        """Return the fields in which this identity (first) and `other` (second) differ, in their order.

        With `environment=False` only images, code and values are compared: these must agree on every machine.
        """
        names = {"data": "images", "code": "code", "params": "values in params.yaml"}
        pairs = [(field, name, getattr(self, field), getattr(other, field)) for field, name in names.items()]
        own = [Difference(*pair) for pair in pairs if pair[2] != pair[3]]
        return own + self.environment.differences(other.environment) if environment else own

    def changed_inputs(self, study: Study, variant: str, *, data: str, code: str) -> list[Difference]:
        """Return in which of images, code and values a run of `variant` made now, on any machine, would differ.

        `data` and `code` are the SHA-256 of the images and of the code that trains it now; they are `second`.
        """
        now = self.model_copy(update={"data": data, "code": code, "params": params_sha256(study, variant)})
        return self.differences(now, environment=False)


def code_sha256(fingerprint: Path) -> str:
    """Return the SHA-256 in a file of the code stage.

    Raises:
        UserError: the file is missing or damaged.
    """
    return read(fingerprint, CodeFingerprint).sha256


def params_sha256(study: Study, variant: str) -> str:
    """Return the SHA-256 of all values that determine a run of `variant`, except the images; defaults are filled in.

    The images have their own hash: the same ones may come from another path or archive.
    """
    values = study.model_dump(mode="json", include={"backbone", "recipe", "machine"})
    values["machine"]["device"] = study.machine.device_type  # which of several cards: the environment names the model
    return files.sha256_of_json(values | {"variant": study.variants[variant].model_dump(mode="json")})
