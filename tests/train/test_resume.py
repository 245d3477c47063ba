"""A stopped run that resumes ends in the same bits as one that was never stopped."""

import dataclasses
from functools import cache

import pytest
import torch
from made_records import ENVIRONMENT, IDENTITY
from small_training import new_training, run, small_study

from attnbench.errors import UserError
from attnbench.records import tensors
from attnbench.study import Study
from attnbench.train import state
from attnbench.train.observers import Observer
from attnbench.train.unfinished import RefusedError, Unfinished, claimed

COMMON = {"batch_size": 32, "weight_decay": 0.001, "label_smoothing": 0.1, "augmentation": ["crop", "jitter"]}
RECIPES = {
    "adam, one cycle": {"name": "onecycle", "optimizer": "adam", "warmup": 0.3, "learning_rate": 0.01, "epochs": 3},
    "sgd, one cycle": {"name": "onecycle", "optimizer": "sgd", "warmup": 0.3, "learning_rate": 0.01, "epochs": 3},
    "adam, plateau": {"name": "source", "patience": 0, "factor": 0.5, "learning_rate": 0.05, "epochs": 4},
}


class Stop(Exception):
    """Stands for the end of the process."""


class Stopping(Observer):
    """Ends the run in the first step of an epoch; 0 never ends it."""

    def __init__(self, epoch: int = 0) -> None:
        self.last_epoch = epoch
        self.messages: list[str] = []

    def on_message(self, text):
        self.messages.append(text)

    def on_step_end(self, epoch, step):
        if epoch == self.last_epoch:
            raise Stop


def study_with(recipe: str, precision: str = "float32") -> Study:
    return small_study(machine={"precision": precision}, **RECIPES[recipe] | COMMON)


@pytest.fixture(scope="module")
def study() -> Study:
    return study_with("adam, one cycle")


@pytest.fixture(scope="module")
def never_stopped(data):
    """Return a function from a recipe to its run that was never stopped; each is trained once."""
    return cache(lambda name, precision="float32": run(study_with(name, precision), "cbam", 0, data))


@pytest.fixture(scope="module")
def whole(never_stopped):
    """The run that was never stopped."""
    return never_stopped("adam, one cycle")


def unfinished(tmp_path, identity=IDENTITY, name: str = "cbam-0") -> Unfinished:
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


@pytest.mark.parametrize(("name", "precision"), [*((name, "float32") for name in RECIPES), ("adam, one cycle", "bf16")])
def test_stopped_after_each_epoch_it_ends_in_the_same_bits(data, tmp_path, never_stopped, name, precision):
    study = study_with(name, precision)
    whole = never_stopped(name, precision)
    for epoch in range(2, study.recipe.epochs + 1):
        stop_in(epoch, study, data, tmp_path)
    observer = Stopping()
    rest = run(study, "cbam", 0, data, [observer], unfinished(tmp_path))
    assert_same(rest, whole)
    epochs = study.recipe.epochs
    assert [message for message in observer.messages if "AVX2" not in message] == [
        f"resumes after epoch {epochs - 1} of {epochs}: {unfinished(tmp_path).path}"
    ]
    assert (whole.continued_after, rest.continued_after) == (0, epochs - 1)
    assert len(rest.curves.training_seconds) == len(rest.curves.evaluation_seconds) == epochs
    assert rest.seconds > sum(rest.curves.training_seconds)


def test_stopped_before_its_record_it_trains_nothing_again(study, data, whole, tmp_path):
    run(study, "cbam", 0, data, [], unfinished(tmp_path))
    observer = Stopping(epoch=1)
    again = run(study, "cbam", 0, data, [observer], unfinished(tmp_path))
    assert_same(again, whole)
    assert again.continued_after == study.recipe.epochs
    assert observer.messages == [f"is trained, and is evaluated again: {unfinished(tmp_path).path}"]


