"""A trained network of a study, with all that is needed to use it, in one call."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from attnbench import networks, records
from attnbench.code.fingerprint import Fingerprints
from attnbench.errors import UserError
from attnbench.networks import Network
from attnbench.networks.checkpoint import load_weights
from attnbench.networks.evaluation import logits_of
from attnbench.networks.normalisation import Normalisation
from attnbench.records import DataSummary, RunRecord
from attnbench.records.trained import require_of_record
from attnbench.study import Study, repository, run_name
from attnbench.study.paths import relative_to_cwd, repro
from attnbench.use import images
from attnbench.use.images import Picture


@dataclass(frozen=True)
class TrainedRun:
    """A trained network, and where it comes from."""

    network: Network  # in eval mode, on the processor
    record: RunRecord  # its accuracy, and what it was made from
    data: DataSummary  # the images that it was trained on

    @property
    def name(self) -> str:
        """The name of the run, such as `cbam-0`."""
        return run_name(self.record.variant, self.record.seed)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the logits."""
        return tuple(self.data.classes)

    def pixels(self, pictures: Picture | Sequence[Picture]) -> Tensor:
        """Return images as the network was trained on: uint8 (n, c, h, w).

        An image is a path, one of Pillow, or an array (h, w), (h, w, 3) or (h, w, 4). It is resized without keeping its
        proportions, as the images of class folders are.

        Raises:
            UserError: something is no image, or the sequence is empty.
        """
        if isinstance(pictures, str) or not isinstance(pictures, Sequence):
            pictures = [pictures]
        if not pictures:
            raise UserError("given no image; name at least one")
        return torch.from_numpy(np.stack([images.pixels(picture, self.data.image_shape) for picture in pictures]))

    def standardised(self, pixels: Tensor) -> Tensor:
        """Return uint8 images (n, c, h, w), as `pixels` returns them, as the input of the network: float32."""
        return self._normalisation()(pixels.float() / 255)

    def preprocess(self, pictures: Picture | Sequence[Picture]) -> Tensor:
        """Return images, as in `pixels`, as the input of the network: float32 (n, c, h, w), standardised."""
        return self.standardised(self.pixels(pictures))

    def probabilities(self, pictures: Picture | Sequence[Picture]) -> Tensor:
        """Return the probability of each class (n, classes) for images as in `pixels`; each row sums to 1."""
        return logits_of(self.network, self.pixels(pictures), self._normalisation()).softmax(dim=1)

    def _normalisation(self) -> Normalisation:
        return Normalisation(self.data.mean, self.data.std, torch.device("cpu"))


def load(folder: str | Path) -> TrainedRun:
    """Return the trained network in a folder `runs/<study>/<variant>-<seed>`; nothing in its files is executed.

        run = attnbench.load("runs/quickstart/cbam-0")
        logits = run.network(run.preprocess("photo.jpg"))
        print(run.classes[logits.argmax()])

    Raises:
        UserError: the folder is no run, a file is missing or damaged, or the record says that the run was made with
            other code, other images or other values in params.yaml than those of this repository.
    """
    located, variant, seed = repository.locate_run(Path(folder).absolute())
    study, run, paths = located.study, run_name(variant, seed), located.paths
    path, checkpoint = (relative_to_cwd(file(variant, seed)) for file in (paths.record, paths.checkpoint))
    record = records.read(path, RunRecord)
    data = records.read(relative_to_cwd(paths.data_summary), DataSummary)
    train = f"`{repro(study, [f'train@{run}'])}`"
    records.require_of(record, path, f"Restore it with `git checkout`, or run {train}", study=study.name, run=run)
    _check_identity(study, record, data, f"train it again with {train}, or check out the commit that recorded it")
    require_of_record(checkpoint, record.checkpoint_sha256, path, study, run)
    network = networks.build(study, variant, data, seed)
    load_weights(network, checkpoint)
    return TrainedRun(network.eval(), record, data)


def _check_identity(study: Study, record: RunRecord, data: DataSummary, advice: str) -> None:
    """Check that this repository builds the network that was trained.

    Raises:
        UserError: its code, its values in params.yaml or its images are others.
    """
    code = Fingerprints(study).of("train", record.variant)["sha256"]
    for changed in record.identity.changed_inputs(study, record.variant, data=data.sha256, code=code):
        raise UserError(
            f"run {run_name(record.variant, record.seed)} was trained with other {changed.name} (SHA-256 "
            f"{changed.first[:12]}) than those of this repository ({changed.second[:12]}); {advice}"
        )
