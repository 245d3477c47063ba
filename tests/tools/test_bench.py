"""The speed measurement: its arithmetic by hand, its turns with made processes, and small networks in earnest.

No test asserts a time: the machine may be busy.
"""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest
import torch
from torch import nn
from torchvision import transforms

from attnbench.errors import UserError
from attnbench.records.prepared import Description, Prepared
from attnbench.study.schema import Study
from attnbench.tools.bench import contenders, images, processes, table, training, tutorial, worker
from attnbench.tools.bench.results import Result, Sample, Spread, Surroundings, ratios
from attnbench.tools.bench.settings import Settings, Task, settings
from attnbench.train.augment import parameters

STUDY = {
    "study": "tiny",
    "root": ".",
    "params": "params.yaml",
    "title": "Tiny",
    "data": {"source": "shapes", "train_images": 100, "test_images": 10, "seed": 0, "split_seed": 0},
    "backbone": {"name": "cnn", "options": {"width": 8, "hidden": 16}},
    "baseline": "plain",
    "variants": {
        "se": {"attention": "se", "site": "after_pool", "options": {"reduction": 4}},
        "plain": {"attention": "none"},
        "cbam": {"attention": "cbam", "site": "after_pool", "options": {"reduction": 4}},
    },
    "seeds": [3],
    "recipe": {
        "name": "onecycle", "optimizer": "adam", "epochs": 9, "batch_size": 16, "learning_rate": 0.01,
        "weight_decay": 0.0, "warmup": 0.3, "label_smoothing": 0.0, "augmentation": ["crop"],
    },
    "machine": {"device": "cpu", "precision": "float32", "threads": 1},
    "confidence": 0.95,
    "latency": {"batch_sizes": [1], "rounds": 5},
    "views": {"images": 1},
}  # fmt: skip
MARK = "ATTNBENCH_TEST_MARK"  # in the environment of all that a test starts
NAMES = ("loop, 0 workers", "loop, 2 workers", "engine", "bare step")


def made(**changed) -> Settings:
    asked = {"variants": None, "images": 64, "batch_size": 32, "rounds": 2, "precision": None, "cores": 2}
    return settings(Study.model_validate(STUDY), **(asked | changed))


# --- settings


def test_settings_are_the_study_with_the_full_augmentation_and_the_batch_size_asked_for():
    found = made(precision="bf16", cores=5)
    recipe = found.study.recipe
    assert (recipe.batch_size, recipe.augmentation) == (32, ["crop", "flip", "jitter", "rotate"])
    assert (recipe.learning_rate, found.study.machine.precision) == (0.01, "bf16")
    assert found.processes == 5
    assert made().study.machine.precision == "float32"


def test_processes_are_as_many_as_the_cores_carry_and_never_none():
    study = Study.model_validate(STUDY | {"machine": STUDY["machine"] | {"threads": 4}})
    numbers = [
        settings(study, variants=None, images=64, batch_size=64, rounds=1, precision=None, cores=cores).processes
        for cores in (2, 4, 11)
    ]
    assert numbers == [1, 1, 2]


def test_variants_are_those_asked_for_or_the_baseline_and_cbam_or_the_first_other():
    assert made(variants=["cbam", "se", "cbam"]).variants == ("cbam", "se")
    assert made().variants == ("plain", "cbam")
    without = {name: variant for name, variant in STUDY["variants"].items() if name != "cbam"}
    study = Study.model_validate(STUDY | {"variants": without})
    found = settings(study, variants=None, images=64, batch_size=64, rounds=1, precision=None, cores=1)
    assert found.variants == ("plain", "se")


def test_a_turn_of_batches_that_are_not_full_is_refused():
    with pytest.raises(
        UserError, match=r"--images: given 100; must be a multiple of the batch sizes 48 and 64, such as 192"
    ):
        made(images=100, batch_size=48)


def test_more_rounds_than_a_recipe_may_have_epochs_are_refused():
    with pytest.raises(UserError, match=r"--rounds: given 10000; must be at most 9999"):
        made(rounds=10_000)
    assert Study.model_validate(made(rounds=9_999).study.model_dump()).recipe.epochs == 10_000


def test_a_process_is_told_the_settings_as_they_are():
    task = Task(kind="engine", number=1, settings=made())
    assert Task.model_validate_json(task.model_dump_json()) == task


