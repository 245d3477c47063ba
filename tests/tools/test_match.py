"""Networks of equal cost: the search by hand, real parameters, made-up times."""

import argparse
import sys
from pathlib import Path
from types import SimpleNamespace

import params
import pytest
import torch

from attnbench import records
from attnbench.cli import match as command
from attnbench.errors import UserError
from attnbench.study import Study, StudyPaths
from attnbench.study.repository import LocatedStudy
from attnbench.tools import match as matching
from attnbench.tools.match import AssumedImages, Candidate, Search, match


def small() -> Study:
    cbam = {"attention": "cbam", "site": "before_pool", "backbone": {"dropout": 0.25}}
    return params.study(
        backbone={"name": "cnn", "options": {"width": 8, "hidden": 20}},
        variants={"baseline": {"attention": "none"}, "cbam": cbam},
    )


@pytest.mark.parametrize(("target", "pair"), [(100.0, (99, 100)), (99.5, (99, 100)), (8.0, (8, 8)), (3.0, (8, 8))])
def test_the_search_ends_between_neighbours(target: float, pair: tuple[int, int]) -> None:
    assert matching.bracket(lambda value: value / target, 8) == pair


def test_a_cost_that_never_grows_is_refused() -> None:
    search = Search(small(), "cbam", "hidden", AssumedImages())
    message = (
        r"^--option hidden: no value from 20, that of cbam, to 81920 reaches the training step of cbam; name another "
        r"option, or match another cost with --by$"
    )
    with pytest.raises(UserError, match=message):
        matching.nearby_values(search, lambda value: 0.5, "training_step")


def test_the_nearest_is_the_nearest_as_a_factor() -> None:
    half, double = Candidate(1, 0.5), Candidate(2, 1.9)
    assert matching.nearest([half, double]) is double


def test_parameters_are_matched_to_the_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    search = Search(small(), "cbam", "hidden", AssumedImages())
    built: list[int | None] = []
    network = Search.network
    monkeypatch.setattr(Search, "network", lambda self, value=None: built.append(value) or network(self, value))
    best = matching.nearest(matching.by_parameters(search))
    assert len(built) == len(set(built))  # each once
    unit = 4 * 8 * 4 * 4 + 1 + 10  # weights in, bias, weights out
    without, whole = (sum(p.numel() for p in search.network(value).parameters()) for value in (20, None))
    assert best.value == 20 + round((whole - without) / unit)
    assert best.ratio == (without + (best.value - 20) * unit) / whole
    text = match(small(), tmp_path, "cbam", "hidden", "parameters", 1)
    assert "parameters of cnn without a module relative to variant cbam (10 classes, 3 x 32 x 32 pixels)" in text
    assert f"  hidden: {best.value}  {best.ratio:.4f}  <- nearest\n" in text
    assert f"wide_parameters: {{attention: none, backbone: {{dropout: 0.25, hidden: {best.value}}}}}" in text
    assert text.endswith("  controls:\n    cbam: {parameters: wide_parameters}\n")


def test_prepared_images_decide_the_size_of_the_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = StudyPaths("small", tmp_path).data_summary
    path.parent.mkdir(parents=True)
    path.touch()
    monkeypatch.setattr(records, "read", lambda *_: AssumedImages((1, 16, 16), ("a", "b")))
    assert "(2 classes, 1 x 16 x 16 pixels)" in match(small(), tmp_path, "cbam", "hidden", "parameters", 1)
    path.unlink()
    folder = {"source": "folder", "path": "x", "title": "x", "provenance": "x", "split_seed": 0, "image_size": 48}
    assert matching.image_set(params.study(data=folder), tmp_path).image_shape == (3, 48, 48)


