"""Loading trained weights into a network."""

from pathlib import Path

import torch
from torch import nn

from attnbench.errors import UserError
from attnbench.records import tensors


def load_weights(network: nn.Module, path: Path) -> None:
    """Load the weights of a checkpoint into `network`; the names and shapes must be exactly those of the network.

    Raises:
        UserError: the file is missing, is not a checkpoint, or belongs to another network.
    """
    try:
        arrays, _ = tensors.read(path)
        network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    except FileNotFoundError:
        raise UserError(
            f"the checkpoint {path} is missing; `dvc repro` trains it (or `dvc pull` with a remote)"
        ) from None
    except tensors.DamagedError as error:
        raise UserError(f"{path} is not a checkpoint ({error}); delete it and run `dvc repro`") from None
    except RuntimeError as error:  # torch names the keys and shapes that differ
        raise UserError(
            f"{path} holds the weights of another network: {error}\nDelete it and run `dvc repro`"
        ) from None