# --- turns


class Made:
    """A process that says what it is told, and when."""

    def __init__(self, name: str, log: list[tuple[str, str, str]]) -> None:
        self.name, self.log, self.last = name, log, ""

    def tell(self, line: str) -> None:
        self.last = line
        self.log.append(("tell", self.name, line))

    def hear(self) -> dict[str, float]:
        self.log.append(("hear", self.name, self.last))
        return {"images": 64, "seconds": 0.5}


def entered(chosen: Settings, log: list[tuple[str, str, str]]) -> list[training.Contender]:
    return training.contenders(chosen, Made("loop", log), [Made("0", log), Made("1", log)])


def test_each_has_one_turn_a_round_in_a_changing_order_and_the_first_round_does_not_count():
    log, said = [], []
    samples = training.rounds(entered(made(rounds=3), log), made(rounds=3), said.append)
    per_round = [[(s.contender, s.variant) for s in samples if s.round == number] for number in (1, 2, 3)]
    everyone = {(name, variant) for name in (*NAMES, "bare step, one process") for variant in ("plain", "cbam")}
    assert all(set(each) == everyone | {("augmentation", "every variant")} for each in per_round)
    assert len(samples) == 3 * 11
    assert per_round[0] != per_round[1] != per_round[2]
    assert len([line for line in log if line[:2] == ("tell", "loop")]) == 4 * 4  # the warm-up as well
    assert [line.partition(":")[0] for line in said] == ["warm-up", "round 1 of 3", "round 2 of 3", "round 3 of 3"]


def test_all_processes_of_a_turn_are_told_before_one_is_waited_for_and_their_images_are_summed(monkeypatch):
    log = []
    found = {(each.name, each.variant): each for each in entered(made(), log)}
    clock = iter([10.0, 12.5, 20.0, 21.0])
    monkeypatch.setattr(training.time, "perf_counter", lambda: next(clock))
    sample = training.turn(found["engine", "cbam"], 5)
    assert (sample.images, sample.seconds, sample.round, sample.process_seconds) == (128, 2.5, 5, [0.5, 0.5])
    assert log == [(what, name, "engine/cbam") for what in ("tell", "hear") for name in ("0", "1")]
    log.clear()
    assert training.turn(found["bare step, one process", "cbam"], 1).images == 64
    assert log == [("tell", "0", "bare step/cbam"), ("hear", "0", "bare step/cbam")]


# --- results


def sample(number: int, contender: str, variant: str, rate: float) -> Sample:
    return Sample(number, contender, variant, images=100, seconds=100 / rate, process_seconds=[])


def by_hand() -> Result:
    """Three rounds of one variant beside another; the second round of everything is half as fast."""
    rates = {
        ("loop, 0 workers", "plain"): (100, 50, 100),
        ("loop, 2 workers", "plain"): (200, 100, 160),
        ("engine", "plain"): (400, 200, 500),
        ("bare step", "plain"): (800, 400, 800),
        ("bare step, one process", "plain"): (400, 200, 400),
        ("augmentation", "every variant"): (1600, 800, 3200),
    }
    rates |= {(name, "cbam"): tuple(rate / 4 for rate in each) for (name, _), each in rates.items() if name in NAMES}
    rates["bare step, one process", "cbam"] = (100, 50, 100)
    samples = [
        sample(number, *who, each[number - 1]) for number in (3, 1, 2) for who, each in rates.items()
    ]  # in any order
    around = Surroundings("A processor", cores=2, loop_threads=4, torch="2.0", load_average=0.25)
    return Result(around, made(rounds=3), samples)


def test_ratios_are_taken_within_a_round():
    samples = [sample(1, "a", "x", 10), sample(1, "b", "x", 5), sample(2, "b", "x", 1), sample(2, "a", "x", 3)]
    assert ratios(samples, ("a", "x"), ("b", "x")) == pytest.approx([2, 3])


