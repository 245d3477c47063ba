"""However the train stage is stopped, starting it again ends in the same bytes as a run that was never stopped."""

import multiprocessing
import os
import random
import resource
import runpy
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
import small_training

from attnbench.records import files, prepared, tensors
from attnbench.study import StudyPaths
from attnbench.train import unfinished

STAGES = Path(__file__).parents[2] / "stages"
PATHS = StudyPaths("small")
RUN = ("cbam", 1)
OUTPUTS = [
    getattr(PATHS, name)(*RUN) for name in ("checkpoint", "predictions", "record", "correct", "epochs", "iterations")
]
STATE = PATHS.unfinished(*RUN)
EPOCHS = 8
KILLS = int(os.environ.get("KILLS", "8"))  # more: KILLS=100 python -m pytest -n0 tests/train/test_killed.py

# children are copies of a process that has imported torch, which takes seconds
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["attnbench.train.variant", "attnbench.train.outputs", "torch._dynamo"])


def stage(folder: Path, name: str, *arguments: str) -> None:
    """Run a stage in this process as DVC does."""
    os.chdir(folder)
    sys.path.insert(0, str(STAGES))  # as Python does for a script
    sys.argv = [name, "params.yaml", *arguments]
    runpy.run_path(str(STAGES / f"{name}.py"), run_name="__main__")


def train(folder: Path) -> None:
    sys.stderr = (folder / "stderr").open("w", buffering=1)
    stage(folder, "train", RUN[0], str(RUN[1]))


def train_with_little_room(folder: Path) -> None:
    """Train where no file may exceed 20 kB, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    train(folder)


def killed_half_way_through_writing(folder: Path, at: int) -> None:
    """Train, and die in the middle of writing the state of epoch `at`."""
    save_file, count = tensors.save_file, 0

    def half(arrays, path, metadata):
        nonlocal count
        count += 1
        save_file(arrays, path, metadata)
        if count == at:
            os.truncate(path, path.stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)

    tensors.save_file = half
    train(folder)


def killed_before_the_new_state_takes_its_place(folder: Path, at: int) -> None:
    replace, count = Path.replace, 0

    def dying(self, target):
        nonlocal count
        count += target.name == STATE.name
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(self, target)

    Path.replace = dying
    train(folder)


def after_first_save(action) -> None:
    """Call `action` right after the first state of a run is saved."""
    save = unfinished.Unfinished.save

    def save_and_act(self, state):
        save(self, state)
        unfinished.Unfinished.save = save
        action()

    unfinished.Unfinished.save = save_and_act


def started(target, *arguments):
    process = processes.Process(target=target, args=arguments)
    process.start()
    return process


def finished(target, *arguments) -> int:
    """Run to the end and return the exit status."""
    process = started(target, *arguments)
    process.join(60)
    process.kill()  # if a minute was not enough
    process.join()
    return process.exitcode


def outputs(folder: Path) -> dict[str, str]:
    return {path.name: files.sha256_of(folder / path) for path in OUTPUTS}


def wait_for(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture(scope="module")
def prepared_folder(tmp_path_factory, data) -> tuple[Path, dict[str, str]]:
    """A study's folder with images and fingerprints, and the bytes of the run that was never stopped."""
    folder = tmp_path_factory.mktemp("killed")
    small_training.write_params(folder, epochs=EPOCHS, augmentation=["crop", "flip", "jitter"])
    prepared.save(folder / PATHS.prepared, data)
    assert finished(stage, folder, "code") == 0
    assert finished(train, folder) == 0
    whole = outputs(folder)
    clear(folder)
    return folder, whole


@pytest.fixture
def folder(prepared_folder):
    yield prepared_folder[0]
    clear(prepared_folder[0])


@pytest.fixture
def whole(prepared_folder) -> dict[str, str]:
    return prepared_folder[1]


def clear(folder: Path) -> None:
    for path in [*OUTPUTS, STATE]:
        (folder / path).unlink(missing_ok=True)


