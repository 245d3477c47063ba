"""What an accelerator would run of every attention module and backbone, as far as that can be known without one."""

import re

import pytest
import torch
from dispatched import Recording
from networks.configurations import Configuration
from torch._subclasses.fake_tensor import FakeTensorMode

from attnbench import networks
from attnbench.study import backbones

# What `torch.use_deterministic_algorithms` says raises on an accelerator, and the operators that do. Names that torch
# lists for other devices or for tensors that no network here has are mapped to nothing.
RAISING = {
    "nn.AvgPool3d": ["avg_pool3d_backward"],
    "nn.AdaptiveAvgPool2d": ["_adaptive_avg_pool2d_backward"],
    "nn.AdaptiveAvgPool3d": ["_adaptive_avg_pool3d_backward"],
    "nn.AdaptiveMaxPool2d": ["adaptive_max_pool2d_backward"],
    "nn.FractionalMaxPool2d": ["fractional_max_pool2d_backward"],
    "nn.FractionalMaxPool3d": ["fractional_max_pool3d_backward"],
    "nn.MaxUnpool1d": ["max_unpool2d"],
    "nn.MaxUnpool2d": ["max_unpool2d"],
    "nn.MaxUnpool3d": ["max_unpool3d"],
    "nn.functional.interpolate": [
        *("upsample_linear1d_backward", "upsample_bilinear2d_backward", "_upsample_bilinear2d_aa_backward"),
        *("upsample_bicubic2d_backward", "_upsample_bicubic2d_aa_backward", "upsample_trilinear3d_backward"),
    ],
    "nn.ReflectionPad1d": ["reflection_pad1d_backward"],
    "nn.ReflectionPad2d": ["reflection_pad2d_backward"],
    "nn.ReflectionPad3d": ["reflection_pad3d_backward"],
    "nn.NLLLoss": ["nll_loss2d_forward"],  # of maps of classes; that of rows, which training uses, does not raise
    "nn.CTCLoss": ["_ctc_loss_backward", "_cudnn_ctc_loss"],
    "nn.EmbeddingBag": ["_embedding_bag_dense_backward"],
    "nn.Embedding": [],  # on MPS
    "Tensor.put_": ["put", "put_"],
    "histc": ["histc"],
    "bincount": ["bincount"],
    "median": ["median", "nanmedian"],
    "nn.functional.grid_sample": ["grid_sampler_2d_backward", "grid_sampler_3d_backward"],
    "Tensor.scatter_reduce": ["scatter_reduce", "scatter_reduce_"],
    "Tensor.index_put": [],  # on MPS
    "Tensor.index_reduce": [],  # on MPS
    "kthvalue": ["kthvalue"],
    "nn.MaxPool2d": [],  # on MPS, with the next two
    "nn.MaxPool3d": [],
    "Tensor.resize_": [],  # of quantised tensors
    "cumsum": ["cumsum"],  # in older versions
    "nn.ReplicationPad1d": ["replication_pad1d_backward"],
    "nn.ReplicationPad2d": ["replication_pad2d_backward"],
    "nn.ReplicationPad3d": ["replication_pad3d_backward"],
}
RAISING_OPERATORS = {operator for operators in RAISING.values() for operator in operators}


def test_the_table_has_every_operation_that_torch_lists() -> None:
    text = torch.use_deterministic_algorithms.__doc__ or ""
    (raising,) = re.findall(
        r"will throw a\s+:class:`RuntimeError` when ``mode=True``:(.*?)\n\n    In addition", text, re.S
    )
    listed = set(re.findall(r":(?:class|func):`torch\.([\w.]+)`", raising))
    assert len(listed) > 20
    assert listed <= RAISING.keys(), "torch lists operations that may not repeat and that RAISING does not map"


def test_no_module_uses_an_operator_that_raises(configured: Configuration) -> None:
    module = configured.build(16).to("meta").train()
    x = torch.empty(2, 16, 6, 5, device="meta", requires_grad=True)
    with Recording() as recorded:
        module(x).sum().backward()
    assert x.grad is not None
    assert recorded.names & RAISING_OPERATORS == set()


@pytest.mark.parametrize("name", backbones.names())
def test_no_backbone_uses_an_operator_that_raises(name: str) -> None:
    network = networks.build_backbone(name, 10, (3, 32, 32)).to("meta").train()
    with Recording() as recorded:
        network(torch.empty(2, 3, 32, 32, device="meta")).sum().backward()
    assert recorded.names & RAISING_OPERATORS == set()
    assert "convolution_backward" in recorded.names


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let autocast believe that there is an accelerator with bf16; tensors on it have types and shapes, no values."""
    monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_: True)


@pytest.mark.usefixtures("pretended")
def test_the_type_is_kept_under_an_accelerators_autocast(configured: Configuration) -> None:
    """A map is bf16 after a convolution: a module that returned float32 would double the memory traffic after it."""
    with FakeTensorMode(allow_non_fake_inputs=True), torch.device("cuda"), torch.autocast("cuda", torch.bfloat16):
        module = configured.build(16)
        for dtype in (torch.bfloat16, torch.float32):
            y = module(torch.empty(2, 16, 6, 5, dtype=dtype))
            assert (y.device.type, y.dtype) == ("cuda", dtype)
