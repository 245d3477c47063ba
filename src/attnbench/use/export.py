"""A trained network as one file that runs without attnbench: a program of torch.export, TorchScript or ONNX."""

import copy
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from attnbench.errors import UserError
from attnbench.networks import Network, attention_modules
from attnbench.networks.map_convolution import MapConvolution
from attnbench.records import files
from attnbench.use.trained import TrainedRun

Format = Literal["pt2", "torchscript", "onnx"]

TOLERANCE = 1e-5  # of a logit, relative and absolute
DESCRIPTION = "attnbench.json"
ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
EXAMPLE = 2  # images that a program is made from
CHECKED = (1, 5)  # images that it is then checked with


def export(run: TrainedRun, path: Path, kind: Format) -> float:
    """Write a network for any number of images, and return the largest difference of a logit to the original.

    Input: float32 (n, c, h, w), standardised as by `run.preprocess`. Output: logits (n, classes). The file also holds
    `description(run)` as JSON, under `DESCRIPTION`: as an extra file, or as metadata of ONNX.

    Raises:
        UserError: torch cannot export a layer of it, a package is missing, or the file computes something else; nothing
            is written then.
    """
    missing = [name for name in ONNX_PACKAGES if find_spec(name) is None] if kind == "onnx" else []
    if missing:
        raise UserError(f"ONNX needs {', '.join(missing)}: pip install -e '.[export]', or write --format pt2")
    shape = run.data.image_shape
    network = portable(run.network)
    program = program_of(network, torch.zeros(EXAMPLE, *shape), run.name)
    generator = torch.Generator().manual_seed(0)
    largest = 0.0
    with files.replacing(path) as temporary, torch.no_grad():
        with refused_by_name(run.network, run.name):
            computed = write(network, program, temporary, kind, description(run))
        for x in (torch.randn(n, *shape, generator=generator) for n in CHECKED):
            expected = run.network(x)
            with refused_by_name(run.network, run.name):
                difference = (computed(x) - expected).abs()
            if not (difference <= TOLERANCE * (1 + expected.abs())).all():
                raise UserError(
                    f"{run.name} was not exported: its logits as {kind} differ by up to {difference.max():.1e} from "
                    f"those of the network, for {len(x)} image(s); at most {TOLERANCE:.0e} is accepted"
                )
            largest = max(largest, float(difference.max()))
    return largest


def description(run: TrainedRun) -> dict[str, Any]:
    """Return what a user of the file needs besides it: classes, standardisation, and where the weights come from."""
    record, data = run.record, run.data
    return {
        "classes": data.classes,
        "image_shape": data.image_shape,
        "mean": data.mean,  # of pixels in 0..1, per channel
        "std": data.std,
        "study": record.study,
        "variant": record.variant,
        "seed": record.seed,
        "accuracy": record.accuracy,
        "checkpoint_sha256": record.checkpoint_sha256,
        "images": f"{data.title}: {data.provenance}",
    }