def ends_as_never_stopped(folder: Path, whole: dict[str, str]) -> bool:
    return (
        finished(train, folder) == 0
        and outputs(folder) == whole
        and {path.name for path in (folder / STATE.parent).iterdir()} == {STATE.name, STATE.with_suffix(".lock").name}
    )


def test_another_folder_and_a_concurrent_run_change_no_bytes(folder, whole, tmp_path):
    elsewhere = tmp_path / "else where"
    shutil.copytree(folder, elsewhere)
    first, second = started(train, folder), started(train, elsewhere)
    for process in (first, second):
        process.join(60)
        assert process.exitcode == 0
    assert outputs(folder) == outputs(elsewhere) == whole


def test_killed_at_random_times_it_ends_in_the_same_bytes(folder, whole):
    rng = random.Random(0)
    began = time.monotonic()
    assert finished(train, folder) == 0
    longest = time.monotonic() - began
    clear(folder)
    kills = continued = 0
    while kills < KILLS:
        process = started(train, folder)
        if kills % 2:  # every other kill comes once there is a state to resume from
            while process.is_alive() and not (folder / STATE).exists():
                time.sleep(0.002)
            process.join(rng.uniform(0, longest / 2))
        else:
            process.join(rng.uniform(0, longest))
        continued += process.is_alive() and (folder / STATE).exists()
        process.kill()
        process.join()
        kills += process.exitcode == -signal.SIGKILL
        if process.exitcode == 0:
            assert outputs(folder) == whole
            clear(folder)
    assert continued >= KILLS / 4  # this many kills left a state to resume from
    assert ends_as_never_stopped(folder, whole)


@pytest.mark.parametrize(
    ("death", "at"),
    [
        (killed_half_way_through_writing, 1),
        (killed_half_way_through_writing, 3),
        (killed_before_the_new_state_takes_its_place, 3),
    ],
)
def test_killed_while_it_writes_its_state(folder, whole, death, at):
    assert finished(death, folder, at) == -signal.SIGKILL
    assert (folder / STATE).exists() == (at > 1)
    assert len([path for path in (folder / STATE.parent).iterdir() if path.suffix == ".tmp"]) == 1
    assert ends_as_never_stopped(folder, whole)
    assert ("resumes after epoch 2 of 8" in (folder / "stderr").read_text()) == (at > 1)


def test_a_full_disk_leaves_the_last_state_as_it_is(folder, whole):
    assert finished(killed_before_the_new_state_takes_its_place, folder, 3) == -signal.SIGKILL
    before = (folder / STATE).read_bytes()
    assert finished(train_with_little_room, folder) == 1
    said = (folder / "stderr").read_text().splitlines()[-1]
    assert said.startswith(f"error: no space left for {STATE}; nothing of it was kept. Free some space and run")
    assert (folder / STATE).read_bytes() == before
    assert ends_as_never_stopped(folder, whole)


def signalled_in_the_second_epoch(folder: Path, number: int) -> None:
    """Train, and send this process a signal once there is a state to resume from."""
    after_first_save(lambda: os.kill(os.getpid(), number))
    train(folder)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130)])
def test_stopped_by_a_signal(folder, whole, number, status):
    assert finished(signalled_in_the_second_epoch, folder, number) == status
    assert (folder / STATE).exists()
    assert not any((folder / path).exists() for path in OUTPUTS)
    assert ends_as_never_stopped(folder, whole)


def waiting_in_the_second_epoch(folder: Path, release: Path) -> None:
    after_first_save(lambda: wait_for(release.exists))
    train(folder)


def test_a_second_process_leaves_the_run_to_the_first(folder, whole, tmp_path):
    release = tmp_path / "release"
    first = started(waiting_in_the_second_epoch, folder, release)
    try:
        wait_for((folder / STATE).exists)
        assert finished(train, folder) == 1
        said = (folder / "stderr").read_text().splitlines()[-1]
        release.touch()
        first.join(60)
        assert first.exitcode == 0
    finally:
        first.kill()
        first.join()
    assert said.startswith(
        f"error: process {first.pid} is running this training run (it holds {STATE.with_suffix('.lock')})"
    )
    assert outputs(folder) == whole
