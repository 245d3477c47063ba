"""The speed measurement: its arithmetic by hand, its turns without a clock, the whole command on a tiny study.

No test asserts a time, since the machine may be busy.
"""

import json
import subprocess
import sys

import params
import pytest
import torch
from torch import nn
from torchvision import transforms

from attnbench.errors import UserError
from attnbench.records.prepared import Description, Prepared
from attnbench.tools import bench
from attnbench.tools.bench import BARE, ENGINE, TUTORIAL, TUTORIAL_WORKERS, Benchmark
from attnbench.train.augment import parameters

CONTENDERS = (TUTORIAL, TUTORIAL_WORKERS, ENGINE, BARE)
TINY = {
    "backbone": {"name": "cnn", "options": {"width": 8, "hidden": 16}},
    "variants": {
        "se": {"attention": "se", "site": "after_pool", "options": {"reduction": 4}},
        "baseline": {"attention": "none"},
        "cbam": {"attention": "cbam", "site": "after_pool", "options": {"reduction": 4}},
    },
}
CPU = torch.device("cpu")


def configured(variants: list[str] | None = None, **changes) -> Benchmark:
    settings = {"images": 64, "rounds": 2, "batch_size": 32, "precision": None} | changes
    return bench.configure(params.study(**TINY), variants, **settings)


def test_the_benchmark_has_every_augmentation_and_the_requested_batch_size_and_precision():
    study = configured(precision="bf16").study
    assert (study.recipe.batch_size, study.machine.precision) == (32, "bf16")
    assert study.recipe.augmentation == ["crop", "flip", "jitter", "rotate"]
    assert configured().study.machine.precision == "float32"


def test_default_variants_are_the_baseline_and_cbam_or_the_first_other():
    assert configured().variants == ("baseline", "cbam")
    assert configured(["cbam", "se", "cbam"]).variants == ("cbam", "se")
    study = params.study()
    benchmark = bench.configure(study, None, images=64, rounds=1, batch_size=64, precision=None)
    assert benchmark.variants == ("baseline", "se")


def test_an_incomplete_batch_is_refused():
    with pytest.raises(UserError, match=r"given 100; must be a multiple of the batch sizes 48 and 64, such as 192"):
        configured(images=100, batch_size=48)


def test_everyone_has_one_turn_per_round_in_a_changing_order_and_the_warm_up_does_not_count(monkeypatch):
    turns, log = [], []
    names = [("baseline", contender) for contender in CONTENDERS]
    monkeypatch.setattr(bench.arithmetic, "set_up", lambda machine: CPU)
    monkeypatch.setattr(bench, "contenders", lambda *_: {name: lambda name=name: turns.append(name) for name in names})
    monkeypatch.setattr(bench, "timed", lambda turn, device: turn() or len(turns))
    seconds = bench.measure(configured(rounds=3), log.append)
    rounds = [turns[start : start + 4] for start in range(0, 16, 4)]
    assert all(sorted(order) == sorted(names) for order in rounds)
    assert len({tuple(order) for order in rounds}) > 1
    assert seconds == {name: [4 * number + rounds[number].index(name) + 1 for number in (1, 2, 3)] for name in names}
    assert [line.partition(":")[0] for line in log] == ["warm-up", "round 1 of 3", "round 2 of 3", "round 3 of 3"]


def test_a_turn_is_timed_from_its_start_to_its_end(monkeypatch):
    clock = [10.0]
    monkeypatch.setattr(bench.time, "perf_counter", lambda: clock[0])
    assert bench.timed(lambda: clock.__setitem__(0, 12.5), CPU) == 2.5


def test_the_tables_have_rates_and_ratios_within_rounds():
    seconds = {  # the second round is slow for all
        ("baseline", TUTORIAL): [8.0, 16.0, 8.0],
        ("baseline", TUTORIAL_WORKERS): [4.0, 8.0, 5.0],
        ("baseline", ENGINE): [2.0, 4.0, 1.6],
        ("baseline", BARE): [1.0, 2.0, 1.0],
        ("cbam", TUTORIAL): [8.0, 16.0, 8.0],
        ("cbam", TUTORIAL_WORKERS): [4.0, 8.0, 5.0],
        ("cbam", ENGINE): [8.0, 16.0, 8.0],
        ("cbam", BARE): [4.0, 8.0, 3.0],
    }
    benchmark = configured(rounds=3, images=64)
    text = bench.text(benchmark, seconds)
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert "baseline engine 32 [16, 40] 4.00 [4.00, 5.00] 0.50 [0.50, 0.62]" in rows
    assert "baseline tutorial, 2 workers 13 [8, 16] 2.00 [1.60, 2.00] 0.25 [0.20, 0.25]" in rows
    assert "cbam 4.000 [3.000, 4.000]" in rows
    assert "tutorial 64, float32; others 32, float32" in text
    values = bench.values(benchmark, seconds)
    assert {(row["variant"], row["contender"]): row["seconds"] for row in values["turns"]} == seconds
    assert values["recipe"]["batch_size"] == 32