@pytest.mark.parametrize(
    ("by", "size", "rough", "exact"),
    [("latency", 128, "inference_times", "measure_inference"), ("training_step", 64, "step_times", "measure_steps")],
)
def test_times_are_measured_in_turns_with_the_variant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by: str, size: int, rough: str, exact: str
) -> None:
    """The bisection measures in this process; the neighbours of its last step are measured in several."""
    measured: list[tuple[list[str], list[int]]] = []

    def times(study: Study) -> dict[str, list[float]]:
        measured.append((list(study.variants), study.latency.batch_sizes))
        widths = {name: variant.backbone.get("width", 0) for name, variant in study.variants.items()}
        # slower by a step from 13 on, as times are; 12 is the nearest, from below
        ratios = {name: width / 12.5 + 0.3 * (width > 12) if width else 1 for name, width in widths.items()}
        return {name: [ratio * speed for speed in range(1, 7)] for name, ratio in ratios.items()}

    def here(study: Study, *_: object) -> dict[tuple[str, int], list[float]]:
        return {(name, size): own for name, own in times(study).items()}

    def in_processes(study: Study, *_: object) -> list[SimpleNamespace]:
        rows = times(study).items()
        slower = {name: [1.0, 1.0 if name == "cbam" else 1.001] for name, _ in rows}
        return [
            SimpleNamespace(variant=name, round_ms=[[factor * time for time in own] for factor in slower[name]])
            for name, own in rows
        ]

    monkeypatch.setattr(matching.cost, rough, here)
    monkeypatch.setattr(matching.cost, exact, in_processes)
    monkeypatch.setattr(matching.arithmetic, "set_up", lambda machine: None)
    text = match(small(), tmp_path, "cbam", "width", by, 128)  # a step has the batch of the recipe
    assert measured[-1] == (["11", "12", "13", "14", "cbam"], [size])
    assert all(len(names) == 2 for names, _ in measured[:-1])
    assert f"{by.replace('_', ' ')} of cnn" in text
    assert f"at batch size {size}, 95 % interval" in text
    assert "width: 12  0.960 [0.954, 0.967]  <- nearest" in text
    assert f"    cbam: {{{by}: wide_{by}}}\n" in text


@pytest.mark.parametrize(
    ("by", "remedy"),
    [
        ("latency", "give a smaller --batch-size"),
        ("training_step", "write a smaller `recipe: batch_size` in params.yaml"),
    ],
)
@pytest.mark.parametrize("full", ["at first", "in the processes"])
def test_full_memory_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by: str, remedy: str, full: str
) -> None:
    def raising(*_: object) -> None:
        raise torch.OutOfMemoryError("Tried to allocate 2 GiB")

    for name in ("inference_times", "step_times"):
        here = raising if full == "at first" else equal_times
        monkeypatch.setattr(matching.cost, name, here)
    for name in ("measure_inference", "measure_steps"):
        monkeypatch.setattr(matching.cost, name, raising)
    monkeypatch.setattr(matching.arithmetic, "set_up", lambda machine: None)
    with pytest.raises(UserError, match=rf"^out of memory on .* \(Tried to allocate 2 GiB\); {remedy}, or "):
        match(small(), tmp_path, "cbam", "width", by, 128)


def equal_times(study: Study, *_: object) -> dict[tuple[str, int], list[float]]:
    sizes = {*study.latency.batch_sizes, study.recipe.batch_size}
    return {(name, size): [1.0, 1.0] for name in study.variants for size in sizes}


def test_without_several_processes_there_is_no_interval() -> None:
    search = Search(small(), "cbam", "width", AssumedImages())
    text = matching.text(search, [Candidate(12, 0.9604)], "latency", " at batch size 1")
    assert "cbam at batch size 1 (10 classes" in text
    assert "width: 12  0.960  <- nearest\n" in text


@pytest.mark.parametrize(
    ("variant", "option", "message"),
    [
        ("cbam", "widht", r"--option widht: cnn has no such .* allowed: 'width', 'hidden' \(did you mean 'width'\?\)"),
        ("cbam", "dropout", "--option dropout: cnn has no such integer option"),
        ("baseline", "width", "baseline has no module to match"),
    ],
)
def test_what_cannot_be_matched_is_refused_before_torch_is_loaded(
    variant: str, option: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    located = LocatedStudy(Path("/"), Path("/params.yaml"), small())
    monkeypatch.setattr("attnbench.study.repository.locate", lambda *_: located)
    monkeypatch.setitem(sys.modules, "attnbench.tools.match", None)
    arguments = argparse.Namespace(study="small", variant=variant, option=option, by="parameters", batch_size=None)
    with pytest.raises(UserError, match=message):
        command.run(arguments, Path("/"))
