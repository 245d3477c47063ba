"""A run that was stopped and goes on ends in the bits of one that was never stopped."""

import dataclasses
import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from attnbench.errors import UserError
from attnbench.networks import build as placement
from attnbench.records import Environment, Identity
from attnbench.study.schema import Study
from attnbench.train import state
from attnbench.train.loop import Training
from attnbench.train.trial import run
from attnbench.train.unfinished import Refused, Unfinished, claimed

HERE = Environment(
    python="3.11.7",
    torch="2.15.0",
    device="cpu",
    instruction_set="AVX2",
    processor="A",
    threads=1,
    precision="float32",
    memory_format="channels_last",
)
IDENTITY = Identity(data="d" * 64, code="c" * 64, params="p" * 64, environment=HERE)
COMMON = {"batch_size": 32, "weight_decay": 0.001, "label_smoothing": 0.1, "augmentation": ["crop", "jitter"]}
RECIPES = {
    "adam, one cycle": {"name": "onecycle", "optimizer": "adam", "warmup": 0.3, "learning_rate": 0.01, "epochs": 3},
    "sgd, one cycle": {"name": "onecycle", "optimizer": "sgd", "warmup": 0.3, "learning_rate": 0.01, "epochs": 3},
    "adam, plateau": {"name": "source", "patience": 0, "factor": 0.5, "learning_rate": 0.05, "epochs": 4},
}


class Stop(Exception):
    """As if the process ended."""


class Stopping:
    """Ends the run in the first step of an epoch."""

    def __init__(self, epoch: int) -> None:
        self.at = epoch
        self.notes: list[str] = []

    def note(self, text):
        self.notes.append(text)

    def step(self, epoch, step):
        if epoch == self.at:
            raise Stop

    def epoch(self, row, losses, seconds):
        pass

    def close(self):
        pass


def with_recipe(study: Study, name: str, precision: str = "float32") -> Study:
    values = study.model_dump()
    values["recipe"] = RECIPES[name] | COMMON
    values["machine"]["precision"] = precision
    return Study.model_validate(values)


def unfinished(tmp_path, identity: Identity = IDENTITY, name: str = "cbam-0") -> Unfinished:
    return Unfinished(tmp_path / "unfinished" / "cbam-0.safetensors", name, identity)


def stop_in(epoch: int, study, data, tmp_path) -> None:
    with pytest.raises(Stop):
        run(study, "cbam", 0, data, [Stopping(epoch)], unfinished(tmp_path))


def assert_same(one, other) -> None:
    assert one.state.keys() == other.state.keys()
    assert [name for name in one.state if not torch.equal(one.state[name], other.state[name])] == []
    assert torch.equal(one.logits, other.logits)
    assert one.curves.epochs == other.curves.epochs
    assert one.curves.losses == other.curves.losses


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_stopped_after_each_epoch_it_ends_in_the_same_bits(study, data, tmp_path, name, precision):
    study = with_recipe(study, name, precision)
    whole = run(study, "cbam", 0, data)
    for epoch in range(2, study.recipe.epochs + 1):
        stop_in(epoch, study, data, tmp_path)
    watcher = Stopping(epoch=0)
    rest = run(study, "cbam", 0, data, [watcher], unfinished(tmp_path))
    assert_same(rest, whole)
    epochs = study.recipe.epochs
    assert [note for note in watcher.notes if "AVX2" not in note] == [
        f"goes on after epoch {epochs - 1} of {epochs}: {unfinished(tmp_path).path}"
    ]
    assert (whole.continued_after, rest.continued_after) == (0, epochs - 1)
    assert len(rest.curves.training_seconds) == len(rest.curves.evaluation_seconds) == epochs
    assert rest.seconds > sum(rest.curves.training_seconds)


def test_stopped_before_its_record_it_trains_nothing_again(study, data, tmp_path):
    study = with_recipe(study, "adam, one cycle")
    whole = run(study, "cbam", 0, data, [], unfinished(tmp_path))
    again = run(study, "cbam", 0, data, [Stopping(epoch=1)], unfinished(tmp_path))
    assert_same(again, whole)
    assert again.continued_after == study.recipe.epochs
    unfinished(tmp_path).discard()
    assert list((tmp_path / "unfinished").iterdir()) == []
    unfinished(tmp_path).discard()  # a run that was never stopped has none


