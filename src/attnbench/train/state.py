"""All that changes while a network is trained, taken down after an epoch and put back in another process.

Left out one by one, each of these makes the rest of a run differ: weights and buffers, the optimiser's moments and
rate, the schedule, and the generators of order, augmentation and dropout. The position in the images is the number
of epochs, since an epoch is begun anew.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from attnbench.records.curves import EpochRow
from attnbench.train.loop import Curves, Training

FORMAT = 1  # of `State`: another number, another set of tensors and values


@dataclass(frozen=True)
class State:
    """Tensors by name, on the processor; all other values as JSON can hold them."""

    tensors: dict[str, Tensor]
    values: dict[str, Any]


def capture(training: Training) -> State:
    """Return the state of a training after an epoch; it shares no memory with it."""
    found = {f"network/{name}": tensor for name, tensor in training.network.state_dict().items()}
    found |= {f"optimizer/{name}": tensor for name, tensor in _moments(training)}
    found |= {f"generator/{name}": state for name, state in _generators(training).items()}
    found["losses"] = torch.tensor(training.curves.losses, dtype=torch.float64)
    return State(
        {name: tensor.detach().cpu().contiguous().clone() for name, tensor in found.items()},
        {
            "rate": training.optimizer.rate,
            "schedule": training.schedule.state(),
            "epochs": [asdict(row) for row in training.curves.epochs],
            "training_seconds": training.curves.training_seconds,
            "evaluation_seconds": training.curves.evaluation_seconds,
        },
    )


def restore(training: Training, state: State) -> None:
    """Bring a training that has just begun to where `state` was taken."""

    def part(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): tensor for name, tensor in state.tensors.items() if name.startswith(prefix)}

    training.network.load_state_dict(part("network/"))
    _set_moments(training, part("optimizer/"))
    _set_generators(training, part("generator/"))
    training.optimizer.rate = state.values["rate"]
    training.schedule.restore(state.values["schedule"])
    training.curves = Curves(
        epochs=[EpochRow(**row) for row in state.values["epochs"]],
        losses=state.tensors["losses"].tolist(),
        training_seconds=list(state.values["training_seconds"]),
        evaluation_seconds=list(state.values["evaluation_seconds"]),
    )


def _moments(training: Training) -> Iterator[tuple[str, Tensor]]:
    """Yield what the optimiser keeps of each parameter, as `number/name`."""
    for number, kept in training.optimizer.state.items():
        for name, tensor in kept.items():
            yield f"{number}/{name}", tensor


def _set_moments(training: Training, moments: dict[str, Tensor]) -> None:
    optimizer = training.optimizer
    for name, saved in moments.items():
        number, kind = name.split("/")
        parameter = optimizer.parameters[int(number)]
        # in the memory layout of the parameter, which the fused optimisers go through in one line
        alike = parameter if saved.shape == parameter.shape else saved
        own = torch.empty_like(alike, device=parameter.device)
        optimizer.state.setdefault(int(number), {})[kind] = own.detach().copy_(saved)


def _generators(training: Training) -> dict[str, Tensor]:
    states = {
        "order": training.batches.order.get_state(),
        "augmentation": training.batches.augmentation.get_state(),
        "global": torch.get_rng_state(),
    }
    if _on_accelerator(training):
        states["accelerator"] = torch.cuda.get_rng_state()
    return states


def _set_generators(training: Training, states: dict[str, Tensor]) -> None:
    training.batches.order.set_state(states["order"])
    training.batches.augmentation.set_state(states["augmentation"])
    torch.set_rng_state(states["global"])
    if _on_accelerator(training):
        torch.cuda.set_rng_state(states["accelerator"])


def _on_accelerator(training: Training) -> bool:
    return training.batches.images.is_cuda
