"""A trained network as one file that runs without attnbench: a program of torch.export, or ONNX."""

import copy
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from attnbench.errors import UserError
from attnbench.networks import attention_modules
from attnbench.networks.map_convolution import MapConvolution
from attnbench.records import files
from attnbench.use.trained import TrainedRun

Format = Literal["pt2", "onnx"]

TOLERANCE = 1e-5  # of a logit, relative and absolute
ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_EXAMPLE, _OTHER = 2, 5  # images: traced with the one number, checked with the other


def export(run: TrainedRun, path: Path, kind: Format) -> float:
    """Write a network for any number of images, and return the largest difference of a logit to the original.

    Input: float32 (n, c, h, w), standardised as by `run.preprocess`. Output: logits (n, classes).

    Raises:
        UserError: torch cannot export a layer of it, a package is missing, or the file computes something else; nothing
            is written then.
    """
    missing = [name for name in ONNX_PACKAGES if find_spec(name) is None] if kind == "onnx" else []
    if missing:
        raise UserError(f"ONNX needs {', '.join(missing)}: pip install 'attnbench[export]', or write --format pt2")
    network = portable(run.network)
    shape = run.data.image_shape
    program = program_of(network, torch.zeros(_EXAMPLE, *shape), run.name)
    x = torch.randn(_OTHER, *shape, generator=torch.Generator().manual_seed(0))
    with files.replacing(path) as temporary, torch.no_grad():
        if kind == "pt2":
            with temporary.open("wb") as stream:
                torch.export.save(program, stream)
            with temporary.open("rb") as stream:
                logits = torch.export.load(stream).module()(x)
        else:
            logits = _through_onnx(program, temporary, x)
        expected = run.network(x)
        difference = (logits - expected).abs()
        if not (difference <= TOLERANCE * (1 + expected.abs())).all():
            raise UserError(
                f"{run.name} was not exported: its logits as {kind} differ by up to {difference.max():.1e} from "
                f"those of the network; at most {TOLERANCE:.0e} is accepted"
            )
    return float(difference.max())


def portable(network: nn.Module) -> nn.Module:
    """Return a copy in eval mode that computes the same with plain operators, for any number of images.

    `MapConvolution` is a convolution that takes another way for large batches, which an exported program cannot.
    """
    network = copy.deepcopy(network).eval()
    for name, layer in list(network.named_modules()):
        if isinstance(layer, MapConvolution):
            k = layer.kernel_size[0]
            plain = nn.Conv2d(layer.in_channels, layer.out_channels, k, padding=k // 2, bias=False)
            plain.weight = layer.weight
            parent, _, child = name.rpartition(".")
            setattr(network.get_submodule(parent), child, plain.eval())
    return network


def program_of(network: nn.Module, example: Tensor, name: str) -> torch.export.ExportedProgram:
    """Return the program of a network in eval mode for any number of images, from an example of two or more.

    Raises:
        UserError: it cannot be exported; the text names the attention modules that cannot, or else the reason.
    """
    dynamic = ({0: torch.export.Dim("n", min=1)},)
    try:
        with torch.no_grad():
            return torch.export.export(network, (example,), dynamic_shapes=dynamic)
    except (RuntimeError, ValueError, TypeError, torch._dynamo.exc.TorchDynamoException) as error:
        kinds = sorted({type(module).__name__ for module in attention_modules(network).values()})  # type: ignore[arg-type]
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{name} cannot be exported (attention: {', '.join(kinds) or 'none'}): {reason}") from error


def _through_onnx(program: torch.export.ExportedProgram, path: Path, x: Tensor) -> Tensor:
    """Write an ONNX file and return its logits for `x`."""
    import onnxruntime  # noqa: PLC0415 -- an extra

    converted = torch.onnx.export(
        program, dynamo=True, verbose=False, input_names=["images"], output_names=["logits"], optimize=True
    )
    assert converted is not None
    path.write_bytes(converted.model_proto.SerializeToString())
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    logits = session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]
    return torch.from_numpy(np.asarray(logits))
