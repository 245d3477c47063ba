"""What an accelerator would run of every attention module and backbone, as far as that can be known without one."""

import re

import pytest
import torch
from networks.reference import CONFIGURATIONS
from torch._subclasses.fake_tensor import FakeTensorMode

from attnbench import networks
from attnbench.study import backbones
from attnbench.tools.contract.configurations import Configuration
from attnbench.tools.contract.dispatched import Recording
from attnbench.tools.contract.numerics import RAISING, RAISING_OPERATORS


def test_the_table_has_every_operation_that_torch_lists() -> None:
    text = torch.use_deterministic_algorithms.__doc__ or ""
    (raising,) = re.findall(
        r"will throw a\s+:class:`RuntimeError` when ``mode=True``:(.*?)\n\n    In addition", text, re.S
    )
    listed = set(re.findall(r":(?:class|func):`torch\.([\w.]+)`", raising))
    assert len(listed) > 20
    assert listed <= RAISING.keys(), "torch lists operations that may not repeat and that RAISING does not map"


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
@pytest.mark.parametrize("case", CONFIGURATIONS, ids=str)
def test_the_type_is_kept_under_an_accelerators_autocast(case: Configuration) -> None:
    """A map is bf16 after a convolution: a module that returned float32 would double the memory traffic after it."""
    with FakeTensorMode(allow_non_fake_inputs=True), torch.device("cuda"), torch.autocast("cuda", torch.bfloat16):
        module = case.build(16)
        for dtype in (torch.bfloat16, torch.float32):
            y = module(torch.empty(2, 16, 6, 5, dtype=dtype))
            assert (y.device.type, y.dtype) == ("cuda", dtype)
