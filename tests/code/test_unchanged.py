"""A stage whose source is not that of its fingerprint records nothing: the real stages, with the source edited."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import params
import pytest

from attnbench.records import files
from attnbench.study import StudyPaths

PATHS = StudyPaths("small")
FAST = [["data"], ["train", "se", "0"], ["cost", "se"], ["cost", "baseline"], ["ready"]]  # stages, after `code`
STAGES = [["data"], ["train", "se", "0"], ["cost", "se"], ["views", "se"], ["ablate", "se", "0"]]
STAGES += [["robustness", "se", "0"], ["maps", "se", "0"], ["ready"], ["latency"], ["analyse"], ["report"]]
OUTPUTS = {
    "data": PATHS.data_summary,
    "train": PATHS.record("se", 0),
    "cost": PATHS.cost("se"),
    "views": PATHS.view("se"),
    "ablate": PATHS.ablation("se", 0),
    "robustness": PATHS.robust("se", 0),
    "maps": PATHS.map_scores("se", 0),
    "ready": PATHS.ready,
    "latency": PATHS.latency,
    "analyse": PATHS.summary,
    "report": PATHS.report / "REPORT.md",
}
STAGES_FOLDER = Path(__file__).parents[2] / "stages"
WRITES = re.compile(r"(^|[._])(write|save|analyse)")
CODE, COMMENT = "\nX = 1\n", "\n# Why.\n"
Run = tuple[list[str], tuple[str, str, str] | None]  # command, and when to append which text to which file


class Checkout:
    """A copy of the checkout, and another process that runs its stages: it imports torch once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        command = [sys.executable, str(Path(__file__).with_name("run_stages.py"))]
        self._process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> "Checkout":
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()  # closes its input, which ends it

    def run(self, *runs: Run) -> list[str]:
        """Run stages, with or without an edit; return their messages."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(runs)}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the process died"
        messages: list[str] = json.loads(answer)
        return messages


def own_script(command: list[str], when: str, text: str) -> Run:
    return command, (when, f"stages/{command[0]}.py", text)


def times(folder: Path) -> dict[str, int]:
    """Return when the output of each stage that ran was written."""
    return {stage: file.stat().st_mtime_ns for stage, path in OUTPUTS.items() if (file := folder / path).exists()}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, copy_checkout: Callable[[Path], Path]) -> Iterator[Checkout]:
    """Yield a copy of the checkout in which the first stages of the small study ran, and each got a comment."""
    folder = copy_checkout(tmp_path_factory.mktemp("checkout"))
    backbone = {"name": "cnn", "options": {"width": 8, "hidden": 16}}
    params.write(folder, recipe=params.recipe(epochs=2), seeds=[0], backbone=backbone)
    with Checkout(folder) as checkout:
        commented = [own_script(command, "fingerprint", COMMENT) for command in [["code"], *FAST]]
        assert set(checkout.run(*commented)) == {""}
        yield checkout


def test_source_edited_before_a_stage_is_refused(checkout: Checkout) -> None:
    before = times(checkout.folder)
    messages = checkout.run(*(own_script(command, "before", CODE) for command in STAGES))
    for (stage, *variant), message in zip(STAGES, messages, strict=True):
        fingerprint = PATHS.code(stage, variant[0] if variant else None)
        assert message == (
            f"error: the source of stage {stage}, or its values in params.yaml, changed since {fingerprint} was "
            "written; run `attnbench run small` again"
        )
    assert times(checkout.folder) == before


def test_a_run_trains_the_module_that_was_hashed(checkout: Checkout) -> None:
    """Otherwise the states of an edited module would be taken for the unedited one's once the edit is undone."""
    edit = ("fingerprint", "src/attnbench/networks/attention/se.py", "\nraise RuntimeError('edited')\n")
    with Checkout(checkout.folder) as fresh:  # that has not imported the module yet
        (message,) = fresh.run((["train", "se", "0"], edit))
    assert message.startswith("error: the source of stage train changed while it ran")


def test_source_edited_while_a_stage_runs_leaves_no_results(checkout: Checkout) -> None:
    before = times(checkout.folder)
    messages = checkout.run(*(own_script(command, "fingerprint", CODE) for command in FAST))
    for (stage, *_), message in zip(FAST, messages, strict=True):
        assert message == (
            f"error: the source of stage {stage} changed while it ran, so its results were not recorded; "
            "run `attnbench run small` again"
        )
    assert times(checkout.folder) == before


@pytest.mark.parametrize("stage", sorted(OUTPUTS))
def test_a_stage_writes_after_its_source_was_compared(stage: str) -> None:
    """Those that take long are not run with an edit. What the last two write is not recorded if they fail."""
    tree = ast.parse((STAGES_FOLDER / f"{stage}.py").read_text())
    contexts = [node for node in ast.walk(tree) if isinstance(node, ast.With)]
    [guarded] = [node for node in contexts if any("unchanged(" in ast.unparse(item) for item in node.items)]
    calls = [node for part in guarded.body for node in ast.walk(part) if isinstance(node, ast.Call)]
    writes = [text for call in calls if WRITES.search(text := ast.unparse(call.func))]
    assert bool(writes) == (stage in {"analyse", "report"}), writes


def test_a_module_edited_in_training_leaves_a_state_that_resumes_once_the_edit_is_undone(checkout: Checkout) -> None:
    record, state = checkout.folder / PATHS.record("se", 0), checkout.folder / PATHS.unfinished("se", 0)
    before = files.sha256_of(record)
    record.unlink()
    state.unlink(missing_ok=True)
    train = ["train", "se", "0"]
    [message] = checkout.run((train, ("epoch", "src/attnbench/networks/attention/se.py", CODE)))
    assert message.startswith("error: the source of stage train changed while it ran, so its results were not recorded")
    assert state.exists()
    assert not record.exists()
    assert checkout.run((train, None)) == [""]
    assert json.loads((checkout.folder / PATHS.timing("se", 0)).read_text())["continued_after"] == 2  # of 2
    assert files.sha256_of(record) == before


def test_an_edit_of_another_module_or_of_a_comment_is_accepted(checkout: Checkout) -> None:
    cost = ["cost", "se"]
    other = (cost, ("before", "src/attnbench/networks/attention/cbam.py", CODE))
    assert checkout.run(other, own_script(cost, "before", COMMENT)) == ["", ""]