LEFT_OUT = {
    "network/": "adam, one cycle",
    "optimizer/": "adam, one cycle",
    "optimizer/ of SGD": "sgd, one cycle",
    "generator/order": "adam, one cycle",
    "generator/augmentation": "adam, one cycle",
    "generator/global": "adam, one cycle",
    "optimizer": "adam, plateau",
    "schedule": "adam, one cycle",
    "schedule of the plateau": "adam, plateau",
}


@pytest.mark.parametrize("part", LEFT_OUT)
def test_each_part_of_the_state_is_needed(data, tmp_path, monkeypatch, never_stopped, part):
    """If a part stays as in a new training, the rest of the run comes out differently."""
    study = study_with(LEFT_OUT[part])
    if study.recipe.name != "source":
        whole = never_stopped(LEFT_OUT[part])
    else:  # labels that make the validation loss rise, so that there is a plateau
        labels = data.train_labels.clone()
        labels[data.validation_index] = (labels[data.validation_index] + 1) % 3
        data = dataclasses.replace(data, train_labels=labels)
        whole = run(study, "cbam", 0, data)
    # a plateau changes the epoch after the one that it judges
    stop_in(2 if part == "schedule of the plateau" else study.recipe.epochs, study, data, tmp_path)
    restore = state.restore

    def without(training, saved):
        fresh, key = state.capture(training), part.split(" ")[0]
        is_array = "/" in key
        arrays = {name: array for name, array in saved.arrays.items() if not (is_array and name.startswith(key))}
        arrays |= {name: array for name, array in fresh.arrays.items() if is_array and name.startswith(key)}
        restore(training, state.State(arrays, saved.values | {k: v for k, v in fresh.values.items() if k == key}))

    monkeypatch.setattr(state, "restore", without)
    rest = run(study, "cbam", 0, data, [], unfinished(tmp_path))
    assert rest.curves.epochs[0] == whole.curves.epochs[0]
    assert any(not torch.equal(rest.state[name], whole.state[name]) for name in whole.state)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"code": "a" * 64}, "code"),
        ({"data": "a" * 64}, "images"),
        ({"params": "a" * 64}, "values in params.yaml"),
        ({"environment": ENVIRONMENT.model_copy(update={"threads": 2})}, "threads"),
        ({"code": "a" * 64, "data": "b" * 64}, "images and code"),
    ],
)
def test_the_state_of_another_run_is_refused_by_name_and_the_run_starts_again(
    study, data, whole, tmp_path, changes, names
):
    other = IDENTITY.model_copy(update=changes)
    stop_in(2, study, data, tmp_path)
    with pytest.raises(RefusedError, match=rf"cbam-0.safetensors was left by a run that differs in {names}$"):
        unfinished(tmp_path, other).load()
    observer = Stopping()
    outcome = run(study, "cbam", 0, data, [observer], unfinished(tmp_path, other))
    path = unfinished(tmp_path).path
    assert observer.messages == [f"starts from the first epoch: {path} was left by a run that differs in {names}"]
    assert outcome.continued_after == 0
    assert_same(outcome, whole)


def test_the_state_of_another_seed_or_format_is_refused(study, data, tmp_path, monkeypatch):
    """Seeds of a variant share their identity; a file under another name must not pass for its own."""
    stop_in(2, study, data, tmp_path)
    with pytest.raises(RefusedError, match=r"was left by a run that differs in name$"):
        unfinished(tmp_path, name="cbam-1").load()
    monkeypatch.setattr("attnbench.train.unfinished.FORMAT", 0)
    with pytest.raises(RefusedError, match=r"was left by a run that differs in format of states$"):
        unfinished(tmp_path).load()


def test_the_state_of_the_optimiser_goes_to_the_device_of_the_weights(study, data):
    """The fused step refuses a step count on another device; the meta device stands in for an accelerator."""
    here, there = new_training(study, "cbam", data), new_training(study, "cbam", data, "meta")
    here.train_epoch()
    saved = state.capture(here)
    optimizer = {name.removeprefix("optimizer/"): torch.from_numpy(array) for name, array in saved.arrays.items()}
    optimizer = {name: tensor for name, tensor in optimizer.items() if name[0].isdigit()}
    state._restore_optimizer(there, optimizer, saved.values["optimizer"])
    moments = [moment for moments in there.optimizer.state.values() for moment in moments.values()]
    assert len(moments) == 3 * len(list(there.network.parameters()))
    assert {moment.device.type for moment in moments} == {"meta"}


