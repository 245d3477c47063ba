"""One run of the benchmark: build, train, look at the test images once."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from attnbench import placement
from attnbench.config.schema import Study
from attnbench.data.prepared import Prepared
from attnbench.observers import Observer
from attnbench.training import arithmetic
from attnbench.training.evaluation import Score, accuracy_by_class, logits_of, score
from attnbench.training.loop import Curves, train
from attnbench.training.normalisation import Normalisation


@dataclass(frozen=True)
class Outcome:
    """All that a run leaves; the weights are those of the last epoch."""

    state: dict[str, Tensor]
    parameters: int
    logits: Tensor  # float32 (m, classes) of the test images
    labels: Tensor  # int64 (m,)
    test: Score
    per_class_accuracy: dict[str, float]
    curves: Curves
    seconds: float


def run(study: Study, variant: str, seed: int, data: Prepared, observers: Sequence[Observer]) -> Outcome:
    """Train one variant from one seed and evaluate it on the test images, once, at the end.

    Raises:
        UserError: the loss is not finite, or the device asked for is not there.
    """
    start = time.perf_counter()
    device = arithmetic.set_up(study.machine)
    description = data.description
    network = placement.build(
        study.backbone,
        study.variants[variant],
        classes=len(description.classes),
        image_shape=_shape(data.train_images),
        seed=seed,
    )
    try:
        curves = train(network, data, study.recipe, study.machine, seed=seed, device=device, observers=observers)
    finally:
        for observer in observers:
            observer.close()
    normalise = Normalisation(description.mean, description.std, device)
    logits = logits_of(network, data.test_images.to(device), normalise).cpu()
    return Outcome(
        state={name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()},
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        logits=logits,
        labels=data.test_labels,
        test=score(logits, data.test_labels),
        per_class_accuracy=accuracy_by_class(logits, data.test_labels, description.classes),
        curves=curves,
        seconds=time.perf_counter() - start,
    )


def _shape(images: Tensor) -> tuple[int, int, int]:
    _, channels, height, width = images.shape
    return channels, height, width
