"""The report: its claims against the numbers it is made from, in all cases in which a study can end."""

import json
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from matplotlib import pyplot

from attnbench.analyse import analyse
from attnbench.code.fingerprint import Fingerprints
from attnbench.errors import UserError
from attnbench.records import files
from attnbench.report import formatting, gallery, write_report
from attnbench.report.figures import style
from attnbench.report.inputs import read
from attnbench.report.render import render
from attnbench.study import load
from attnbench.train.augment import parameters

TWO = ["baseline", "se"]
SOURCE = {
    "name": "source",
    "epochs": 7,
    "batch_size": 32,
    "learning_rate": 0.001,
    "weight_decay": 0.0005,
    "label_smoothing": 0.1,
    "augmentation": ["crop", "flip", "jitter", "rotate"],
    "patience": 3,
    "factor": 0.5,
}


def tokens(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("| ").split(" | ")]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, make_in: Any, rendered: Any) -> Any:
    """The report on all eight variants and three seeds."""
    return rendered(make_in(tmp_path_factory.mktemp("full")))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, make_in: Any) -> Any:
    """Variants with no, with one and with both kinds of gates, and a wider network; changed by no test."""
    variants = ["baseline", "se", "cbam", "slim"]
    made = make_in(tmp_path_factory.mktemp("drawn"), variants=variants, controls={"se": {"parameters": "slim"}})
    analyse(made.study, made.paths)
    write_report(made.study, made.paths)
    return made


def test_the_first_lines_say_what_the_images_are(full: Any) -> None:
    lines = full.splitlines()
    assert lines[0] == "# A made-up study"
    assert lines[2] == "**The images:** Made-up shapes. Drawn for a test. They show nothing."


ABSTRACT = """
The baseline, `baseline`, and 7 other variants of the network `cnn` were trained with 3 seeds each, for 4 epochs, and
evaluated once, at the end, on 400 test images. The baseline classifies 71.00 % of them correctly (mean of 3 seeds;
standard deviation 1.00 percentage points). In paired t tests with Holm's correction for 7 comparisons, at
95 % confidence, `se` is better than the baseline; `cam` is worse than the baseline; the differences of `eca`, `cbam`,
`sam`, `se_after_pool` and `cbam_before_pool` to the baseline are inconclusive. The largest difference is
that of `se`: +3.00
percentage points (95 % interval +2.98 to +3.02; better than the baseline). `se` has
1,148,914 parameters (+1,000
against the baseline, that is +0.09 %) and takes 12.060 million multiply-adds
per image (+60,000 against the baseline,
that is +0.50 %); inference of a batch of 1 image takes 1.100 times
as long as the baseline's (95 % interval 1.095 to
1.105).
"""


def test_the_abstract_has_the_numbers(full: Any) -> None:
    assert full.section("Abstract") == " ".join(ABSTRACT.split())


def test_every_row_of_a_table_has_as_many_cells(full: Any) -> None:
    shapes: list[list[int]] = []
    for token in tokens(full):
        if token.type == "table_open":
            shapes.append([])
        elif token.type == "tr_open":
            shapes[-1].append(0)
        elif token.type in ("th_open", "td_open"):
            shapes[-1][-1] += 1
    assert [(row[0], len(row)) for row in shapes] == [
        (5, 9),  # variants
        (9, 9),  # main
        (7, 8),  # differences
        (4, 5),  # inconclusive: five, one of them without a spread and so not in the table
        (8, 8),  # frozen and shuffled
        (9, 4),  # classes
        (8, 9),  # cost
        (7, 17),  # latency: two batch sizes
        (7, 9),  # training step
        (2, 11),  # environment
        (2, 12),  # data
        (10, 19),  # gates of each slot: two slots, of two gates in the two variants with cbam, and the header
    ]
    assert all(len(set(row)) == 1 for row in shapes)


def test_no_line_of_a_table_is_left_as_text(full: Any) -> None:
    texts = [token.content for token in tokens(full) if token.type == "inline"]
    assert not [text for text in texts if text.count("|") > 1]


def test_every_figure_is_in_the_report_once(drawn: Any) -> None:
    inline = [child for token in tokens(report(drawn)) for child in token.children or []]
    images = [child for child in inline if child.type == "image"]
    names = [Path(str(image.attrs["src"])).stem for image in images]
    assert len(names) == len(set(names))
    assert {drawn.paths.report / str(image.attrs["src"]) for image in images} == set(drawn.paths.figures.iterdir())
    assert all(image.content for image in images), "an image without a text alternative"
    assert {"forest", "price", "learning", "training_loss", "frozen_and_shuffled", "gate_spread"} <= set(names)
    assert {"grad_cam", "grad_cam_block1", "spatial_gates", "feature_maps_se", "active_channels_slim"} <= set(names)
    assert sum(path.stat().st_size for path in drawn.paths.figures.iterdir()) < 4_000_000
    assert pyplot.get_fignums() == [], "a figure was left open"


