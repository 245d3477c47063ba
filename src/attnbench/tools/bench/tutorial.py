"""The training loop as tutorials have it: torchvision's transforms on one PIL image after another, a DataLoader, Adam.

It is here to be compared with and nowhere else. It reads the loss and the accuracy back in every step, as such loops
do, in contiguous float32 with torch's default number of threads.
"""

from collections.abc import Callable

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from attnbench.records.prepared import Prepared
from attnbench.tools.bench.settings import LOOP_BATCH_SIZE
from attnbench.train.augment.parameters import MAX_DEGREES, MAX_HUE, PADDING, SPREAD


class Images(Dataset[tuple[Tensor, int]]):
    """Images as PIL has them, each transformed when it is asked for."""

    def __init__(self, data: Prepared, transform: Callable[[Image.Image], Tensor]) -> None:
        rows = data.train_index
        self.pixels = data.train_images[rows].permute(0, 2, 3, 1).contiguous().numpy()  # (n, h, w, c)
        self.labels = data.train_labels[rows].tolist()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.pixels[index])), self.labels[index]


def augmentation(data: Prepared) -> transforms.Compose:
    """Return the transforms for images of that size, mean and deviation; they do what `attnbench.train` does."""
    return transforms.Compose(
        [
            transforms.RandomCrop(data.train_images.shape[-1], padding=PADDING),
            transforms.RandomHorizontalFlip(),
            transforms.ColorJitter(SPREAD, SPREAD, SPREAD, MAX_HUE),
            transforms.RandomRotation(MAX_DEGREES),
            transforms.ToTensor(),
            transforms.Normalize(data.description.mean, data.description.std),
        ]
    )


def loader(data: Prepared, workers: int) -> DataLoader[tuple[Tensor, int]]:
    """Return shuffled batches; worker processes stay from one pass to the next."""
    return DataLoader(
        Images(data, augmentation(data)),
        batch_size=LOOP_BATCH_SIZE,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )


class Loop:
    """A network in training."""

    def __init__(
        self, network: nn.Module, batches: DataLoader[tuple[Tensor, int]], device: torch.device, *, learning_rate: float
    ) -> None:
        self.network = network.to(device)
        self.batches = batches
        self.device = device
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)

    def one_pass(self) -> tuple[float, float]:
        """Go over all images once; return the mean loss of the batches, and the accuracy 0..1."""
        self.network.train()
        running_loss, correct, total = 0.0, 0.0, 0
        for images, labels in self.batches:
            images, labels = images.to(self.device), labels.to(self.device)  # noqa: PLW2901 -- as such loops do
            self.optimizer.zero_grad()
            outputs = self.network(images)
            loss = self.criterion(outputs, labels)
            loss.backward()
            self.optimizer.step()
            running_loss += loss.item()
            correct += (outputs.argmax(1) == labels).sum().item()
            total += len(labels)
        return running_loss / len(self.batches), correct / total
