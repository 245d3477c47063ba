"""TensorBoard event files, under the tags that tutorials use."""

from collections.abc import Sequence
from pathlib import Path

from attnbench.errors import UserError
from attnbench.records.curves import EpochRow


class TensorBoard:
    """Writes the loss of every step, and loss and accuracy of every epoch.

    The tutorials' `Test/...` tags carry the validation part here: the test images are looked at once, at the end.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 -- an optional package
        except ImportError:
            raise UserError(
                "params.yaml says `tensorboard: true`, but the package tensorboard is not installed; "
                "type `pip install attnbench[tensorboard]`, or write `tensorboard: false`"
            ) from None
        self.writer = SummaryWriter(str(folder))

    def note(self, text: str) -> None:
        pass

    def step(self, epoch: int, step: int) -> None:
        pass

    def epoch(self, row: EpochRow, losses: Sequence[float], seconds: float) -> None:
        first = (row.epoch - 1) * len(losses) + 1  # a run may begin behind the first epoch
        for step, loss in enumerate(losses, start=first):
            self.writer.add_scalar("Train/Iteration Loss", loss, step)
        self.writer.add_scalar("Train/Epoch Loss", row.train_loss, row.epoch)
        self.writer.add_scalar("Train/Epoch Accuracy", row.train_accuracy, row.epoch)
        self.writer.add_scalar("Test/Epoch Loss", row.validation_loss, row.epoch)
        self.writer.add_scalar("Test/Epoch Accuracy", row.validation_accuracy, row.epoch)
        self.writer.flush()  # a run that is stopped goes on behind this epoch

    def close(self) -> None:
        self.writer.close()
