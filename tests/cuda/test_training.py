"""Training on an NVIDIA GPU: the same bits again, nothing to wait for, and steps that a CUDA graph can repeat."""

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from made_records import IDENTITY
from small_training import edges, new_training, run, small_study

from attnbench.networks import arithmetic
from attnbench.records.prepared import Prepared
from attnbench.study import Study, attention
from attnbench.train.augment import augment, draw_epoch
from attnbench.train.augment.batch import OPERATIONS
from attnbench.train.augment.epoch import BatchAugmentation
from attnbench.train.observers import Observer
from attnbench.train.unfinished import Unfinished
from attnbench.train.variant import Outcome

pytestmark = pytest.mark.cuda
CARD = "cuda"
FOLDER = Path(__file__).parent
NAMES = [attention.NONE, *attention.names()]


class Stop(Exception):
    """Stands for the end of the process."""


class Stopping(Observer):
    """Ends the run in the first step of its second epoch."""

    def on_step_end(self, epoch, step):
        if epoch == 2:
            raise Stop


@pytest.fixture(scope="module")
def data() -> Prepared:
    return edges()


def study_on_card(name: str = "cbam", precision: str = "float32", **changes: object) -> Study:
    variant = {"attention": name} | ({} if name == attention.NONE else {"site": "before_pool"})
    machine = {"device": CARD, "precision": precision}
    return small_study(machine=machine, variants={"other": variant}, augmentation=list(OPERATIONS), **changes)


def assert_same(one: Outcome, other: Outcome) -> None:
    assert [name for name in one.state if not torch.equal(one.state[name], other.state[name])] == []
    assert torch.equal(one.logits, other.logits)
    assert one.curves.losses == other.curves.losses


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("name", NAMES)
def test_a_run_gives_the_same_bytes_twice(data: Prepared, name: str, precision: str) -> None:
    study = study_on_card(name, precision)
    assert_same(run(study, "other", 0, data), run(study, "other", 0, data))


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_stopped_run_resumes_to_the_same_bytes(
    data: Prepared, optimizer: str, precision: str, tmp_path: Path
) -> None:
    """With dropout, whose random numbers come from the card's own generator."""
    study = study_on_card("cbam", precision, optimizer=optimizer, epochs=3)
    assert study.backbone.options.get("dropout") != 0
    unfinished = Unfinished(tmp_path / "cbam-0.safetensors", "other-0", IDENTITY)
    with pytest.raises(Stop):
        run(study, "other", 0, data, [Stopping()], unfinished)
    torch.rand(1, device=CARD)  # the generator is elsewhere when the run goes on
    resumed = run(study, "other", 0, data, (), unfinished)
    assert resumed.continued_after == 1
    assert_same(resumed, run(study, "other", 0, data))


@pytest.mark.parametrize("name", NAMES)
def test_after_the_first_step_of_an_epoch_nothing_waits_for_the_card(data: Prepared, name: str) -> None:
    study = study_on_card(name)
    arithmetic.set_up(study.machine)
    training = new_training(study, "other", data, CARD)
    batches = iter(training.batches)
    training.step(*next(batches))  # libraries start with it, and the random numbers of the epoch are copied
    with waiting_refused():
        for images, labels in batches:
            training.step(images, labels)


@contextmanager
def waiting_refused() -> Iterator[None]:
    """Let a call that waits for the card raise."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Synchronization debug mode is a prototype")
            torch.cuda.set_sync_debug_mode("error")
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def digests(count: int, device: str, precision: str) -> list[list[str]]:
    """Train the run in `count` processes at once; return the digest of the weights and whether CUDA was started."""
    command = [sys.executable, str(FOLDER / "run_digest.py"), device, precision]
    path = os.pathsep.join([str(FOLDER.parent), *filter(None, sys.path)])
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path})
        for _ in range(count)
    ]
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert all(process.returncode == 0 for process in processes)
    return [output.split() for output in outputs]


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_four_runs_at_once_give_the_bytes_of_one_alone(precision: str) -> None:
    """Convolutions may take another algorithm where memory is short, and with it other bits."""
    alone = digests(1, CARD, precision)
    assert digests(4, CARD, precision) == alone * 4


def test_a_run_on_the_processor_does_not_start_cuda() -> None:
    [[_, is_started]] = digests(1, "cpu", "float32")
    assert is_started == "False"


def test_a_replayed_graph_equals_the_step(data: Prepared) -> None:
    study = study_on_card()
    device = arithmetic.set_up(study.machine)
    eager, graphed = (new_training(study, "other", data, CARD) for _ in range(2))
    for training in (eager, graphed):
        training.network.train()
        for group in training.optimizer.param_groups:
            group["capturable"] = True
        for module in training.network.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
    images, labels = next(iter(eager.batches))
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):  # what libraries choose and reserve in the first steps cannot be recorded
            graphed.step(images, labels)
    torch.cuda.current_stream().wait_stream(stream)
    for _ in range(3):
        eager.step(images, labels)
    graphed.optimizer.zero_grad()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss, correct = graphed.step(images, labels)
    for _ in range(3):
        graph.replay()
        assert all(map(torch.equal, (loss, correct), eager.step(images, labels)))
    ours, expected = graphed.network.state_dict(), eager.network.state_dict()
    assert [name for name, tensor in expected.items() if not torch.equal(tensor, ours[name])] == []


def test_a_replayed_graph_equals_the_augmentation() -> None:
    """The graph of one batch serves the random numbers of every other."""
    device = arithmetic.set_up(study_on_card().machine)
    pixels = torch.randint(0, 256, (64, 3, 32, 32), dtype=torch.uint8).to(device)
    first, second = draw_epoch([64, 64], OPERATIONS, 4, torch.Generator(), device)
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        augment(pixels, OPERATIONS, first)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = augment(pixels, OPERATIONS, first)
    expected = augment(pixels, OPERATIONS, second)
    for into, source in zip(tensors(first), tensors(second), strict=True):
        into.copy_(source)
    graph.replay()
    assert torch.equal(result, expected)


def tensors(augmentation: BatchAugmentation) -> list[torch.Tensor]:
    return [*vars(augmentation.parameters).values(), *vars(augmentation.blends).values()]
