"""TensorBoard event files with the tags that tutorials use."""

from collections.abc import Sequence
from pathlib import Path

from attnbench.errors import UserError
from attnbench.records.curves import EpochRow
from attnbench.train.observers import Observer


class TensorBoard(Observer):
    """Writes the loss of every step, and the loss and accuracy of every epoch.

    The tutorials' `Test/...` tags show the validation part here: test images are evaluated once per run, at the end.

    Raises:
        UserError: the package tensorboard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 -- an optional package
        except ImportError:
            raise UserError(
                "params.yaml says `tensorboard: true`, but the package tensorboard is not installed; "
                "type `pip install tensorboard`, or write `tensorboard: false`"
            ) from None
        self.writer = SummaryWriter(str(folder))

    def on_epoch_end(self, row: EpochRow, losses: Sequence[float], seconds: float) -> None:
        first = (row.epoch - 1) * len(losses) + 1  # a resumed run starts after the first epoch
        for step, loss in enumerate(losses, start=first):
            self.writer.add_scalar("Train/Iteration Loss", loss, step)
        self.writer.add_scalar("Train/Epoch Loss", row.train_loss, row.epoch)
        self.writer.add_scalar("Train/Epoch Accuracy", row.train_accuracy, row.epoch)
        self.writer.add_scalar("Test/Epoch Loss", row.validation_loss, row.epoch)
        self.writer.add_scalar("Test/Epoch Accuracy", row.validation_accuracy, row.epoch)
        self.writer.flush()  # a stopped run resumes after this epoch

    def on_run_end(self) -> None:
        self.writer.close()
