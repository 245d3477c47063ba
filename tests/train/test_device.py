"""What an accelerator would see of an epoch. The meta device, which has no values, stands in: reading one fails."""

import sys

import pytest
import torch
from small_training import new_training, small_study
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from attnbench.networks.evaluation import logits_of
from attnbench.study import attention
from attnbench.tools.contract.dispatched import Recording
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
    monkeypatch.setattr(module, "_get_fused_kernels_supported_devices", lambda: ["cpu", "meta"])


@pytest.mark.parametrize("name", [attention.NONE, "cbam"])  # the contract of modules has the same of each alone
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


def variants(name: str) -> dict[str, dict[str, str]]:
    return {"other": {"attention": name} | ({} if name == attention.NONE else {"site": "after_pool"})}


@pytest.mark.parametrize("name", [attention.NONE, *attention.names()])
def test_all_steps_run_the_same_operators_on_the_same_shapes(data, name):
    """As a CUDA graph requires, which repeats what it has recorded. On real images: no shape depends on values."""
    study = small_study(variants=variants(name), batch_size=30, augmentation=list(OPERATIONS))
    training = new_training(study, "other", data)
    batches = iter(training.batches)
    training.step(*next(batches))  # the first step also makes the optimiser's moments
    steps = []
    for _ in range(3):
        with Recording() as recorded:
            training.step(*next(batches))
        steps.append(recorded.calls)
    assert steps[0] == steps[1] == steps[2]


@pytest.mark.parametrize(("name", "budget"), [(attention.NONE, 225), ("se", 285), ("cbam", 425)])
def test_a_step_makes_few_calls(data, name, budget):
    """On an accelerator the networks are small enough for the number of calls to decide how long a step takes."""
    study = small_study(variants=variants(name), augmentation=list(OPERATIONS))
    training = new_training(study, "other", data, "meta")
    batches = iter(training.batches)
    training.step(*next(batches))
    with Recording() as recorded:
        training.step(*next(batches))
    assert budget * 0.9 < len(recorded.calls) <= budget, "lower the budget if there are fewer now"