def report(made: Any) -> str:
    return str((made.paths.report / "REPORT.md").read_text(encoding="utf-8"))


def test_equal_inputs_give_equal_bytes(drawn: Any) -> None:
    inputs = read(drawn.study, drawn.paths)
    assert render(inputs, {}) == render(read(drawn.study, drawn.paths), {})
    for name, figure in islice(gallery.figures(inputs), 2):
        path = drawn.paths.figures / f"{name}.svg"
        before = path.read_bytes()
        style.save(figure, path)
        assert path.read_bytes() == before


def test_a_caption_names_the_data_and_the_outline(drawn: Any) -> None:
    inputs = read(drawn.study, drawn.paths)
    caption = next(line for line in report(drawn).splitlines() if line.startswith("*The channels that vary most"))
    assert "2 fixed test images (Made-up shapes); variant baseline, seed 0" in caption
    assert "outline" not in report(drawn)
    masks = np.ones((2, 32, 32), np.uint8)
    known = replace(inputs, views={name: replace(views, masks=masks) for name, views in inputs.views.items()})
    assert "White: the outline of the object" in render(known, {"grad_cam": "grad_cam.png"})


def test_the_main_table_has_the_numbers(full: Any) -> None:
    rows = [cells(line) for line in full.splitlines() if "| cbam " in line]
    (main,) = [row for row in rows if len(row) == 9]
    assert main == [
        *("cbam", "73.00 ± 2.65", "3", "+2.00 [-5.46, +9.46]", "inconclusive"),
        *("1,150,914 (+3,000)", "12.180", "1.300 [1.281, 1.319]", "1.900 [1.818, 1.986]"),
    ]


def test_inconclusive_differences_have_what_would_have_decided_them(full: Any) -> None:
    text = full.section("Inconclusive differences with 3 seeds")
    assert "with a probability of 80 %, at the level 5 % / 7, the first of Holm's steps" in text
    for name in ("eca", "cbam", "se_after_pool", "cbam_before_pool"):
        assert f"| {name} " in text
    assert "| se " not in text
    assert "Every seed gave `sam` the same difference to the baseline: there is no spread" in text


def test_more_seeds_than_the_analysis_looks_for_are_not_a_number(make: Any, rendered: Any) -> None:
    made = make(variants=["baseline", "eca"], differences={"eca": [0.0100, -0.0100, 0.0001]})
    assert "more than 10,000 |" in rendered(made).section("Inconclusive differences with 3 seeds")


def test_the_error_of_one_accuracy_is_binomial(full: Any) -> None:
    error = 100 * (0.71 * 0.29 / 400) ** 0.5
    assert f"an accuracy of 71.00 % on 400 images is {error:.2f} percentage points." in full.section("Statistics")


def test_references_are_those_of_the_modules_and_of_the_network(full: Any, make: Any, rendered: Any) -> None:
    def counts(report: Any) -> list[int]:
        text = report.section("References")
        return [text.count(paper) for paper in ("1709.01507", "1910.03151", "1807.06521", "backbones/cnn.py")]

    assert counts(full) == [1, 1, 1, 1]
    assert counts(rendered(make(variants=TWO))) == [1, 0, 0, 1]


def test_data_and_environment_are_printed(full: Any) -> None:
    data, environment = full.section("Data"), full.section("Environment")
    assert "d" * 64 in data
    assert "3: ring, cross\\|bar, star" in data
    assert "Example CPU @ 2.0 GHz" in environment
    assert "environments" not in environment


def test_commands_name_the_study(full: Any, make: Any, rendered: Any) -> None:
    text = full.section("How to reproduce it")
    assert "make repro STUDY=made_up installs" in text
    assert "dvc repro --allow-missing studies/made_up/dvc.yaml rebuilds" in text
    root = rendered(make(variants=TWO, root=".", params="params.yaml")).section("How to reproduce it")
    assert "make repro installs" in root
    assert "dvc repro --allow-missing rebuilds" in root


def test_one_seed(make: Any, rendered: Any) -> None:
    text = rendered(make(seeds=1))
    abstract = text.section("Abstract")
    assert "trained with 1 seed each" in abstract
    assert "(one seed; the spread is unknown)" in abstract
    assert "One seed gives differences without a spread, so every comparison (`se`, `eca`" in abstract
    assert "interval +" not in abstract
    assert "±" not in text.section("Results")
    inconclusive = text.section("Inconclusive differences with 1 seed")
    assert inconclusive.startswith("All: one seed gives the differences of `se`, `eca`, `cbam`")


