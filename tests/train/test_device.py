"""What an accelerator would see of an epoch. A device without memory stands for it: whoever reads a value fails."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from attnbench.networks import build as placement
from attnbench.study import attention
from attnbench.study.schema import Study
from attnbench.train.augment.batch import OPERATIONS
from attnbench.train.evaluation import logits_of
from attnbench.train.loop import Training

META = torch.device("meta")


class FromHost(TorchDispatchMode):
    """Notes every operator on the device that is handed a tensor of the host."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        involved = [each for each in tree_leaves((args, kwargs, result)) if isinstance(each, torch.Tensor)]
        if {each.device.type for each in involved} == {"cpu", "meta"}:
            self.found.append(str(func))
        return result


def training(study: Study, data, variant: dict, **recipe) -> Training:
    values = study.model_dump()
    values["recipe"] |= recipe
    values["variants"]["other"] = variant
    study = Study.model_validate(values)
    network = placement.build(study.backbone, study.variants["other"], classes=3, image_shape=data.image_shape, seed=0)
    return Training(network, data, study.recipe, study.machine, seed=0, device=META)


@pytest.mark.parametrize("family", [attention.NONE, *attention.names()])
def test_within_an_epoch_nothing_is_read_and_nothing_copied(study, data, family):
    variant = {"attention": family} if family == attention.NONE else {"attention": family, "site": "before_pool"}
    begun = training(study, data, variant, augmentation=list(OPERATIONS))
    batches = iter(begun.batches)
    first = next(batches)  # what is random in the epoch comes with it
    with FromHost() as watching:
        begun.step(*first)
        for images, labels in batches:
            loss, right = begun.step(images, labels)
            begun.schedule.after_step()
            assert {each.device for each in (images, labels, loss, right)} == {META}
        logits = logits_of(begun.network, begun.held_out, begun.batches.normalise)
    assert logits.shape == (len(data.validation_index), 3)
    assert logits.device == META
    assert watching.found == []
    assert {each.device for kept in begun.optimizer.state.values() for each in kept.values()} == {META}


def test_an_epoch_begins_with_a_copy_for_each_kind_of_number_not_for_each_batch(study, data):
    counts = []
    for size in (60, 6):
        begun = training(study, data, {"attention": "none"}, batch_size=size, augmentation=list(OPERATIONS))
        with FromHost() as watching:
            for _ in begun.batches:
                pass
        counts.append(len(watching.found))
    assert counts[0] == counts[1] > 0
