"""What a training run does, without its files."""

import dataclasses

import pytest
import torch
from small_training import run, small_study

from attnbench.errors import UserError
from attnbench.records.curves import EpochRow
from attnbench.study import Study
from attnbench.train.batches import Batches
from attnbench.train.observers import Observer
from attnbench.train.tensorboard import TensorBoard


class Recorder(Observer):
    """Keeps the arguments of all calls."""

    def __init__(self):
        self.messages, self.steps, self.rows, self.losses, self.ends = [], [], [], [], 0

    def on_message(self, text):
        self.messages.append(text)

    def on_step_end(self, epoch, step):
        self.steps.append((epoch, step))

    def on_epoch_end(self, row, losses, seconds):
        self.rows.append(row)
        self.losses += losses

    def on_run_end(self):
        self.ends += 1


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_it_learns_what_can_be_learned(data):
    outcome = run(small_study(epochs=8), "cbam", 0, data)
    assert outcome.test.accuracy > 0.9
    assert outcome.curves.epochs[-1].train_loss < outcome.curves.epochs[0].train_loss / 2
    assert list(outcome.per_class_accuracy) == ["left", "right", "top"]


def test_same_seed_same_bits_other_seed_other_bits(study, data):
    first, again, other = (run(study, "cbam", seed, data) for seed in (0, 0, 1))
    assert same(first.state, again.state)
    assert torch.equal(first.logits, again.logits)
    assert first.curves.losses == again.curves.losses
    assert not same(first.state, other.state)


def test_observers_see_everything_and_change_nothing(study, data, tmp_path):
    recorder = Recorder()
    observed = run(study, "baseline", 0, data, [recorder, TensorBoard(tmp_path)])
    assert same(observed.state, run(study, "baseline", 0, data).state)
    assert recorder.steps == [(epoch, step) for epoch in (1, 2) for step in (1, 2, 3, 4)]
    assert recorder.rows == observed.curves.epochs
    assert recorder.losses == observed.curves.losses
    assert recorder.ends == 1