def test_one_comparison_needs_no_holm(make: Any, rendered: Any) -> None:
    text = rendered(make(variants=["baseline", "eca"]))
    abstract = text.section("Abstract")
    assert "In a paired t test at 95 % confidence, the difference of `eca` to the baseline is inconclusive" in abstract
    assert "The difference is that of `eca`: +0.10 percentage points" in abstract
    assert "Holm" not in text.section("Inconclusive differences with 3 seeds")


BLIND = "Does the module use what it sees?"


def test_what_frozen_gates_change_agrees_with_the_intervals(full: Any) -> None:
    text = full.section(BLIND)
    assert "The intervals hold together" in text
    assert "the intervals of `se` and `se_after_pool` lie below 0: their modules seem to use what they see. " in text
    assert "Frozen, the interval of `cam` lies above 0. Frozen, `eca` is as accurate as trained in every run. " in text
    undecided = "the difference of `cbam`, `sam` and `cbam_before_pool` is not decided: the intervals contain 0."
    assert text.endswith(f"Shuffled, {undecided}")
    assert "The module of `sam` does not scale its input: its added term" in text
    row = next(cells(line) for line in full.splitlines() if line.startswith("| se ") and "74.00 |" in line)
    assert (row[:2], row[2][:8], row[3][:8], row[4]) == (["se", "74.00"], "-20.00 [", "-40.00 [", "0.500")
    row = next(cells(line) for line in full.splitlines() if line.startswith("| sam ") and "71.00 |" in line)
    assert (row[2][:8], row[3][:8], row[4:]) == ("+0.67 [-", "+1.33 [-", 4 * [formatting.MISSING])


def test_without_intervals_or_modules_nothing_is_said_of_blind_modules(make: Any, rendered: Any) -> None:
    one = rendered(make(seeds=1, variants=TWO)).section(BLIND)
    assert one.endswith("One seed gives differences without a spread, and so no intervals.")
    assert "interval of this one" not in one
    none = rendered(make(variants=["baseline", "slim"]))
    assert BLIND not in none
    assert "gates of each slot" not in none


def test_all_conclusive(make: Any, rendered: Any) -> None:
    text = rendered(make(variants=["baseline", "se", "cam"]))
    assert text.section("Inconclusive differences with 3 seeds") == "None: all 2 comparisons are conclusive."
    assert "`se` is better than the baseline; `cam` is worse than the baseline." in text.section("Abstract")
    one = rendered(make(variants=["baseline", "cam"]))
    assert one.section("Inconclusive differences with 3 seeds") == "None: the one comparison is conclusive."


def test_the_largest_difference_may_be_negative(make: Any, rendered: Any) -> None:
    abstract = rendered(make(variants=["baseline", "eca", "cam"])).section("Abstract")
    assert "The largest difference is that of `cam`: -2.00 percentage points" in abstract


def test_none_conclusive(make: Any, rendered: Any) -> None:
    text = rendered(make(variants=["baseline", "eca", "cbam"]))
    sentence = "95 % confidence, the differences of `eca` and `cbam` to the baseline are inconclusive."
    assert sentence in text.section("Abstract")
    assert sentence in text.section("Results")


def test_an_inconclusive_interval_that_excludes_zero_is_explained(make: Any, rendered: Any) -> None:
    differences = {"eca": [0.010, 0.014, 0.018], "cbam": [0.01, 0.0, -0.01], "cam": [0.01, -0.02, 0.0]}
    made = make(variants=["baseline", "eca", "cbam", "cam"], differences=differences)
    sentence = "The interval of `eca` excludes 0, but an interval is for one comparison. Among 3 comparisons"
    assert sentence in rendered(made).section("Differences to the baseline")
    assert "excludes 0" not in rendered(make(variants=["baseline", "cbam"]))


def to_other_machine(made: Any, variant: str, seed: int) -> None:
    environment = made.run(variant, seed).identity.environment.model_copy(update={"processor": "Other CPU"})
    made.change(variant, seed, identity={"environment": environment})


def test_classes_of_machine_are_listed_with_their_seeds(make: Any, rendered: Any) -> None:
    made = make(variants=TWO)
    for variant in TWO:
        to_other_machine(made, variant, 1)
    text = rendered(made).section("Environment")
    assert text.startswith("The seeds come from 2 classes of machine, and all runs of one seed from the same, so no")
    assert [cells(line) for line in rendered(made).splitlines() if line.startswith(("| Processor", "| Seeds"))] == [
        ["Processor", "Example CPU @ 2.0 GHz", "Other CPU"],
        ["Seeds", "0 and 2", "1"],
    ]