def test_speeds_ratios_and_shares_are_those_of_the_samples():
    rows = {(row.variant, row.contender): row for row in by_hand().speeds()}
    assert list(rows) == [(variant, name) for variant in ("plain", "cbam") for name in NAMES]
    engine = rows["plain", "engine"]
    assert engine.images_per_second == Spread(*map(pytest.approx, (400, 200, 500)))
    assert engine.to_loop_0 == Spread(*map(pytest.approx, (4, 4, 5)))
    assert engine.to_loop_2 == Spread(*map(pytest.approx, (2, 2, 3.125)))
    assert engine.of_bare_step == Spread(*map(pytest.approx, (0.5, 0.5, 0.625)))
    assert rows["cbam", "engine"].images_per_second.median == pytest.approx(100)
    assert rows["cbam", "engine"].to_loop_0 == engine.to_loop_0


def test_steps_are_compared_with_the_first_variant_and_augmentation_with_the_step_of_one_process():
    plain, cbam = by_hand().steps()
    assert plain.ratio == Spread(*map(pytest.approx, (1, 1, 1)))
    assert cbam.ratio == Spread(*map(pytest.approx, (4, 4, 4)))
    plain, cbam = by_hand().augmentation()
    assert plain.milliseconds == Spread(*map(pytest.approx, (20, 10, 40)))  # 32 images a batch
    assert plain.of_bare_step == Spread(*map(pytest.approx, (0.25, 0.125, 0.25)))
    assert cbam.of_bare_step == Spread(*map(pytest.approx, (0.0625, 0.03125, 0.0625)))


def test_the_table_says_where_and_how_and_every_number():
    text = table.text(by_hand())
    assert "A processor, 2 cores, load average 0.25 at the start" in text
    assert "1 process, 4 threads, batch 64, float32" in text
    assert "2 processes, 1 threads each, batch 32, float32" in text
    rows = [" ".join(line.split()) for line in text.splitlines()]
    shares = "4.00 [4.00, 5.00] 2.00 [2.00, 3.12] 50.0 [50.0, 62.5]"
    assert f"plain engine 400 [200, 500] {shares}" in rows
    assert "cbam 4.000 [4.000, 4.000]" in rows
    assert "cbam 20.00 [10.00, 40.00] 6.2 [3.1, 6.2]" in rows


# --- the loop of the tutorials


def bright_or_dark(count: int = 192) -> Prepared:
    """Noise whose mean level is the class: no augmentation hides it."""
    labels = torch.arange(count) % 3
    noise = torch.randint(0, 50, (count, 3, 16, 16), generator=torch.Generator().manual_seed(0))
    pixels = (noise + 100 * labels[:, None, None, None]).clamp(max=255).to(torch.uint8)
    none = torch.arange(0)
    description = Description("levels", "made in the test", ("a", "b", "c"), 0, (0.5,) * 3, (0.3,) * 3)
    return Prepared(description, pixels, labels, pixels[:1], labels[:1], torch.arange(count), none)


def test_the_loop_augments_as_our_training_does():
    operations = {type(each): each for each in tutorial.augmentation(bright_or_dark()).transforms}
    crop, jitter = operations[transforms.RandomCrop], operations[transforms.ColorJitter]
    assert (crop.size, crop.padding) == ((16, 16), parameters.PADDING)
    assert operations[transforms.RandomHorizontalFlip].p == 0.5
    spread = [1 - parameters.SPREAD, 1 + parameters.SPREAD]
    assert [list(jitter.brightness), list(jitter.contrast), list(jitter.saturation)] == [pytest.approx(spread)] * 3
    assert list(jitter.hue) == [-parameters.MAX_HUE, parameters.MAX_HUE]
    assert operations[transforms.RandomRotation].degrees == [-parameters.MAX_DEGREES, parameters.MAX_DEGREES]
    assert operations[transforms.Normalize].mean == (0.5,) * 3


def test_the_loop_sees_every_image_once_shuffled_and_normalised():
    batches = list(tutorial.loader(bright_or_dark(), 0))
    assert [len(labels) for _, labels in batches] == [64, 64, 64]
    assert torch.cat([labels for _, labels in batches]).bincount().tolist() == [64, 64, 64]
    assert batches[0][1].tolist() != [number % 3 for number in range(64)]
    assert batches[0][0].shape == (64, 3, 16, 16)
    assert -1.7 < batches[0][0].min() < -1.6  # (0 - 0.5) / 0.3: the black around a crop


def test_the_loop_learns():
    data = bright_or_dark()
    torch.manual_seed(0)
    network = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 3))
    loop = tutorial.Loop(network, tutorial.loader(data, 0), torch.device("cpu"), learning_rate=0.02)
    first, *_, (loss, accuracy) = [loop.one_pass() for _ in range(8)]
    assert loss < first[0] / 2
    assert accuracy > 0.9
    assert network.training


