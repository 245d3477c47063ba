"""Two epochs with a module, on the project's own training loop and images: does it learn, and does it resume?"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from attnbench import networks
from attnbench.data.prepare import prepare
from attnbench.networks import Network, arithmetic, seeding
from attnbench.records import tensors
from attnbench.study import Study
from attnbench.tools.contract.checks import same
from attnbench.tools.contract.require import require
from attnbench.train import state
from attnbench.train.loop import Training

_VARIANT = "tested"
_STUDY = {  # a network of width 16 without dropout, and four steps in each of two epochs
    "name": "contract",
    "root": ".",
    "params": "params.yaml",
    "title": "A short training with one module",
    "data": {"source": "shapes", "train_images": 160, "test_images": 10, "seed": 0, "split_seed": 0},
    "backbone": {"name": "cnn", "options": {"width": 16, "hidden": 16}},
    "baseline": "baseline",
    "seeds": [0],
    "recipe": {
        "name": "onecycle",
        "optimizer": "adam",
        "warmup": 0.3,
        "epochs": 2,
        "batch_size": 32,
        "learning_rate": 0.003,
        "weight_decay": 0.0,
        "label_smoothing": 0.0,
        "augmentation": ["crop"],
    },
    "machine": {"device": "cpu", "precision": "float32", "threads": 1},
    "confidence": 0.95,
    "latency": {"batch_sizes": [1], "rounds": 5},
    "views": {"images": 1},
}


@dataclass(frozen=True)
class _Trained:
    """A training of two epochs, its state after the first, and the weights that it started from."""

    training: Training
    network: Network
    halfway: state.State
    start: dict[str, dict[str, Tensor]]  # slot -> parameter -> its values


def trains(name: str) -> None:
    """Trains for two epochs: the loss is finite, and every parameter of the module changes in a slot."""
    trained = _trained(name)
    filled = networks.attention_modules(trained.network)
    changed: dict[str, bool] = {}
    for slot, module in filled.items():
        for parameter, value in module.named_parameters():
            is_other = not torch.equal(value, trained.start[slot][parameter])
            changed[parameter] = changed.get(parameter, False) or is_other
    stuck = [f"`{parameter}`" for parameter, is_other in changed.items() if not is_other]
    require(
        not stuck, f"{', '.join(stuck)} got no gradient in two epochs: nothing that `forward` returns depends on it"
    )


def resumes(name: str) -> None:
    """Resumes from a file after its first epoch, and ends in the same bits."""
    trained = _trained(name)
    _, rest = _new(name)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "unfinished.safetensors"
        tensors.write(path, trained.halfway.arrays, trained.halfway.values)
        saved = state.State(*tensors.read(path))
    with seeding.global_stream(0, "dropout"):
        state.restore(rest, saved)
        rest.train_epoch()
    whole = trained.training
    require(
        same(whole.network.state_dict(), rest.network.state_dict()) and whole.curves.losses == rest.curves.losses,
        "ends in other bits than a training that was never stopped: keep all that changes in parameters and buffers, "
        "and draw random numbers from torch's global generator",
    )


@cache
def _trained(name: str) -> _Trained:
    network, training = _new(name)
    start = {
        slot: {parameter: value.detach().clone() for parameter, value in module.named_parameters()}
        for slot, module in networks.attention_modules(network).items()
    }
    with seeding.global_stream(0, "dropout"):
        training.train_epoch()
        halfway = state.capture(training)
        training.train_epoch()
    return _Trained(training, network, halfway, start)


def _new(name: str) -> tuple[Network, Training]:
    """Return a network with the module, and its training before the first step."""
    variants = {"baseline": {"attention": "none"}, _VARIANT: {"attention": name, "site": "after_pool"}}
    study = Study.model_validate(_STUDY | {"variants": variants})
    data = prepare(study.data, Path())
    device = arithmetic.set_up(study.machine)
    network = networks.build(study, _VARIANT, data, seed=0)
    return network, Training(network, data, study.recipe, study.machine, seed=0, device=device)
