"""What an accelerator would see of an epoch. The meta device, which has no values, stands in: reading one fails."""

import sys

import pytest
import torch
from small_training import new_training, small_study
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from attnbench.networks.evaluation import logits_of
from attnbench.study import attention
from attnbench.train.augment.batch import OPERATIONS

META = torch.device("meta")


class FromHost(TorchDispatchMode):
    """Notes every operator that takes tensors of both the host and the device."""

    def __init__(self):
        super().__init__()
        self.operators = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, torch.Tensor)]
        if {tensor.device.type for tensor in tensors} == {"cpu", "meta"}:
            self.operators.append(str(func))
        return result


@pytest.fixture(autouse=True)
def fused_on_meta(monkeypatch):
    """Let torch.optim take the fused path on the meta device, as on an accelerator."""
    module = sys.modules["torch.optim.optimizer"]  # torch.optim has no attribute of this name
    monkeypatch.setattr(module, "_get_fused_kernels_supported_devices", lambda: ["meta"])


@pytest.mark.parametrize("name", [attention.NONE, *attention.names()])
def test_within_an_epoch_nothing_is_read_and_nothing_copied(data, name):
    variant = {"attention": name} | ({} if name == attention.NONE else {"site": "before_pool"})
    training = new_training(
        small_study(variants={"other": variant}, augmentation=list(OPERATIONS)), "other", data, "meta"
    )
    batches = iter(training.batches)
    first = next(batches)  # with it come the random numbers of the epoch
    with FromHost() as from_host:
        training.step(*first)
        for images, labels in batches:
            loss, right = training.step(images, labels)
            assert {tensor.device for tensor in (images, labels, loss, right)} == {META}
        logits = logits_of(training.network, training.validation_images, training.batches.normalise)
    assert logits.shape == (len(data.validation_index), 3)
    assert logits.device == META
    assert from_host.operators == []
    moments = [tensor for state in training.optimizer.state.values() for tensor in state.values()]
    assert {tensor.device for tensor in moments} == {META}


def test_an_epoch_starts_with_one_copy_for_each_kind_of_number_not_for_each_batch(data):
    counts = []
    for size in (60, 6):
        training = new_training(small_study(batch_size=size, augmentation=list(OPERATIONS)), "baseline", data, "meta")
        with FromHost() as from_host:
            for _ in training.batches:
                pass
        counts.append(len(from_host.operators))
    assert counts[0] == counts[1] > 0
