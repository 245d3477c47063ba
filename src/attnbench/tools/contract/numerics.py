"""Checks of types, memory layouts and repeatability; `device` is where they run, the processor by default."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from attnbench.tools.contract.configurations import Configuration, features
from attnbench.tools.contract.dispatched import Recording
from attnbench.tools.contract.require import require, require_close, require_gradient


def keeps_type_under_autocast(case: Configuration, device: str = "cpu") -> None:
    """Keeps the type of its input under autocast to bfloat16, and its values but for rounding."""
    for dtype in (torch.float32, torch.bfloat16):
        module, x = case.trained().eval(), features()
        exact = module(x)
        with torch.autocast(device, torch.bfloat16):
            y = module.to(device)(x.to(device, dtype))
        require(y.dtype == dtype, f"returns {y.dtype} for {dtype} under autocast; write `gate.to(x.dtype)`")
        _require_near(y.cpu(), exact, 0.02, f"values for {dtype} under autocast")


def keeps_another_type(case: Configuration) -> None:
    """Computes in bfloat16 and in float64, forward and backward."""
    for dtype, share in ((torch.bfloat16, 0.02), (torch.float64, 1e-5)):
        module, x = case.trained().eval(), features()
        exact = module(x)
        x = x.to(dtype).requires_grad_()
        y = module.to(dtype)(x)
        require(y.dtype == dtype, f"returns {y.dtype} after `module.to({dtype})`")
        _require_near(y, exact, share, f"values in {dtype}")
        y.sum().backward()
        for name, tensor in [("its input", x), *((f"`{name}`", value) for name, value in module.named_parameters())]:
            gradient = require_gradient(name, tensor, f"in {dtype} ")
            require(gradient.dtype == dtype, f"in {dtype} the gradient of {name} is {gradient.dtype}")


def _require_near(rounded: Tensor, exact: Tensor, share: float, what: str) -> None:
    """Check that the mean difference is below a share of the mean magnitude."""
    difference = ((rounded.double() - exact).abs().mean() / exact.abs().mean()).item()
    require(difference < share, f"its {what} differ by {difference:.1%} on average; at most {share:.3%} is rounding")


def keeps_memory_layout(case: Configuration) -> None:
    """Keeps the layout channels_last, and computes the same in it."""
    module, x = case.trained().eval(), features()
    last = x.contiguous(memory_format=torch.channels_last)
    y = module(last)
    require(y.is_contiguous(memory_format=torch.channels_last), "returns another memory layout for channels_last")
    rounding = 1e-6 * max(10, y.abs().max().item())  # sums of large terms may be small
    require_close(y, module(x), "computes something else in channels_last", rtol=1e-5, atol=rounding)


def is_the_same_without_gradients(case: Configuration) -> None:
    """Computes the same bits with and without gradients."""
    module, x = case.trained().eval(), features()
    with torch.no_grad():
        without = module(x)
    require(torch.equal(module(x.requires_grad_()), without), "gives other bits under `torch.no_grad()`")


def repeats(case: Configuration, device: str = "cpu") -> None:
    """Repeats the same bits, outputs and gradients, with deterministic algorithms."""
    x = features().to(device).contiguous(memory_format=torch.channels_last)
    results: list[list[Tensor | None]] = []
    with _deterministic():
        for _ in range(2):
            module, leaf = case.trained().to(device).train(), x.clone().requires_grad_()
            y = module(leaf)
            y.square().sum().backward()
            results.append([y, leaf.grad, *(parameter.grad for parameter in module.parameters())])
    for first, again in zip(*results, strict=True):
        is_same = first is None or again is None or torch.equal(first, again)
        require(is_same, "gives other bits the second time, with the same weights and input")


@contextmanager
def _deterministic() -> Iterator[None]:
    before = torch.get_deterministic_debug_mode()
    torch.set_deterministic_debug_mode("error")  # see attnbench.networks.arithmetic
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before)


def repeats_on_an_accelerator(case: Configuration) -> None:
    """Computes on an accelerator alone, by operators that have deterministic algorithms, which training uses."""
    module = case.build(16).to("meta").train()
    x = torch.empty(2, 16, 6, 5, device="meta", requires_grad=True)
    with Recording() as recorded:
        module(x).sum().backward()
    raising = sorted(recorded.names & RAISING_OPERATORS)
    require(not raising, f"uses {', '.join(raising)}; see `attnbench.networks.pooling` for what repeats")
    host = ", ".join(sorted(set(recorded.from_host)))
    require(not host, f"uses tensors in the host's memory ({host}); make them on `x.device`, or register a buffer")


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

FOR_ALL = (
    keeps_type_under_autocast,
    keeps_another_type,
    keeps_memory_layout,
    is_the_same_without_gradients,
    repeats,
    repeats_on_an_accelerator,
)
