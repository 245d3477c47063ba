import dataclasses

import pytest
import torch

from attnbench.errors import UserError
from attnbench.records.curves import EpochRow
from attnbench.study.schema import Study, Variant
from attnbench.train.batches import Batches
from attnbench.train.evaluation import accuracy_by_class, score
from attnbench.train.optimisation import optimisation
from attnbench.train.tensorboard import TensorBoard
from attnbench.train.trial import run


def with_recipe(study: Study, **changes: object) -> Study:
    """Return the study with other values in its recipe, validated."""
    values = study.model_dump()
    values["recipe"] |= changes
    return Study.model_validate(values)


class Watcher:
    """Notes all it is told."""

    def __init__(self):
        self.notes, self.steps, self.rows, self.losses, self.closed = [], [], [], [], 0

    def note(self, text):
        self.notes.append(text)

    def step(self, epoch, step):
        self.steps.append((epoch, step))

    def epoch(self, row, losses, seconds):
        self.rows.append(row)
        self.losses += losses

    def close(self):
        self.closed += 1


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_it_learns_what_can_be_learned(study, data):
    outcome = run(with_recipe(study, epochs=8), "cbam", 0, data, [])
    assert outcome.test.accuracy > 0.9
    assert outcome.curves.epochs[-1].train_loss < outcome.curves.epochs[0].train_loss / 2
    assert list(outcome.per_class_accuracy) == ["left", "right", "top"]


def test_same_seed_same_bits_other_seed_other_bits(study, data):
    first, again, other = (run(study, "cbam", seed, data, []) for seed in (0, 0, 1))
    assert same(first.state, again.state)
    assert torch.equal(first.logits, again.logits)
    assert first.curves.losses == again.curves.losses
    assert not same(first.state, other.state)


def test_watching_changes_nothing_and_tells_everything(study, data, tmp_path):
    watcher = Watcher()
    watched = run(study, "baseline", 0, data, [watcher, TensorBoard(tmp_path)])
    assert same(watched.state, run(study, "baseline", 0, data, []).state)
    assert watcher.steps == [(epoch, step) for epoch in (1, 2) for step in (1, 2, 3, 4)]
    assert watcher.rows == watched.curves.epochs
    assert watcher.losses == watched.curves.losses
    assert watcher.closed == 1


def test_tensorboard_has_the_tags_that_tutorials_use(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = TensorBoard(tmp_path)
    board.epoch(EpochRow(1, 0.1, 2.0, 0.25, 1.5, 0.5), [2.5, 1.5], 1.0)
    board.epoch(EpochRow(2, 0.1, 1.0, 0.5, 1.25, 0.625), [1.0, 0.5], 1.0)
    board.close()
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
    """Bits of a variant do not depend on which others the study has, or on their order."""
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


def test_every_run_holds_to_deterministic_algorithms(study, data):
    torch.use_deterministic_algorithms(False)
    run(study, "baseline", 0, data)
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.allow_tf32
    assert torch.get_num_threads() == study.machine.threads


@pytest.mark.parametrize(
    ("precision", "instructions", "told"),
    [
        ("bf16", "AVX2", True),
        ("float32", "AVX2", False),
        ("bf16", "AVX512", False),
    ],
)
def test_slow_arithmetic_is_told_before_it_is_waited_for(study, data, monkeypatch, precision, instructions, told):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: instructions)
    values = study.model_dump()
    values["machine"]["precision"] = precision
    watcher = Watcher()
    run(Study.model_validate(values), "baseline", 0, data, [watcher])
    assert [note.startswith("`machine: precision: bf16` takes more than ten times") for note in watcher.notes] == (
        [True] if told else []
    )


def test_the_test_images_have_no_part_in_training(study, data):
    inverted = dataclasses.replace(data, test_images=255 - data.test_images, test_labels=2 - data.test_labels)
    first, second = (run(study, "cbam", 0, images, []) for images in (data, inverted))
    assert same(first.state, second.state)
    assert not torch.equal(first.logits, second.logits)


