"""The views of a network, against values computed by hand."""

from dataclasses import replace

import numpy as np
import params
import pytest
import torch
from torch import nn

from attnbench import networks, views
from attnbench.networks.grad_cam import grad_cam
from attnbench.records import views as store
from attnbench.records.prepared import Description, Prepared
from attnbench.views import capture


def test_first_test_image_of_each_class(network, data):
    computed = views.compute(network, data, count=2, variant="v", seed=0)
    assert computed.index.tolist() == [1, 3]
    assert computed.labels.tolist() == [0, 1]
    np.testing.assert_array_equal(computed.images, data.test_images[[1, 3]].numpy())
    np.testing.assert_array_equal(computed.masks, data.test_masks[[1, 3]].numpy())


def test_a_class_without_test_images_is_skipped(network, data):
    without = replace(data, test_labels=torch.tensor([2, 0, 0, 0, 2]))
    assert views.compute(network, without, count=6, variant="v", seed=0).index.tolist() == [1, 0]


def test_prediction_is_that_of_the_network_in_eval_mode(network, data):
    computed = views.compute(network, data, count=3, variant="v", seed=0)
    mean, std = torch.tensor([0.5, 0.5, 0.5]), torch.tensor([0.2, 0.3, 0.4])
    x = (data.test_images[[1, 3, 0]].permute(0, 2, 3, 1) / 255 - mean) / std
    shares = network.eval()(x.permute(0, 3, 1, 2)).softmax(1).detach().numpy()
    np.testing.assert_allclose(computed.probability, shares.max(1), rtol=1e-5)
    assert computed.predicted.tolist() == shares.argmax(1).tolist()


def test_grad_cam_is_the_formula_of_the_paper(attended):
    x = torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    classes = torch.tensor([0, 2, 1])
    attended.eval()
    maps = attended.slot(attended.norm(attended.conv(x)).relu()).detach().requires_grad_()  # (n, k, h, w)
    logits = attended.linear((maps * maps).mean((2, 3)))
    logits[torch.arange(3), classes].sum().backward()
    weight = maps.grad.mean((2, 3))  # (n, k)
    expected = torch.einsum("nk,nkhw->nhw", weight, maps.detach()).clamp(min=0)
    assert expected.max() > 0
    torch.testing.assert_close(grad_cam(attended, {"slot": attended.slot}, x, classes)["slot"], expected)


def test_grad_cam_is_for_the_predicted_and_the_true_class(attended, data):
    computed = views.compute(attended, data, count=3, variant="v", seed=0)
    x = (data.test_images[[1, 3, 0]] / 255 - 0.5) / torch.tensor([0.2, 0.3, 0.4]).view(3, 1, 1)
    attended.eval()
    [expected] = grad_cam(attended, {"slot": attended.slot}, x, torch.tensor(computed.predicted)).values()
    np.testing.assert_allclose(computed.blocks["block1"].grad_cam, expected.numpy(), atol=1e-6)
    [true] = grad_cam(attended, {"slot": attended.slot}, x, torch.tensor(computed.labels)).values()
    np.testing.assert_allclose(computed.blocks["block1"].grad_cam_true, true.numpy(), atol=1e-6)
    assert computed.labels.tolist() != computed.predicted.tolist()
    assert computed.blocks["block1"].grad_cam.dtype == np.float32


def test_gates_by_hand(attended, data):
    with torch.no_grad():  # the slot's input becomes relu(3) in the first channel and 0 in the others
        attended.conv.weight.zero_()
        attended.conv.bias.copy_(torch.tensor([3.0, -1.0, -1.0, 0.0]))
        attended.norm.eps = 0.0
    gate = views.compute(attended, data, count=1, variant="v", seed=0).gates["block1.before_pool"]
    half, high = 0.5, 1 / (1 + np.exp(-3))
    np.testing.assert_allclose(gate.channel, [[high, half, half, half]], atol=1e-3)
    np.testing.assert_allclose(gate.spatial, np.full((1, 8, 8), high), atol=1e-3)


def test_most_active_channels_largest_first(network, data):
    with torch.no_grad():
        network.conv.weight.zero_()
        network.conv.bias.copy_(torch.tensor([0.25, 1.0, -5.0, 4.0]))
        network.norm.eps = 0.0
    block = views.compute(network, data, count=2, variant="v", seed=0).blocks["block1"]
    assert block.active_index.tolist() == [[3, 1, 0]] * 2
    np.testing.assert_array_equal(block.active[:, :, 0, 0], [[4, 1, 0.25]] * 2)


def test_channels_that_vary_most_most_first(network, data):
    with torch.no_grad():
        network.conv.weight.mul_(torch.tensor([1.0, 9.0, 0.0, 3.0]).view(-1, 1, 1, 1))
        network.conv.bias.zero_()
    block = views.compute(network, data, count=2, variant="v", seed=0).blocks["block1"]
    assert block.features_index.tolist() == [1, 3, 0, 2]
    assert (np.diff(block.features.astype(float).var((0, 2, 3))) <= 0).all()


def test_no_hook_no_gradient_and_no_mode_is_left(attended, data):
    attended.train()
    attended.norm.eval()
    before = {name: value.clone() for name, value in attended.state_dict().items()}
    views.compute(attended, data, count=3, variant="v", seed=0)
    for module in attended.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
    assert attended.training
    assert not attended.norm.training
    assert all(parameter.grad is None for parameter in attended.parameters())
    for name, value in attended.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_hooks_are_removed_even_if_the_network_fails(attended):
    wrong = torch.zeros(1, 5, 8, 8)
    with pytest.raises(RuntimeError, match="channels"):
        capture.forward_pass(attended, wrong, outputs_of=attended.views(), inputs_of={"slot": attended.slot})
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in attended.modules())


def test_same_input_same_bytes(attended, data, tmp_path):
    for name in ("one", "two"):
        store.save(tmp_path / name, views.compute(attended, data, count=3, variant="v", seed=0))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def cifar_like(side: int) -> Prepared:
    images = torch.randint(0, 256, (10, 3, side, side), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    few = {"train_images": images[:2], "train_labels": torch.tensor([0, 1]), "train_index": torch.tensor([0])}
    return Prepared(
        description=Description("Noise", "Drawn.", tuple("abcdefghij"), 0, (0.5,) * 3, (0.25,) * 3),
        test_images=images,
        test_labels=torch.arange(10),
        validation_index=torch.tensor([1]),
        **few,
    )


@pytest.mark.parametrize("side", [32, 128])
def test_file_stays_small_enough_for_git(side, tmp_path):
    variants = params.values()["variants"] | {"cbam": {"attention": "cbam", "site": "before_pool"}}
    data = cifar_like(side)
    network = networks.build(params.study(variants=variants), "cbam", data, seed=0)
    computed = views.compute(network, data, count=10, variant="cbam", seed=0)
    store.save(tmp_path / "views", computed)
    assert (tmp_path / "views").stat().st_size < (500_000 if side == 32 else 1_500_000)
    assert {block.features.shape[1:] for block in computed.blocks.values()} >= {(9, 32, 32)}
    assert set(computed.gates) == {"block1.before_pool", "block2.before_pool", "block3.before_pool"}
    assert max(computed.images.shape[2:]) <= 64


def test_a_network_without_attention_has_no_gates(network, data):
    computed = views.compute(network, data, count=1, variant="v", seed=0)
    assert isinstance(network.slot, nn.Identity)
    assert computed.gates == {}