# --- one process


def test_the_turns_of_our_training_train_in_our_own_way(monkeypatch):
    """Here and not in a process of its own, so what `arithmetic.set_up` does to this one is left out."""
    built = []
    build = contenders.placement.build
    monkeypatch.setattr(contenders.placement, "build", lambda *a, **k: built.append(build(*a, **k)) or built[-1])
    monkeypatch.setattr(contenders.arithmetic, "set_up", lambda machine: torch.device(machine.device))
    turns = contenders.engines(made(), 0)
    names = [f"{name}/{variant}" for variant in ("plain", "cbam") for name in ("engine", "bare step")]
    assert list(turns) == ["augmentation/every variant", *names]
    before = [[weight.clone() for weight in network.parameters()] for network in built]
    assert [turns[name]() for name in turns] == [64] * 5
    for network, weights in zip(built, before, strict=True):
        assert any(not torch.equal(a, b) for a, b in zip(network.parameters(), weights, strict=True))
        assert network.block2.conv.weight.is_contiguous(memory_format=torch.channels_last)
        assert network.training


def test_a_bare_step_stays_on_one_batch_of_the_size_asked_for(monkeypatch):
    seen = []
    monkeypatch.setattr(contenders, "Step", lambda *_: lambda pixels, labels: seen.append((pixels, labels)))
    monkeypatch.setattr(contenders.arithmetic, "set_up", lambda machine: torch.device(machine.device))
    assert contenders.engines(made(images=128), 0)["bare step/cbam"]() == 128
    assert [len(labels) for _, labels in seen] == [32] * 4
    assert all(pixels is seen[0][0] for pixels, _ in seen)


def test_all_train_on_the_same_images():
    few = images.draw(64)
    assert few.train_images.shape == (64, 3, 32, 32)
    assert len(few.description.classes) == 10
    assert few.train_index.tolist() == list(range(64))
    assert torch.equal(images.draw(64).train_images, few.train_images)
    assert few.train_labels.bincount(minlength=10).min() > 0


def test_a_turn_is_timed_from_its_beginning_to_its_end(monkeypatch):
    clock = iter([10.0, 12.5])
    monkeypatch.setattr(worker.time, "perf_counter", lambda: next(clock))
    assert worker.timed(lambda: 7, made().study.machine) == (2.5, 7)


# --- the whole command, and its ends


@dataclass
class Command:
    """`attnbench bench training` in a repository with the tiny study at its root."""

    place: Path
    mark: str
    process: subprocess.Popen[str] | None = None

    def start(self, *options: str, threads: int = 1) -> None:
        machine = STUDY["machine"] | {"threads": threads}
        (self.place / "params.yaml").write_text(json.dumps(STUDY | {"machine": machine}))  # JSON is YAML
        command = [str(Path(sys.executable).with_name("attnbench")), "bench", "training", "--batch-size", "32"]
        self.process = subprocess.Popen(
            [*command, "--images", "64", *options],
            cwd=self.place,
            env={**os.environ, MARK: self.mark},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # the signals of these tests are for it alone
        )

    def until_warm(self) -> None:
        said = self.process.stderr.readline()
        assert said.startswith("warm-up"), said + self.process.stderr.read()

    def end(self) -> tuple[int, str, str]:
        """Return the status, what it wrote, and what it said on the way."""
        text, said = self.process.communicate(timeout=120)
        return self.process.returncode, text, said


@pytest.fixture
def command(tmp_path):
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "dvc.yaml").touch()
    made_here = Command(tmp_path, uuid.uuid4().hex)
    yield made_here
    if made_here.process is not None:
        made_here.process.kill()  # where a test failed; what it started ends where its input ends
        made_here.process.communicate()