LEFT_OUT = {
    "network/": "adam, one cycle",
    "optimizer/": "adam, one cycle",
    "generator/order": "adam, one cycle",
    "generator/augmentation": "adam, one cycle",
    "generator/global": "adam, one cycle",
    "rate": "adam, plateau",
    "schedule": "adam, one cycle",
    "schedule of the plateau": "adam, plateau",
}


@pytest.mark.parametrize("part", LEFT_OUT)
def test_each_part_of_the_state_is_needed(study, data, tmp_path, monkeypatch, part):
    """Left as a new training has it, each part makes the rest of the run differ."""
    study = with_recipe(study, LEFT_OUT[part])
    if study.recipe.name == "source":  # labels of which the validation loss rises, so that there is one
        labels = data.train_labels.clone()
        labels[data.validation_index] = (labels[data.validation_index] + 1) % 3
        data = dataclasses.replace(data, train_labels=labels)
    whole = run(study, "cbam", 0, data)
    # a plateau acts on the epoch after the one that it judges
    stop_in(2 if part == "schedule of the plateau" else study.recipe.epochs, study, data, tmp_path)
    restore = state.restore

    def without(training, found):
        fresh, key = state.capture(training), part.split(" ")[0]
        kept = {name: tensor for name, tensor in found.tensors.items() if not name.startswith(key)}
        new = {name: tensor for name, tensor in fresh.tensors.items() if name.startswith(key)}
        restore(training, state.State(kept | new, found.values | {k: v for k, v in fresh.values.items() if k == key}))

    monkeypatch.setattr(state, "restore", without)
    rest = run(study, "cbam", 0, data, [], unfinished(tmp_path))
    assert rest.curves.epochs[0] == whole.curves.epochs[0]
    assert any(not torch.equal(rest.state[name], whole.state[name]) for name in whole.state)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (IDENTITY.model_copy(update={"code": "x" * 64}), "code"),
        (IDENTITY.model_copy(update={"data": "x" * 64}), "images"),
        (IDENTITY.model_copy(update={"params": "x" * 64}), "values in params.yaml"),
        (
            IDENTITY.model_copy(update={"environment": HERE.model_copy(update={"threads": 2})}),
            "class of machine",
        ),
        (IDENTITY.model_copy(update={"code": "x" * 64, "data": "y" * 64}), "images and other code"),
    ],
)
def test_a_state_of_another_run_is_refused_by_name_and_the_run_begins_anew(study, data, tmp_path, other, words):
    study = with_recipe(study, "adam, one cycle")
    stop_in(2, study, data, tmp_path)
    with pytest.raises(Refused, match=rf"cbam-0.safetensors was left by a run with other {words}$"):
        unfinished(tmp_path, other).load()
    watcher = Stopping(epoch=0)
    found = run(study, "cbam", 0, data, [watcher], unfinished(tmp_path, other))
    path = unfinished(tmp_path).path
    assert watcher.notes == [f"begins with the first epoch: {path} was left by a run with other {words}"]
    assert found.continued_after == 0
    assert_same(found, run(study, "cbam", 0, data))


def test_a_state_of_another_seed_is_refused(study, data, tmp_path):
    """Seeds of a variant share their identity; a file under another name must not pass for its own."""
    study = with_recipe(study, "adam, one cycle")
    stop_in(2, study, data, tmp_path)
    with pytest.raises(Refused, match=r"was left by a run with other name$"):
        unfinished(tmp_path, name="cbam-1").load()


def test_a_state_of_another_format_is_refused(study, data, tmp_path, monkeypatch):
    study = with_recipe(study, "adam, one cycle")
    stop_in(2, study, data, tmp_path)
    monkeypatch.setattr("attnbench.train.unfinished.FORMAT", 0)
    with pytest.raises(Refused, match=r"was left by a run with other format of states$"):
        unfinished(tmp_path).load()


def test_what_the_optimiser_keeps_goes_where_the_weights_are(study, data):
    """The fused optimisers refuse a step count on another device; a device without memory stands for an accelerator."""
    study = with_recipe(study, "adam, one cycle")

    def begun(device: str) -> Training:
        network = placement.build(study.backbone, study.variants["cbam"], classes=3, image_shape=(3, 16, 16), seed=0)
        return Training(network, data, study.recipe, study.machine, seed=0, device=torch.device(device))

    here, there = begun("cpu"), begun("meta")
    here.epoch()
    state._set_moments(there, dict(state._moments(here)))
    moments = [each for kept in there.optimizer.state.values() for each in kept.values()]
    assert len(moments) >= 3
    assert {moment.device.type for moment in moments} == {"meta"}