def test_an_epoch_is_reported_after_it_is_saved(study, data, tmp_path):
    """Otherwise a run that is killed in between would report it twice."""
    saved = unfinished(tmp_path)

    class Watcher(Observer):
        epochs: list[tuple[int, int]] = []  # noqa: RUF012

        def on_epoch_end(self, row, losses, seconds):
            self.epochs.append((row.epoch, len(saved.load().values["epochs"])))
            assert losses == saved.load().arrays["losses"].tolist()[-len(losses) :]

    run(study, "cbam", 0, data, [Watcher()], saved)
    assert Watcher.epochs == [(1, 1), (2, 2), (3, 3)]


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def zeroed(path):
    """As after a power cut: the right length, and zeros at the end."""
    content = path.read_bytes()
    path.write_bytes(content[:-4096] + bytes(4096))


def flipped(path):
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(bytes(content))


def pickled(path):
    torch.save({"network": torch.zeros(1)}, path)


def without_identity(path):
    arrays, about = tensors.read(path)
    del about["identity"]
    tensors.write(path, arrays, about)


def with_another_value(path):
    arrays, about = tensors.read(path)
    about["values"]["epochs"][0]["train_loss"] += 1
    tensors.write(path, arrays, about)


@pytest.mark.parametrize("damage", [cut, empty, zeroed, flipped, pickled, without_identity, with_another_value])
def test_a_damaged_state_is_reported_and_the_run_starts_again(study, data, whole, tmp_path, damage):
    stop_in(2, study, data, tmp_path)
    damage(unfinished(tmp_path).path)
    observer = Stopping()
    outcome = run(study, "cbam", 0, data, [observer], unfinished(tmp_path))
    (message,) = observer.messages
    assert message.startswith(f"starts from the first epoch: {unfinished(tmp_path).path} is damaged: ")
    assert_same(outcome, whole)


def test_no_room_leaves_the_old_state_as_it_is(study, data, whole, tmp_path, monkeypatch):
    stop_in(2, study, data, tmp_path)
    before = unfinished(tmp_path).path.read_bytes()

    def full(arrays, path, metadata):
        path.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("attnbench.records.tensors.save_file", full)
    with pytest.raises(UserError, match=r"no space left for .*cbam-0.safetensors; nothing of it was kept. Free some"):
        run(study, "cbam", 0, data, [], unfinished(tmp_path))
    assert unfinished(tmp_path).path.read_bytes() == before
    assert list(unfinished(tmp_path).path.parent.iterdir()) == [unfinished(tmp_path).path]
    monkeypatch.undo()
    assert_same(run(study, "cbam", 0, data, [], unfinished(tmp_path)), whole)


def test_a_second_process_on_the_same_run_says_so(tmp_path):
    path = unfinished(tmp_path).path
    with claimed(path):
        with (
            pytest.raises(
                UserError, match=r"^process \d+ is running this training run \(it holds .*cbam-0.lock\); wait"
            ),
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
    """Later steps must not change what was captured."""
    captured = []
    capture = state.capture
    monkeypatch.setattr(state, "capture", lambda training: captured.append(capture(training)) or captured[-1])
    run(study, "cbam", 0, data, [], unfinished(tmp_path))
    first, second = captured[:2]
    changing = [name for name in first.arrays if name.startswith(("network/", "optimizer/"))]
    assert [name for name in changing if (first.arrays[name] == second.arrays[name]).all()] == []
    assert first.values["optimizer"] != second.values["optimizer"]
    assert [len(values) for values in (first.values["epochs"], first.values["training_seconds"])] == [1, 1]