def alive(mark: str) -> list[int]:
    """Return the processes that have the mark in their environment; the dead have none."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def become(mark: str, count: int) -> bool:
    """Return whether `count` processes have the mark within ten seconds; one that has just begun shows none yet."""
    end = time.monotonic() + 10
    while len(alive(mark)) != count and time.monotonic() < end:
        time.sleep(0.05)
    return len(alive(mark)) == count


def gone(mark: str) -> bool:
    """Return whether all are gone within ten seconds."""
    return become(mark, 0)


needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads /proc")


@needs_proc
def test_the_command_measures_every_contender_and_writes_what_the_turns_gave(command):
    command.start("--rounds", "2", "--json", "out/speed.json")
    status, text, said = command.end()
    assert status == 0, said
    assert gone(command.mark)
    found = json.loads((command.place / "out" / "speed.json").read_text())
    rates = {(s["round"], s["contender"], s["variant"]): s["images"] / s["seconds"] for s in found["samples"]}
    everyone = [(name, variant) for name in (*NAMES, "bare step, one process") for variant in ("plain", "cbam")]
    assert set(rates) == {(n, *who) for n in (1, 2) for who in [*everyone, ("augmentation", "every variant")]}
    count = found["settings"]["processes"]
    together = {s["contender"]: s["images"] for s in found["samples"]}
    assert together == dict.fromkeys(NAMES[:2], 64) | dict.fromkeys(NAMES[2:], 64 * count) | {
        "bare step, one process": 64,
        "augmentation": 64,
    }
    for row in found["speeds"]:
        variant, contender = row["variant"], row["contender"]
        for key, other in (("to_loop_0", NAMES[0]), ("to_loop_2", NAMES[1]), ("of_bare_step", NAMES[3])):
            each = [rates[n, contender, variant] / rates[n, other, variant] for n in (1, 2)]
            assert row[key] == pytest.approx({"median": median(each), "low": min(each), "high": max(each)})
        line = next(line for line in text.splitlines() if line.split()[:1] == [variant] and f"{contender}  " in line)
        assert f" {row['images_per_second']['median']:.0f} [" in line
    for row in found["steps"]:
        each = [rates[n, "bare step", "plain"] / rates[n, "bare step", row["variant"]] for n in (1, 2)]
        assert row["ratio"]["median"] == pytest.approx(median(each))
    for row in found["augmentation"]:
        made_rates = [rates[n, "augmentation", "every variant"] for n in (1, 2)]
        assert row["milliseconds"]["median"] == pytest.approx(median(32_000 / rate for rate in made_rates))


@needs_proc
def test_a_dying_process_ends_the_measurement_and_leaves_none(command):
    command.start("--rounds", "9999", "--variants", "plain", threads=2)
    command.until_warm()
    workers = [pid for pid in alive(command.mark) if os.getpgid(pid) == pid != command.process.pid]
    os.kill(max(workers), signal.SIGKILL)  # the last that was started
    status, _, said = command.end()
    assert status == 1
    assert "error: the process `engine" in said
    assert "of the benchmark ended with status -9; all others are stopped" in said
    assert gone(command.mark)


@needs_proc
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_a_signal_ends_everything(command, number, status):
    command.start("--rounds", "9999", "--variants", "plain", threads=2)
    command.until_warm()
    assert len(alive(command.mark)) > 4  # the loop's two workers among them
    command.process.send_signal(number)
    assert command.end()[0] == status
    assert gone(command.mark)


def test_a_process_that_cannot_begin_is_told_with_its_last_words(monkeypatch):
    monkeypatch.setattr(processes, "MODULE", "attnbench.tools.bench.missing")
    task = Task(kind="loop", number=0, settings=made())
    with (
        pytest.raises(
            UserError,
            match=r"(?s)`loop 0` of the benchmark ended with status 1; .*Its last words:\n  \| .*No module named",
        ),
        processes.workers([task]) as (only,),
    ):
        only.hear()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(["sleep", "1000"])
print("{}", flush=True)
time.sleep(1000)
"""


@needs_proc
def test_a_process_that_does_not_come_to_its_end_is_killed_with_what_it_started(tmp_path, monkeypatch):
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    mark = uuid.uuid4().hex
    monkeypatch.setenv(MARK, mark)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(processes, "MODULE", "stubborn")
    monkeypatch.setattr(processes, "PATIENCE", 0.1)
    with processes.workers([Task(kind="loop", number=0, settings=made())]) as (only,):
        only.hear()
        assert become(mark, 2)
    assert gone(mark)


def test_a_wrong_variant_is_refused_before_anything_starts(command):
    command.start("--variants", "cbma")
    status, _, said = command.end()
    assert status == 1
    assert "params.yaml has no variant 'cbma' (did you mean 'cbam'?)" in said