def test_observers_are_told_of_an_epoch_after_it_is_kept(study, data, tmp_path):
    """Else one that is killed in between would tell of it twice."""
    study, kept = with_recipe(study, "adam, one cycle"), unfinished(tmp_path)

    class Watcher(Stopping):
        epochs: list[tuple[int, int]] = []  # noqa: RUF012

        def epoch(self, row, losses, seconds):
            self.epochs.append((row.epoch, len(kept.load().values["epochs"])))
            assert losses == kept.load().tensors["losses"].tolist()[-len(losses) :]

    run(study, "cbam", 0, data, [Watcher(epoch=0)], kept)
    assert Watcher.epochs == [(1, 1), (2, 2), (3, 3)]


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def zeroed(path):
    """As after a power cut: the right length, and nothing behind the header."""
    content = path.read_bytes()
    path.write_bytes(content[:-4096] + bytes(4096))


def flipped(path):
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(bytes(content))


def pickled(path):
    torch.save({"network": torch.zeros(1)}, path)


def without_identity(path):
    tensors = load_file(path)
    save_file(tensors, path, metadata={"attnbench": json.dumps({"values": {}, "sha256": "0"})})


@pytest.mark.parametrize("damage", [cut, empty, zeroed, flipped, pickled, without_identity])
def test_a_damaged_state_is_told_and_the_run_begins_anew(study, data, tmp_path, damage):
    study = with_recipe(study, "adam, one cycle")
    stop_in(2, study, data, tmp_path)
    damage(unfinished(tmp_path).path)
    watcher = Stopping(epoch=0)
    found = run(study, "cbam", 0, data, [watcher], unfinished(tmp_path))
    (note,) = watcher.notes
    assert note.startswith(f"begins with the first epoch: {unfinished(tmp_path).path} is damaged: ")
    assert_same(found, run(study, "cbam", 0, data))


def test_no_room_leaves_the_old_state_as_it_is(study, data, tmp_path, monkeypatch):
    study = with_recipe(study, "adam, one cycle")
    stop_in(2, study, data, tmp_path)
    before = unfinished(tmp_path).path.read_bytes()

    def full(tensors, path, metadata):
        path.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("attnbench.train.unfinished.save_file", full)
    with pytest.raises(UserError, match=r"no space left for .*cbam-0.safetensors; nothing of it was kept. Free some"):
        run(study, "cbam", 0, data, [], unfinished(tmp_path))
    assert unfinished(tmp_path).path.read_bytes() == before
    assert list(unfinished(tmp_path).path.parent.iterdir()) == [unfinished(tmp_path).path]
    monkeypatch.undo()
    assert_same(run(study, "cbam", 0, data, [], unfinished(tmp_path)), run(study, "cbam", 0, data))


def test_a_second_process_on_the_same_run_says_so(tmp_path):
    path = unfinished(tmp_path).path
    with claimed(path):
        with (
            pytest.raises(UserError, match=r"^process \d+ is at work on this run \(it holds .*cbam-0.lock\); wait"),
            claimed(path),
        ):
            pass
        with claimed(path.with_name("cbam-1.safetensors")):
            pass
    with claimed(path):
        pass


def test_what_a_killed_process_left_half_written_is_removed(tmp_path):
    path = unfinished(tmp_path).path
    path.parent.mkdir()
    mine, other = path.parent / f".{path.name}.abc.tmp", path.parent / ".cbam-1.safetensors.abc.tmp"
    mine.write_bytes(b"half")
    other.write_bytes(b"half")
    with claimed(path):
        assert not mine.exists()
        assert other.exists()


def test_the_state_shares_no_memory_with_the_training(study, data, tmp_path, monkeypatch):
    """Later steps must not change what was taken down."""
    taken = []
    capture = state.capture
    monkeypatch.setattr(state, "capture", lambda training: taken.append(capture(training)) or taken[-1])
    run(with_recipe(study, "adam, one cycle"), "cbam", 0, data, [], unfinished(tmp_path))
    first, second = taken[:2]
    moving = [name for name in first.tensors if name.startswith(("network/", "optimizer/"))]
    assert [name for name in moving if torch.equal(first.tensors[name], second.tensors[name])] == []
    assert dataclasses.asdict(first)["values"]["rate"] != second.values["rate"]
