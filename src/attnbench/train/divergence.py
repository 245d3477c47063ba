"""Error messages for losses that are not finite. No result depends on this file."""

from math import isfinite

from torch import Tensor

from attnbench.errors import UserError
from attnbench.study.schema import Machine, Recipe


def refuse_losses(losses: Tensor, epochs: int, recipe: Recipe, machine: Machine) -> None:
    """Refuse the losses (steps,) of an epoch that follows `epochs` others, if one is not finite.

    Raises:
        UserError: the text says which step it was, and what may help.
    """
    bad = (~losses.isfinite()).nonzero().flatten()
    if not len(bad):
        return
    step, epoch = int(bad[0]) + 1, epochs + 1
    if step == epoch == 1:
        raise UserError(
            f"the training loss is {losses[0].item()} in step 1, before any weight has changed; the run has stopped "
            "and left no record. The learning rate is not the cause: look for it in the attention module and in the "
            "images"
        )
    raise _diverged(
        f"the training loss became {losses[bad[0]].item()} in step {epochs * len(losses) + step} (step {step} of epoch "
        f"{epoch})",
        recipe,
        machine,
    )


def refuse_validation(loss: float, epochs: int, recipe: Recipe, machine: Machine) -> None:
    """Refuse a validation loss that is not finite, after an epoch that follows `epochs` others.

    Raises:
        UserError: the text says in which epoch it was, and what may help.
    """
    if not isfinite(loss):
        raise _diverged(f"the validation loss became {loss} after epoch {epochs + 1}", recipe, machine)


def _diverged(reason: str, recipe: Recipe, machine: Machine) -> UserError:
    advice = f"Lower `recipe: learning_rate` (now {recipe.learning_rate:g})"
    if machine.precision != "float32":
        advice += ", or write `machine: precision: float32`"
    return UserError(f"{reason}; the run has stopped and left no record. {advice}")
