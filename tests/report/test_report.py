"""The report: its claims against the numbers it was made from, in all the cases that a study can end in."""

import re
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from attnbench.analyse import analyse
from attnbench.errors import UserError
from attnbench.report import gallery, write_report
from attnbench.report.inputs import read
from attnbench.report.render import render

TWO = ["baseline", "se"]
NO_FIGURES = gallery.Gallery(results=[], controls=[], learning=[], sheets=[], maps={})


def tokens(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)


def written(made: Any) -> str:
    """Return the report of a made-up study as it is written, with its figures."""
    analyse(made.study, made.paths)
    write_report(made.study, made.paths)
    return (made.paths.report / "REPORT.md").read_text(encoding="utf-8")


def said(made: Any) -> str:
    """Return the report without its figures, which take far longer than all the rest."""
    analyse(made.study, made.paths)
    return render(read(made.study, made.paths), NO_FIGURES)


def section(text: str, heading: str) -> str:
    """Return what stands between a heading and the next one, in one line."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, heading
    return " ".join(found[1].split())


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, make_in: Any) -> str:
    """The report on all eight variants and three seeds, without figures."""
    return said(make_in(tmp_path_factory.mktemp("full")))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, make_in: Any) -> Any:
    """A study of variants with no, with one and with both kinds of gates, and its report; changed by no test."""
    made = make_in(tmp_path_factory.mktemp("drawn"), variants=["baseline", "se", "cbam"])
    return made, written(made)


def test_the_first_lines_say_what_the_images_are(full: str) -> None:
    lines = full.splitlines()
    assert lines[0] == "# A made-up study"
    assert lines[2] == "**The images:** Made-up shapes. Drawn for a test. They show nothing."


ABSTRACT = """
The baseline, `baseline`, and 7 other variants of the network `cnn` were trained with 3 seeds each, for 4 epochs, and
tested once, at the end, on 400 test images. The baseline classifies 71.00 % of them correctly (mean of 3 seeds;
standard deviation 1.00 percentage points). In paired t tests with Holm's correction for 7 comparisons, at a
confidence of 95 %, `se` is better than the baseline; `cam` is worse than the baseline; for `eca`, `cbam`, `sam`,
`se_after_pool` and `cbam_before_pool` the 3 seeds cannot decide whether they are better or worse. The largest
difference is that of `se`: +3.00 percentage points (95 % interval +2.98 to +3.02; better than the baseline). `se` has
1,148,914 parameters (+1,000 against the baseline, that is +0.09 %) and takes 12.060 million multiply-adds per image
(+60,000 against the baseline, that is +0.50 %); inference of a batch of 1 image takes 1.100 times as long as the
baseline's (95 % interval 1.090 to 1.110).
"""


def test_all_variants_have_a_module_so_the_largest_difference_is_that_of_all(full: str) -> None:
    assert "The largest difference is that of `" in section(full, "Abstract")


def test_the_abstract_has_the_numbers(full: str) -> None:
    assert section(full, "Abstract") == " ".join(ABSTRACT.split())


def test_every_table_has_as_many_cells_in_each_row(full: str) -> None:
    tables: list[list[int]] = []
    for token in tokens(full):
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            tables[-1].append(0)
        elif token.type in ("th_open", "td_open"):
            tables[-1][-1] += 1
    assert [(row[0], len(row)) for row in tables] == [
        (5, 9),  # variants
        (9, 9),  # main
        (7, 8),  # differences
        (4, 5),  # undecided: five, one of them without a spread and so not in the table
        (9, 4),  # classes
        (8, 9),  # cost
        (7, 17),  # latency: two batch sizes
        (6, 9),  # time
        (2, 10),  # environment
        (2, 12),  # data
    ]
    assert all(len(set(row)) == 1 for row in tables)


def test_no_line_of_a_table_is_left_as_text(full: str) -> None:
    texts = [token.content for token in tokens(full) if token.type == "inline"]
    assert not [text for text in texts if text.count("|") > 1]


def test_every_image_is_there_and_is_named_once(drawn: Any) -> None:
    made, text = drawn
    inline = [child for token in tokens(text) for child in token.children or []]
    links = [str(child.attrs["src"]) for child in inline if child.type == "image"]
    assert len(links) == len(set(links))
    assert all(not link.startswith("/") and ".." not in link for link in links)
    assert {made.paths.report / link for link in links} == set(made.paths.figures.iterdir())
    assert all(child.content for child in inline if child.type == "image"), "an image without a text in its place"
    assert len([link for link in links if "sheet" in link]) == made.study.views.images
    assert {Path(link).stem for link in links if "spatial_gates" in link} == {"spatial_gates_cbam"}
    assert {Path(link).stem for link in links if "channel_gates" in link} == {"channel_gates_se", "channel_gates_cbam"}


def test_the_main_table_is_that_of_the_numbers(full: str) -> None:
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in full.splitlines() if "| cbam" in line]
    main = next(row for row in rows if len(row) == 9)
    assert main == [
        "cbam",
        "73.00 ± 2.65",
        "3",
        "+2.00 [-5.45, +9.45]",
        "inconclusive",
        "1,150,914 (+3,000)",
        "12.180",
        "1.300 [1.270, 1.330]",
        "5.00",
    ]


def test_what_cannot_be_decided_names_each_and_what_it_would_have_taken(full: str) -> None:
    found = section(full, "What cannot be decided with 3 seeds")
    assert "the level 5 % / 7, the first of Holm's steps" in found
    for name in ("eca", "cbam", "se_after_pool", "cbam_before_pool"):
        assert f"| {name} " in found
    assert "| se " not in found
    assert "Every seed gave `sam` the same difference to the baseline: there is no spread" in found


def test_the_error_of_one_accuracy_is_binomial(full: str) -> None:
    error = 100 * (0.71 * 0.29 / 400) ** 0.5
    assert f"An accuracy of 71.00 % on 400 images has one of {error:.2f} percentage points." in section(
        full, "Statistics"
    )


def test_references_are_those_of_the_modules_used_and_of_the_network(full: str, make: Any) -> None:
    found = section(full, "References")
    assert [found.count(paper) for paper in ("1709.01507", "1910.03151", "1807.06521")] == [1, 1, 1]
    few = section(said(make(variants=TWO)), "References")
    assert [few.count(paper) for paper in ("1709.01507", "1910.03151", "1807.06521")] == [1, 0, 0]


def test_data_and_environment_are_printed(full: str) -> None:
    data, environment = section(full, "Data"), section(full, "Environment")
    assert "d" * 64 in data
    assert "3: ring, cross\\|bar, star" in data
    assert "Example CPU @ 2.0 GHz" in environment
    assert "environments" not in environment


def test_commands_name_the_study(full: str, make: Any) -> None:
    found = section(full, "How to reproduce it")
    assert "make repro STUDY=made_up installs" in found
    assert "dvc repro --allow-missing studies/made_up/dvc.yaml makes" in found
    root = section(said(make(variants=TWO, root=".", params="params.yaml")), "How to reproduce it")
    assert "make repro installs" in root
    assert "dvc repro --allow-missing makes" in root


def test_equal_inputs_give_equal_bytes(drawn: Any) -> None:
    made, text = drawn
    inputs = read(made.study, made.paths)
    before = {path: path.read_bytes() for path in made.paths.figures.iterdir()}
    again = gallery.results(inputs) + gallery.sheets(inputs)
    assert len(again) == 4
    assert {path: path.read_bytes() for path in made.paths.figures.iterdir()} == before
    assert render(inputs, NO_FIGURES) == render(read(made.study, made.paths), NO_FIGURES)
    assert text.splitlines()[:10] == render(inputs, NO_FIGURES).splitlines()[:10]


def test_one_seed(make: Any) -> None:
    text = said(make(seeds=1))
    abstract = section(text, "Abstract")
    assert "trained with 1 seed each" in abstract
    assert "(one seed; the spread is unknown)" in abstract
    assert "One seed gives differences without a spread, so nothing is decided about `se`, `eca`" in abstract
    assert "interval +" not in abstract
    assert "±" not in section(text, "Results")
    undecided = section(text, "What cannot be decided with 1 seed")
    assert undecided.startswith("Everything: one seed gives the differences of `se`, `eca`, `cbam`")


def test_one_comparison_needs_no_holm(make: Any) -> None:
    text = said(make(variants=["baseline", "eca"]))
    abstract = section(text, "Abstract")
    assert "In a paired t test at a confidence of 95 %, for `eca` the 3 seeds cannot decide whether it is" in abstract
    assert "The difference is that of `eca`: +0.10 percentage points" in abstract
    assert "Holm" not in section(text, "What cannot be decided with 3 seeds")


def test_all_decided(make: Any) -> None:
    text = said(make(variants=["baseline", "se", "cam"]))
    assert section(text, "What cannot be decided with 3 seeds") == "Nothing: all 2 comparisons are decided."
    assert "`se` is better than the baseline; `cam` is worse than the baseline." in section(text, "Abstract")
    one = said(make(variants=["baseline", "cam"]))
    assert section(one, "What cannot be decided with 3 seeds") == "Nothing: the one comparison is decided."


def test_none_decided(make: Any) -> None:
    text = said(make(variants=["baseline", "eca", "cbam"]))
    assert (
        "confidence of 95 %, for `eca` and `cbam` the 3 seeds cannot decide whether they are better or worse."
        in section(text, "Abstract")
    )


def test_an_interval_that_excludes_zero_and_decides_nothing_is_explained(make: Any) -> None:
    differences = {"eca": [0.010, 0.014, 0.018], "cbam": [0.01, 0.0, -0.01], "cam": [0.01, -0.02, 0.0]}
    text = said(make(variants=["baseline", "eca", "cbam", "cam"], differences=differences))
    assert (
        "The interval of `eca` excludes 0, but an interval is that of one comparison. Among 3 comparisons"
        in section(text, "Differences to the baseline")
    )
    assert "excludes 0" not in said(make(variants=["baseline", "cbam"]))


def test_differing_environments_are_said(make: Any) -> None:
    made = make(variants=TWO)
    environment = made.run("se", 0).identity.environment.model_copy(update={"processor": "Other CPU"})
    made.change("se", 0, identity={"environment": environment})
    found = section(said(made), "Environment")
    assert "The runs were made in 2 environments" in found
    assert "but these: in environment 2 `se-0`." in found
    assert "Other CPU" in found


def test_words_from_outside_are_no_markdown(make: Any) -> None:
    made = make(variants=TWO, title="A | <b>study</b> of *stars*\nand # signs")
    text = said(made)
    heading = tokens(text)[1]
    assert "".join(child.content for child in heading.children or []) == "A | <b>study</b> of *stars* and # signs"


def test_the_recipe_is_that_of_params(make: Any) -> None:
    recipe = {
        "name": "source",
        "epochs": 7,
        "batch_size": 32,
        "learning_rate": 0.001,
        "weight_decay": 0.0005,
        "label_smoothing": 0.1,
        "augmentation": ["rotate"],
        "patience": 3,
        "factor": 0.5,
    }
    found = section(said(make(variants=TWO, recipe=recipe)), "Training")
    assert "for 7 epochs in batches of 32 on cross entropy with labels smoothed by 0.1" in found
    assert "Adam (weight decay 0.0005) with a learning rate of 0.001, multiplied by 0.5" in found
    assert "not fallen for more than 3 epochs" in found
    assert "a rotation within ±15 degrees." in found
    assert "the validation images set the learning rate" in found


def test_a_missing_table_is_named(make: Any) -> None:
    made = make(variants=TWO)
    with pytest.raises(UserError, match=r"runs\.csv is missing\. Make it with: dvc repro .*:analyse$"):
        write_report(made.study, made.paths)


def test_missing_views_leave_nothing_behind(make: Any) -> None:
    made = make(variants=TWO)
    analyse(made.study, made.paths)
    made.paths.view("se").unlink()
    with pytest.raises(UserError, match=r"se\.safetensors is missing"):
        write_report(made.study, made.paths)
    assert not made.paths.figures.exists()