def bright_or_dark(count: int = 192) -> Prepared:
    """Noise whose mean level is the class, which no augmentation hides."""
    labels = torch.arange(count) % 3
    noise = torch.randint(0, 50, (count, 3, 16, 16), generator=torch.Generator().manual_seed(0))
    pixels = (noise + 100 * labels[:, None, None, None]).clamp(max=255).to(torch.uint8)
    description = Description("levels", "generated", ("a", "b", "c"), 0, (0.5,) * 3, (0.3,) * 3)
    return Prepared(description, pixels, labels, pixels[:1], labels[:1], torch.arange(count), torch.arange(0))


def test_the_tutorial_augments_as_the_engine_does():
    operations = {type(operation): operation for operation in bench.PILImages(bright_or_dark()).transform.transforms}
    crop, jitter = operations[transforms.RandomCrop], operations[transforms.ColorJitter]
    assert (crop.size, crop.padding) == ((16, 16), bench.TUTORIAL_PADDING)
    assert operations[transforms.RandomHorizontalFlip].p == 0.5
    spread = [1 - parameters.SPREAD, 1 + parameters.SPREAD]
    assert [list(jitter.brightness), list(jitter.contrast), list(jitter.saturation)] == [pytest.approx(spread)] * 3
    assert list(jitter.hue) == [-parameters.MAX_HUE, parameters.MAX_HUE]
    assert operations[transforms.RandomRotation].degrees == [-parameters.MAX_DEGREES, parameters.MAX_DEGREES]
    assert operations[transforms.Normalize].mean == (0.5,) * 3


def test_the_tutorial_sees_every_image_once_shuffled_and_normalised():
    batches = list(bench.tutorial_loader(bright_or_dark(), workers=0))
    assert [len(labels) for _, labels in batches] == [64, 64, 64]
    assert torch.cat([labels for _, labels in batches]).bincount().tolist() == [64, 64, 64]
    assert batches[0][1].tolist() != [number % 3 for number in range(64)]
    assert -1.7 < batches[0][0].min() < -1.6  # (0 - 0.5) / 0.3: the black around a crop


def test_the_tutorial_learns():
    torch.manual_seed(0)
    network = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 3))
    epoch = bench.tutorial(network, bench.tutorial_loader(bright_or_dark(), workers=0), 0.02, CPU)
    first, *_, (loss, accuracy) = [epoch() for _ in range(8)]
    assert loss < first[0] / 2
    assert accuracy > 0.9


def test_all_contenders_train_equal_networks(monkeypatch):
    built = []
    build = bench.networks.build
    monkeypatch.setattr(bench.networks, "build", lambda *arguments: built.append(build(*arguments)) or built[-1])
    turns = bench.contenders(configured(["cbam"]), CPU)
    assert list(turns) == [("cbam", contender) for contender in CONTENDERS]
    states = [{name: weight.clone() for name, weight in network.named_parameters()} for network in built]
    for name, weight in states[0].items():
        assert all(torch.equal(state[name], weight) for state in states), name
    for (_, contender), network, state in zip(turns, built, states, strict=True):
        if contender != TUTORIAL_WORKERS:  # differs in its loader alone, and would start processes
            turns["cbam", contender]()
            assert any(not torch.equal(weight, state[name]) for name, weight in network.named_parameters()), contender


def test_bare_steps_stay_on_one_full_batch(monkeypatch):
    batches = []
    monkeypatch.setattr(bench.Training, "__init__", lambda self, *a, **k: None)
    training = bench.Training()
    training.network, training.batches = nn.Identity(), [(object(), object()) for _ in range(4)]
    training.step = lambda *batch: batches.append(batch)
    bench.bare_steps(training)()
    assert batches == 4 * [training.batches[0]]


def test_all_train_on_the_requested_number_of_generated_images():
    data = bench.generated_images(64)
    assert len(data.train_index) == 64
    assert data.image_shape == (3, 32, 32)
    assert len(data.classes) == 10


def command(folder, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / ".dvc").mkdir()
    (folder / "dvc.yaml").touch()
    params.write(folder, **TINY)
    code = "import sys; sys.argv[0] = 'attnbench'; from attnbench.cli import main; main()"
    arguments = [sys.executable, "-c", code, "bench", "--batch-size", "32", "--images", "64", *options]
    return subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)


def test_the_command_prints_tables_and_writes_the_time_of_every_turn(tmp_path):
    done = command(tmp_path, "--rounds", "1", "--json", "out/speed.json")
    assert done.returncode == 0, done.stderr
    turns = json.loads((tmp_path / "out/speed.json").read_text())["turns"]
    names = [(variant, contender) for variant in ("baseline", "cbam") for contender in CONTENDERS]
    assert [(turn["variant"], turn["contender"]) for turn in turns] == names
    assert all(len(turn["seconds"]) == 1 and min(turn["seconds"]) > 0 for turn in turns)
    assert "cbam       tutorial, 2 workers" in done.stdout