def test_tensorboard_has_the_tags_that_tutorials_use(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = TensorBoard(tmp_path)
    board.on_epoch_end(EpochRow(1, 0.1, 2.0, 0.25, 1.5, 0.5), [2.5, 1.5], 1.0)
    board.on_epoch_end(EpochRow(2, 0.1, 1.0, 0.5, 1.25, 0.625), [1.0, 0.5], 1.0)
    board.on_run_end()
    events = EventAccumulator(str(tmp_path)).Reload()
    scalars = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    assert scalars == {
        "Train/Iteration Loss": [(1, 2.5), (2, 1.5), (3, 1.0), (4, 0.5)],
        "Train/Epoch Loss": [(1, 2.0), (2, 1.0)],
        "Train/Epoch Accuracy": [(1, 0.25), (2, 0.5)],
        "Test/Epoch Loss": [(1, 1.5), (2, 1.25)],
        "Test/Epoch Accuracy": [(1, 0.5), (2, 0.625)],
    }


def test_a_profiler_changes_nothing(study, data):
    plain = run(study, "cbam", 0, data)
    with torch.profiler.profile():
        profiled = run(study, "cbam", 0, data)
    assert same(plain.state, profiled.state)


def test_other_variants_change_nothing(study, data):
    """The bits of a variant depend neither on the other variants nor on their order."""
    values = study.model_dump()
    values["variants"] = {
        "se": {"attention": "se", "site": "before_pool"},
        "cbam": values["variants"]["cbam"],
        "baseline": values["variants"]["baseline"],
    }
    assert same(run(Study.model_validate(values), "cbam", 0, data).state, run(study, "cbam", 0, data).state)


def test_the_caller_keeps_its_random_numbers_and_a_run_does_not_draw_from_them(study, data):
    torch.manual_seed(1)
    first = run(study, "cbam", 0, data)
    drawn = torch.rand(3)
    torch.manual_seed(1)
    assert torch.equal(drawn, torch.rand(3))
    torch.manual_seed(2)
    assert same(first.state, run(study, "cbam", 0, data).state)


def test_slow_arithmetic_is_reported_before_the_first_step(data, monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    recorder = Recorder()
    run(small_study(machine={"precision": "bf16"}), "baseline", 0, data, [recorder])
    assert [message.split("; ")[0] for message in recorder.messages] == [
        "`machine: precision: bf16` takes more than ten times as long as float32 on this processor, whose widest "
        "instructions are AVX2"
    ]


def test_the_test_images_have_no_part_in_training(study, data):
    inverted = dataclasses.replace(data, test_images=255 - data.test_images, test_labels=2 - data.test_labels)
    first, second = (run(study, "cbam", 0, images) for images in (data, inverted))
    assert same(first.state, second.state)
    assert not torch.equal(first.logits, second.logits)


def test_the_validation_images_are_not_trained_on(study, data):
    """With the onecycle recipe only the validation columns depend on them."""
    other = data.train_images.clone()
    other[data.validation_index] = 255 - other[data.validation_index]
    first, second = (
        run(study, "baseline", 0, dataclasses.replace(data, train_images=images), [])
        for images in (data.train_images, other)
    )
    assert same(first.state, second.state)
    assert first.curves.epochs[0].validation_loss != second.curves.epochs[0].validation_loss


def test_all_variants_of_a_seed_see_the_same_images(study, data):
    device = torch.device("cpu")
    first, again, other = (Batches(data, study.recipe, seed, device) for seed in (0, 0, 1))
    torch.rand(5)  # the global generator does not matter
    for (a, la), (b, lb) in zip(first, again, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(la, lb)
    assert not torch.equal(next(iter(first))[0], next(iter(other))[0])
    plain = small_study(augmentation=[]).recipe  # so that only the order makes a difference
    first, other = (Batches(data, plain, seed, device) for seed in (0, 1))
    assert not torch.equal(first.augmentation.get_state(), other.augmentation.get_state())
    assert not torch.equal(next(iter(first))[0], next(iter(other))[0])


def test_each_epoch_has_every_image_once_in_another_order(data):
    batches = Batches(data, small_study(augmentation=[], batch_size=50).recipe, 0, torch.device("cpu"))
    plain = batches.normalise(data.train_images[data.train_index].float() / 255)
    epochs = [torch.cat([images for images, _ in batches]) for _ in range(2)]
    assert [len(labels) for _, labels in batches] == [50, 50, 20]
    for epoch in epochs:
        assert torch.equal(epoch.flatten(1).sum(1).sort().values, plain.flatten(1).sum(1).sort().values)
    assert not torch.equal(*epochs)


def test_a_loss_that_is_not_finite_before_the_first_update_is_not_blamed_on_the_learning_rate(study, data):
    broken = dataclasses.replace(
        data, description=dataclasses.replace(data.description, std=(float("inf"), 0.2, float("nan")))
    )
    with pytest.raises(UserError, match=r"the training loss is nan in step 1, before any weight has changed; the run"):
        run(study, "baseline", 0, broken)


def test_weights_that_become_nan_in_the_last_step_are_reported(data):
    """The loss of a step is computed before the weights change; only the validation shows what the last step does."""
    one_step = small_study(epochs=1, batch_size=120, learning_rate=1e38)
    with pytest.raises(UserError, match=r"^the validation loss became nan after epoch 1; the run has stopped and left"):
        run(one_step, "baseline", 0, data)


@pytest.mark.parametrize(
    ("precision", "advice"), [("float32", r"1e\+30\)$"), ("bf16", r"1e\+30\), or write `machine: precision: float32`$")]
)
def test_divergence_later_on_names_the_step_and_what_can_be_changed(data, precision, advice):
    text = r"in step \d+ \(step \d of epoch \d\); the run has stopped and left no record. .*learning_rate` \(now "
    with pytest.raises(UserError, match=text + advice):
        run(small_study(learning_rate=1e30, epochs=3, machine={"precision": precision}), "baseline", 0, data)


@pytest.mark.parametrize(("batch_size", "instead"), [(17, 18), (7, 8), (1, 2), (4, 6)])
def test_a_batch_of_one_image_is_refused_before_the_first_step(data, batch_size, instead):
    data = dataclasses.replace(data, train_index=data.train_index[: 41 if batch_size == 4 else 120])
    text = rf"batch_size: {batch_size}` leaves a batch of one image out of (41|120) .* such as {instead}$"
    recorder = Recorder()
    with pytest.raises(UserError, match=text):
        run(small_study(batch_size=batch_size), "baseline", 0, data, [recorder])
    assert recorder.steps == []


def test_a_last_batch_of_two_images_trains_a_norm_of_pooled_features(data):
    study = small_study(variants={"srm": {"attention": "srm", "site": "after_pool"}}, batch_size=59, epochs=1)
    recorder = Recorder()
    run(study, "srm", 0, data, [recorder])
    assert recorder.steps == [(1, 1), (1, 2), (1, 3)]


def test_plateau_lowers_the_rate_by_the_validation_loss(data):
    recipe = {
        "name": "source",
        "epochs": 4,
        "batch_size": 64,
        "learning_rate": 0.01,
        "weight_decay": 0.0,
        "label_smoothing": 0.0,
        "augmentation": [],
        "patience": 0,
        "factor": 0.5,
    }
    # labels that cannot be learned on the validation part: its loss rises, the training loss does not
    labels = data.train_labels.clone()
    labels[data.validation_index] = (labels[data.validation_index] + 1) % 3
    data = dataclasses.replace(data, train_labels=labels)
    rows = run(small_study(**recipe), "baseline", 0, data).curves.epochs
    best = rows[0].validation_loss
    expected = [0.01]
    for row in rows[1:-1]:
        expected.append(expected[-1] * (0.5 if row.validation_loss >= best else 1))
        best = min(best, row.validation_loss)
    expected.insert(0, 0.01)  # nothing to compare with after the first epoch
    assert [row.learning_rate for row in rows] == pytest.approx(expected)
    assert rows[-1].learning_rate < 0.01


def test_one_cycle_rises_to_its_peak_and_falls(data):
    rates = [row.learning_rate for row in run(small_study(epochs=6), "baseline", 0, data).curves.epochs]
    assert max(rates) == pytest.approx(0.01, rel=0.05)
    assert rates.index(max(rates)) in (1, 2)
    assert rates[-1] < 1e-5