def portable(network: Network) -> Network:
    """Return a copy in eval mode that computes the same with plain operators, for any number of images.

    `MapConvolution` is a convolution that takes another way for large batches, which an exported program cannot.
    """
    network = copy.deepcopy(network).eval()
    for name, layer in list(network.named_modules()):
        if isinstance(layer, MapConvolution):
            k = layer.kernel_size[0]
            plain = nn.Conv2d(layer.in_channels, layer.out_channels, k, padding=k // 2, bias=False)
            plain.weight = layer.weight
            network.set_submodule(name, plain.eval())
    return network


@contextmanager
def cudnn_by_default() -> Iterator[None]:
    """Let torch export a network whatever cuDNN was set to, and set cuDNN back.

    torch.export reads cuDNN's TF32 under its old name, an error once `arithmetic.set_up` used the new ones, and resets
    it. Nothing here is computed on an accelerator.
    """
    if not hasattr(torch.backends, "fp32_precision"):  # torch 2.8 has the old name alone
        yield
        return
    layers: list[Any] = [torch.backends.cudnn.conv, torch.backends.cudnn.rnn]  # type: ignore[attr-defined]
    before = [layer.fp32_precision for layer in layers]
    for layer in layers:
        layer.fp32_precision = "tf32"  # as torch starts
    try:
        yield
    finally:
        for layer, precision in zip(layers, before, strict=True):
            layer.fp32_precision = precision


@cudnn_by_default()
def program_of(network: Network, example: Tensor, name: str) -> torch.export.ExportedProgram:
    """Return the program of a network in eval mode for any number of images, from an example of two or more.

    Raises:
        UserError: it cannot be exported; the text has the network's attention modules and torch's reason.
    """
    dynamic = ({0: torch.export.Dim("n", min=1)},)
    with refused_by_name(network, name), torch.no_grad():
        return torch.export.export(network, (example,), dynamic_shapes=dynamic)


@contextmanager
def refused_by_name(network: Network, name: str) -> Iterator[None]:
    """Turn what torch raises while it exports a network into a `UserError` that names its attention modules."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError, torch._dynamo.exc.TorchDynamoException) as error:
        kinds = sorted({type(module).__name__ for module in attention_modules(network).values()})
        cause: BaseException = error
        while cause.__cause__ is not None:  # the first one says which operator, the last one only which step
            cause = cause.__cause__
        reason = " ".join(str(cause).split())[:200]
        raise UserError(f"{name} cannot be exported (attention: {', '.join(kinds) or 'none'}): {reason}") from error


@cudnn_by_default()
def write(
    network: Network, program: torch.export.ExportedProgram, path: Path, kind: Format, metadata: Mapping[str, Any]
) -> Callable[[Tensor], Tensor]:
    """Write a network, its `program` and a description as a file, and return what the file computes of images."""
    text = json.dumps(metadata, ensure_ascii=False)
    if kind == "pt2":
        with path.open("wb") as output:  # not the path: torch wants it to end with .pt2
            torch.export.save(program, output, extra_files={DESCRIPTION: text})
        with path.open("rb") as stored:
            module: Callable[[Tensor], Tensor] = torch.export.load(stored).module()
        return module
    if kind == "torchscript":
        return _write_torchscript(network, program, path, text)
    import onnxruntime  # noqa: PLC0415 -- an extra

    converted = torch.onnx.export(
        program, dynamo=True, verbose=False, input_names=["images"], output_names=["logits"], optimize=True
    )
    assert converted is not None
    model = converted.model_proto
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n"  # torch has a number of its own for it
    model.metadata_props.add(key=DESCRIPTION, value=text)
    path.write_bytes(model.SerializeToString())
    with _runtime_errors():
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def logits(images: Tensor) -> Tensor:
        with _runtime_errors():
            return torch.from_numpy(np.asarray(session.run(None, {session.get_inputs()[0].name: images.numpy()})[0]))

    return logits


def _write_torchscript(
    network: Network, program: torch.export.ExportedProgram, path: Path, text: str
) -> Callable[[Tensor], Tensor]:
    """Write a network as TorchScript, by a trace with the example of its program.

    The program shows that no value of an image decides what is computed, so one trace is all of it. The program itself
    cannot be traced: the number of images would stay that of the example.
    """
    example, _ = program.example_inputs
    jit: Any = torch.jit  # without types
    with warnings.catch_warnings(action="ignore"):  # torch advises its successor, and warns of branches on sizes
        jit.save(jit.trace(network, example, check_trace=False), path, _extra_files={DESCRIPTION: text})
        computed: Callable[[Tensor], Tensor] = jit.load(path)
    return computed


@contextmanager
def _runtime_errors() -> Iterator[None]:
    """Turn the errors of onnxruntime, which have no class in common, into a RuntimeError."""
    try:
        yield
    except Exception as error:
        raise RuntimeError(str(error)) from error
