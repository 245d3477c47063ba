"""Everything that changes during training, saved after an epoch and restored in another process.

Without any one of these the rest of a run comes out differently: weights and buffers, the state of optimiser and
schedule, and the generators of order, augmentation and dropout. The position in the images is the number of completed
epochs, since an interrupted epoch starts again.
"""

from collections import defaultdict
from dataclasses import asdict, dataclass
from math import isinf
from typing import Any

import torch
from torch import Tensor

from attnbench.records.curves import EpochRow
from attnbench.records.tensors import Array
from attnbench.train.loop import Curves, Training

FORMAT = 2  # of `State`: increase it when the arrays or values change


@dataclass(frozen=True)
class State:
    """Arrays by name, and all other values, as JSON can hold them."""

    arrays: dict[str, Array]
    values: dict[str, Any]


def capture(training: Training) -> State:
    """Return the state of a training after an epoch; it shares no memory with the training."""
    optimizer = training.optimizer.state_dict()
    tensors = {f"network/{name}": tensor for name, tensor in training.network.state_dict().items()}
    for number, moments in optimizer["state"].items():
        tensors |= {f"optimizer/{number}/{name}": tensor for name, tensor in moments.items()}
    tensors |= {f"generator/{name}": state for name, state in _generator_states(training).items()}
    tensors["losses"] = torch.tensor(training.curves.losses, dtype=torch.float64)
    return State(
        {name: tensor.detach().cpu().contiguous().clone().numpy() for name, tensor in tensors.items()},
        {
            "optimizer": optimizer["param_groups"],
            "schedule": _finite(training.schedule.state_dict()),
            "epochs": [asdict(row) for row in training.curves.epochs],
            "training_seconds": list(training.curves.training_seconds),
            "evaluation_seconds": list(training.curves.evaluation_seconds),
        },
    )


def restore(training: Training, state: State) -> None:
    """Bring a new training to the point where `state` was captured."""

    def part(prefix: str) -> dict[str, Tensor]:
        return {
            name.removeprefix(prefix): torch.from_numpy(array)
            for name, array in state.arrays.items()
            if name.startswith(prefix)
        }

    training.network.load_state_dict(part("network/"))
    _restore_optimizer(training, part("optimizer/"), state.values["optimizer"])
    training.schedule.load_state_dict(state.values["schedule"])
    _restore_generators(training, part("generator/"))
    training.curves = Curves(
        epochs=[EpochRow(**row) for row in state.values["epochs"]],
        losses=state.arrays["losses"].tolist(),
        training_seconds=state.values["training_seconds"],
        evaluation_seconds=state.values["evaluation_seconds"],
    )


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out infinity, which JSON cannot hold: a constant of the plateau schedule, which sets it when loading."""
    return {name: value for name, value in values.items() if not (isinstance(value, float) and isinf(value))}


def _restore_optimizer(training: Training, tensors: dict[str, Tensor], groups: list[dict[str, Any]]) -> None:
    parameters = list(training.network.parameters())
    moments: dict[int, dict[str, Tensor]] = defaultdict(dict)
    for key, saved in tensors.items():
        number, name = key.split("/")
        parameter = parameters[int(number)]
        # in the memory layout of the parameter: the fused step reads both as one flat array
        like = parameter if saved.shape == parameter.shape else saved
        moments[int(number)][name] = torch.empty_like(like, device=saved.device).detach().copy_(saved)
    training.optimizer.load_state_dict({"state": dict(moments), "param_groups": groups})


def _generator_states(training: Training) -> dict[str, Tensor]:
    states = {
        "order": training.batches.order.get_state(),
        "augmentation": training.batches.augmentation.get_state(),
        "global": torch.get_rng_state(),
    }
    if _on_accelerator(training):
        states["accelerator"] = torch.cuda.get_rng_state()
    return states


def _restore_generators(training: Training, states: dict[str, Tensor]) -> None:
    training.batches.order.set_state(states["order"])
    training.batches.augmentation.set_state(states["augmentation"])
    torch.set_rng_state(states["global"])
    if _on_accelerator(training):
        torch.cuda.set_rng_state(states["accelerator"])


def _on_accelerator(training: Training) -> bool:
    return training.batches.images.is_cuda