def test_the_validation_images_are_not_trained_on(study, data):
    """With the onecycle recipe nothing depends on them but the validation columns."""
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
    torch.rand(5)  # the global generator has no say
    for (a, la), (b, lb) in zip(first, again, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(la, lb)
    assert not torch.equal(next(iter(first))[0], next(iter(other))[0])
    plain = with_recipe(study, augmentation=[]).recipe  # so that the order alone can make a difference
    first, other = (Batches(data, plain, seed, device) for seed in (0, 1))
    assert not torch.equal(next(iter(first))[0], next(iter(other))[0])


def test_each_epoch_goes_over_every_image_once_in_another_order(study, data):
    batches = Batches(data, with_recipe(study, augmentation=[], batch_size=50).recipe, 0, torch.device("cpu"))
    plain = batches.normalise(data.train_images[data.train_index].float() / 255)
    epochs = [torch.cat([images for images, _ in batches]) for _ in range(2)]
    assert [len(labels) for _, labels in batches] == [50, 50, 20]
    for epoch in epochs:
        assert torch.equal(epoch.flatten(1).sum(1).sort().values, plain.flatten(1).sum(1).sort().values)
    assert not torch.equal(*epochs)


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_step(study, data):
    broken = dataclasses.replace(
        data, description=dataclasses.replace(data.description, std=(float("inf"), 0.2, float("nan")))
    )
    with pytest.raises(UserError, match=r"the training loss became nan in step 1 \(step 1 of epoch 1\).*learning_rate"):
        run(study, "baseline", 0, broken, [])


def test_weights_that_turn_nan_in_the_last_step_are_told(study, data):
    """The loss of a step is that before the weights change; what the last step does, the validation images show."""
    one_step = with_recipe(study, epochs=1, batch_size=120, learning_rate=1e38)
    with pytest.raises(UserError, match=r"^the validation loss became nan after epoch 1; the run has stopped and left"):
        run(one_step, "baseline", 0, data)


def test_divergence_later_on_is_counted_from_the_first_step(study, data):
    with pytest.raises(UserError, match=r"in step \d+ \(step \d of epoch \d\); the run has stopped and left no record"):
        run(with_recipe(study, learning_rate=1e30, epochs=3), "baseline", 0, data, [])


@pytest.mark.parametrize(("batch_size", "instead"), [(17, 18), (7, 8), (1, 2), (4, 6)])
def test_a_batch_of_one_image_is_refused_before_the_first_step(study, data, batch_size, instead):
    data = dataclasses.replace(data, train_index=data.train_index[: 41 if batch_size == 4 else 120])
    text = rf"batch_size: {batch_size}` leaves one of (41|120) training images alone .* such as {instead}$"
    watcher = Watcher()
    with pytest.raises(UserError, match=text):
        run(with_recipe(study, batch_size=batch_size), "baseline", 0, data, [watcher])
    assert watcher.steps == []


def test_a_last_batch_of_two_images_trains_a_norm_of_pooled_features(study, data):
    variants = study.variants | {"srm": Variant(attention="srm", site="after_pool")}
    study = study.model_copy(update={"variants": variants})
    watcher = Watcher()
    run(with_recipe(study, batch_size=59, epochs=1), "srm", 0, data, [watcher])
    assert watcher.steps == [(1, 1), (1, 2), (1, 3)]


def test_an_accelerator_that_is_not_there(study, data, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    values = study.model_dump()
    values["machine"]["device"] = "cuda"
    with pytest.raises(UserError, match=r"`machine: device: cuda`, but torch finds no CUDA device; write"):
        run(type(study).model_validate(values), "baseline", 0, data, [])


def test_plateau_lowers_the_rate_by_the_validation_loss(study, data):
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
    values = study.model_dump() | {"recipe": recipe}
    # labels that cannot be learned on the validation part: its loss rises, the training loss does not
    labels = data.train_labels.clone()
    labels[data.validation_index] = (labels[data.validation_index] + 1) % 3
    rows = run(
        type(study).model_validate(values), "baseline", 0, dataclasses.replace(data, train_labels=labels), []
    ).curves.epochs
    best = rows[0].validation_loss
    expected = [0.01]
    for row in rows[1:-1]:
        expected.append(expected[-1] * (0.5 if row.validation_loss >= best else 1))
        best = min(best, row.validation_loss)
    expected.insert(0, 0.01)  # nothing to compare with after the first epoch
    assert [row.learning_rate for row in rows] == pytest.approx(expected)
    assert rows[-1].learning_rate < 0.01


def test_one_cycle_rises_to_its_peak_and_falls(study, data):
    rates = [row.learning_rate for row in run(with_recipe(study, epochs=6), "baseline", 0, data, []).curves.epochs]
    assert max(rates) == pytest.approx(0.01, rel=0.05)
    assert rates.index(max(rates)) in (1, 2)
    assert rates[-1] < 1e-5


@pytest.mark.parametrize("warmup", [0.1, 0.1000001, 0.05, 0.5])
def test_one_cycle_begins_low_wherever_its_peak_is(study, data, warmup):
    """A rise of exactly one step, 0.1 of 10, must not become 0 / 0."""
    recipe = with_recipe(study, warmup=warmup, batch_size=12, epochs=1).recipe
    optimizer, schedule = optimisation(torch.nn.Linear(1, 1), recipe, steps=10)
    rates = [optimizer.rate]
    for _ in range(10):
        optimizer.step()
        schedule.after_step()
        rates.append(optimizer.rate)
    assert all(0 < rate <= 0.01 * (1 + 1e-9) for rate in rates)
    assert rates[-1] == rates[-2] < 1e-6


def test_score_by_hand():
    logits = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 3.0], [1.0, 0.0]])
    labels = torch.tensor([1, 0, 1, 1])
    found = score(logits, labels)
    losses = [
        torch.tensor(2.0).log(),
        (1 + torch.tensor(-2.0).exp()).log(),
        (1 + torch.tensor(-3.0).exp()).log(),
        (1 + torch.tensor(1.0).exp()).log(),
    ]
    assert found.accuracy == 0.5
    assert found.loss == pytest.approx(sum(losses).item() / 4)
    assert accuracy_by_class(logits, labels, ("a", "b", "c")) == {"a": 1.0, "b": pytest.approx(1 / 3)}
