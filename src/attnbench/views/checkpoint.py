"""Trained weights into a network."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from attnbench.errors import UserError


def load_weights(network: nn.Module, path: Path) -> None:
    """Fill `network` with the weights of a checkpoint; nothing may be missing or left over.

    Raises:
        UserError: the file is missing, is no checkpoint, or belongs to another network.
    """
    if not path.is_file():
        raise UserError(f"the checkpoint {path} is missing; `dvc repro` trains it (or `dvc pull` with a remote)")
    try:
        network.load_state_dict(load_file(path))
    except SafetensorError as error:
        raise UserError(f"{path} is not a checkpoint ({error}); delete it and run `dvc repro`") from None
    except RuntimeError as error:  # torch names the keys and shapes that differ
        raise UserError(
            f"{path} holds the weights of another network: {error}\nDelete it and run `dvc repro`"
        ) from None