def test_seeds_that_are_left_out_have_their_reasons_and_commands(make: Any, rendered: Any) -> None:
    made = make(variants=["baseline", "se", "cbam"])
    for variant in ("baseline", "se"):
        made.paths.record(variant, 1).unlink()
    made.change("se", 2, identity={"code": "9" * 64})
    to_other_machine(made, "cbam", 2)
    text = rendered(made)
    assert "Seeds 1 and 2 are left out for want of usable runs ([Seeds and pairing](#seeds-and-pairing))." in text
    section = text.section("Seeds and pairing")
    assert section.startswith("The seed is 0. It sets")
    assert "Seeds 1 and 2 of params.yaml are left out, here and in every table and figure. A seed counts" in section
    file = "studies/made_up/dvc.yaml"
    for part in (
        "- No record: `baseline-1` and `se-1`. - `se-2`: made from different code (SHA-256 999999999999, but ",
        "- `cbam-2`: made on another class of machine than most runs of its seed (processor Other CPU instead of ",
        f"was made from something else: dvc repro {file}:train@baseline-1 {file}:train@se-1 {file}:train@se-2 To",
        f"on the class of machine of the rest of their seed: dvc repro -f -s {file}:train@cbam-2",
    ):
        assert part in section
    assert "left out" not in rendered(make(variants=TWO))


def test_maps_of_a_seed_that_is_left_out_are_not_shown(make: Any, rendered: Any) -> None:
    made = make(variants=TWO)
    made.paths.record("se", 0).unlink()
    made.paths.view("se").unlink()
    text = rendered(made)
    assert "The maps are drawn from the first seed of params.yaml, which is left out." in text
    assert "Appendix: maps" not in text


def test_user_supplied_text_is_no_markdown(make: Any, rendered: Any) -> None:
    made = make(variants=TWO, title="A | <b>study</b> of *stars*\nand # signs")
    heading = tokens(rendered(made))[1]
    assert "".join(child.content for child in heading.children or []) == "A | <b>study</b> of *stars* and # signs"


def test_the_recipe_is_that_of_params(make: Any, rendered: Any) -> None:
    text = rendered(make(variants=TWO, recipe=SOURCE)).section("Training")
    assert "for 7 epochs in batches of 32. The loss is cross entropy with labels smoothed by 0.1." in text
    assert "Adam (weight decay 0.0005) with a learning rate of 0.001, multiplied by 0.5" in text
    assert "not fallen for more than 3 epochs" in text
    assert "the validation images set the learning rate" in text


def test_the_augmentation_is_that_of_the_code(make: Any, rendered: Any) -> None:
    text = rendered(make(variants=TWO, recipe=SOURCE)).section("Training")
    assert "padding by 4 pixels, a horizontal flip with probability 1/2, brightness" in text
    assert f"changed by factors within ±{parameters.SPREAD} of 1 and the hue by up to ±{parameters.MAX_HUE} of" in text
    assert f"and a rotation within ±{parameters.MAX_DEGREES:g} degrees." in text
    narrow = rendered(make(variants=TWO, recipe=SOURCE | {"crop_padding": 1})).section("Training")
    assert "after padding by 1 pixel, a horizontal" in narrow
    without = rendered(make(variants=TWO, recipe=SOURCE | {"augmentation": []})).section("Training")
    assert "Training images are not augmented." in without


def test_a_missing_table_is_named(make: Any) -> None:
    made = make(variants=TWO)
    with pytest.raises(UserError, match=r"left_out\.csv is missing; make it with: dvc repro .*:analyse$"):
        write_report(made.study, made.paths)


def test_missing_views_leave_nothing_behind(make: Any) -> None:
    made = make(variants=TWO)
    analyse(made.study, made.paths)
    made.paths.view("se").unlink()
    with pytest.raises(UserError, match=r"se\.safetensors is missing"):
        write_report(made.study, made.paths)
    assert not made.paths.figures.exists()


def test_the_stage_says_which_stage_makes_the_tables(make: Any) -> None:
    made = make(variants=TWO, root=".", params="params.yaml")
    values = made.study.model_dump(mode="json", exclude_defaults=True)
    (made.paths.root / "params.yaml").write_text(json.dumps(values), encoding="utf-8")  # JSON is YAML too
    files.write_json(made.paths.code("report"), Fingerprints(load(made.paths.root / "params.yaml")).report())
    command = [sys.executable, str(Path(__file__).parents[2] / "stages" / "report.py"), "params.yaml"]
    done = subprocess.run(command, cwd=made.paths.root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: reports/made_up/tables/left_out.csv is missing; make it with: dvc repro analyse\n"
