"""Networks of equal cost: the search by hand, parameters in earnest, times made up."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from attnbench.errors import UserError
from attnbench.tools import match as matching
from attnbench.tools.match import Candidate

PARAMS = """\
study: small
root: .
params: params.yaml
title: A small study
data: {source: shapes, train_images: 200, test_images: 50, seed: 0, split_seed: 0}
backbone: {name: cnn, options: {width: 8, hidden: 20}}
baseline: baseline
variants:
  baseline: {attention: none}
  cbam: {attention: cbam, site: before_pool, backbone: {dropout: 0.25}}
seeds: [0]
recipe: {name: onecycle, optimizer: adam, epochs: 1, batch_size: 64, learning_rate: 1e-3, weight_decay: 0, warmup: 0.3,
  label_smoothing: 0.0, augmentation: [flip]}
machine: {device: cpu, precision: float32, threads: 1}
confidence: 0.95
latency: {batch_sizes: [1, 64], rounds: 30}
views: {images: 6}
"""


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a valid params.yaml in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(PARAMS)
    return Path("params.yaml")


@pytest.mark.parametrize(("target", "pair"), [(100.0, (99, 100)), (99.5, (99, 100)), (8.0, (8, 8)), (3.0, (8, 8))])
def test_the_search_ends_between_neighbours(target: float, pair: tuple[int, int]) -> None:
    assert matching.around(lambda value: value / target, 8) == pair


def test_a_cost_that_never_grows_is_refused() -> None:
    with pytest.raises(UserError, match="no value up to 8192 costs as much; name another option"):
        matching.around(lambda value: 0.5, 2)


def test_the_nearest_is_so_as_a_factor() -> None:
    half, double = Candidate(1, 0.5, 0.5, 0.5), Candidate(2, 1.9, 1.9, 1.9)
    assert matching.nearest([half, double]) is double


def test_parameters_are_matched_to_the_unit(params: Path) -> None:
    asked = matching.ask(params, "cbam", "hidden", "parameters", None)
    found = matching.by_parameters(asked)
    unit = 4 * 8 * 4 * 4 + 1 + 10  # weights in, bias, weights out
    base = sum(p.numel() for p in asked.network(asked.control(20)).parameters())
    whole = sum(p.numel() for p in asked.network(asked.study.variants["cbam"]).parameters())
    best = matching.nearest(found)
    assert best.value == 20 + round((whole - base) / unit)
    assert best.ratio == (base + (best.value - 20) * unit) / whole
    text = matching.text(asked, found)
    assert "parameters of cnn without a module, as a ratio to variant cbam (10 classes, 3 x 32 x 32 pixels)" in text
    assert f"wide_parameters: {{attention: none, backbone: {{dropout: 0.25, hidden: {best.value}}}}}" in text
    assert "    cbam: {parameters: wide_parameters}\n" in text


def test_latency_is_measured_in_turns_with_the_variant(params: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[tuple[list[str], str, list[int]]] = []

    def measure(study, networks, image_shape):
        measured.append((list(networks), study.baseline, study.latency.batch_sizes))
        # from 13 on slow by a step, as times are; 12 is the nearest below
        ratios = {name: int(name) / 12.5 + 0.3 * (int(name) > 12) for name in networks if name != "cbam"}
        rows = [
            SimpleNamespace(variant=name, ratio=value, ratio_low=value - 0.01, ratio_high=value + 0.01)
            for name, value in ratios.items()
        ]
        return SimpleNamespace(rows=rows)

    monkeypatch.setattr(matching.cost, "measure", measure)
    asked = matching.ask(params, "cbam", "width", "latency", None)
    found = matching.by_latency(asked)
    assert [candidate.value for candidate in found] == [11, 12, 13, 14]
    assert measured[-1] == (["11", "12", "13", "14", "cbam"], "cbam", [64])
    text = matching.text(asked, found)
    assert "at batch size 64, 95 % interval" in text
    assert "width: 12  0.9600  [0.9500, 0.9700]  <- nearest" in text


@pytest.mark.parametrize(
    ("variant", "option", "message"),
    [
        ("cbam", "widht", r"--option widht: cnn has no such .* allowed: 'width', 'hidden' \(did you mean 'width'\?\)"),
        ("cbam", "dropout", "--option dropout: cnn has no such option that is a whole number"),
        ("baseline", "width", "baseline has no module, so nothing has to be matched"),
        ("cbm", "width", r"has no variant 'cbm' \(did you mean 'cbam'\?\)"),
    ],
)
def test_what_cannot_be_matched_is_refused(params: Path, variant: str, option: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        matching.ask(params, variant, option, "parameters", None)
