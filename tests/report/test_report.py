"""The report: its files, and what it says about images, recipe, seeds and machines."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from made_inputs import made_inputs
from matplotlib import pyplot
from recorded_run import run_stage

from attnbench.analyse import analyse
from attnbench.code.fingerprint import Fingerprints
from attnbench.errors import UserError
from attnbench.records import files
from attnbench.report import inputs as report_inputs
from attnbench.report import measured, overview, paper
from attnbench.report.render import render, write_report
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


def details(**changes: Any) -> str:
    return render(made_inputs({"se": "better"}, **changes), "DETAILS.md", {})


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("| ").split(" | ")]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, make_in: Any) -> Any:
    """Variants with one and with both kinds of gates, a null control and a wider network; changed by no test."""
    variants = ["baseline", "se", "cbam", "constant", "slim"]
    controls = {"se": {"parameters": "slim", "constant": "constant"}}
    made = make_in(tmp_path_factory.mktemp("drawn"), variants=variants, controls=controls)
    analyse(made.study, made.paths)
    write_report(made.study, made.paths)
    return made


def written(made: Any) -> dict[str, bytes]:
    return {str(path.relative_to(made.paths.report)): path.read_bytes() for path in made.paths.report.rglob("*.*")}


def test_every_figure_is_in_one_document_once(drawn: Any) -> None:
    texts = "".join((drawn.paths.report / name).read_text() for name in ("REPORT.md", "DETAILS.md"))
    images = re.findall(r"!\[([^]]+)\]\(figures/([^)]+)\)", texts)
    assert sorted(name for _, name in images) == sorted(path.name for path in drawn.paths.figures.iterdir())
    assert pyplot.get_fignums() == [], "a figure was left open"


def test_equal_inputs_give_equal_bytes(drawn: Any) -> None:
    before = written(drawn)
    write_report(drawn.study, drawn.paths)
    assert written(drawn) == before


def test_the_paper_includes_only_files_that_are_there(drawn: Any) -> None:
    folder = drawn.paths.report / "paper"
    main = (folder / "main.tex").read_text()
    included = re.findall(r"\\(?:input|includegraphics\[.*?\]|bibliography)\{(.*?)\}", main)
    names = {name if "." in name else f"{name}.bib" for name in included}
    assert len(names) == 6
    assert names <= {path.name for path in folder.iterdir()}
    entries = re.findall(r"^@misc\{(.*),$", (folder / "references.bib").read_text(), re.MULTILINE)
    assert main.count(f"\\nocite{{{','.join(entries)}}}") == 1


def test_a_decided_difference_is_bold_in_the_paper() -> None:
    rows = paper.results_table(made_inputs({"se": "better", "cbam": "inconclusive"})).splitlines()
    assert any(row.startswith("se & ") and r"\textbf{+2.00 [+1.00, +3.00]}" in row for row in rows)
    assert any(row.startswith("cbam & ") and "& +0.50 [$-$1.00, +2.00] &" in row for row in rows)


def test_a_long_name_breaks_in_the_paper_and_headings_take_several_lines() -> None:
    name = "se_after_pool_of_the_last_block_only"
    table = paper.results_table(made_inputs({name: "better"}))
    assert table.startswith("\\begin{longtable}{p{12.5em}rrlrrrrr}")
    assert "\\raggedright se\\_\\allowbreak{}after" in table
    assert "\\shortstack[r]{Training\\\\step}" in table


def test_results_have_a_row_for_every_variant_and_the_overview_one_for_every_study(drawn: Any) -> None:
    own = pd.read_csv(drawn.paths.report / "results.csv").set_index("variant")
    accuracy = pd.read_csv(drawn.paths.tables / "accuracy.csv").set_index("variant")
    assert list(own.index) == list(drawn.study.variants)
    assert own["accuracy"].to_dict() == accuracy["mean"].to_dict()
    assert own.loc["se", ["kind", "verdict", "latency_batch_size"]].tolist() == ["attention", "inconclusive", 64]
    overview.write_overview(drawn.paths.root)
    reports = drawn.paths.report.parent
    assert (reports / "results.csv").read_text() == (drawn.paths.report / "results.csv").read_text()
    [row] = [line for line in (reports / "README.md").read_text().splitlines() if line.startswith("| [")]
    assert cells(row)[:2] == ["[`made_up`](made_up/REPORT.md)", "A made-up study"]
    assert cells(row)[4:6] == ["3", "3 inconclusive"]
    assert "<!-- cbam -->" in (reports / "forest.svg").read_text()
    page = reports / "README.md"
    earlier = re.sub(r"\d{4}-\d\d-\d\d", "2020-02-02", page.read_text())
    page.write_text(earlier)
    overview.write_overview(drawn.paths.root)
    assert page.read_text() == earlier, "the data and the code were listed on that day"

    (reports / ".reports.12ab34cd.tmp").mkdir()  # of a run that was killed while it wrote this
    (reports / ".reports.12ab34cd.tmp/results.csv").write_text((reports / "results.csv").read_text())
    overview.write_overview(drawn.paths.root)
    assert page.read_text() == earlier


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: "",
        lambda text: text.replace("kind", "sort", 1),
        lambda text: text.replace("baseline,baseline", "baseline,attention"),
        lambda text: text.replace("\n", "\n<<<<<<< HEAD\n", 1),
        lambda text: text.replace("margin", "limit", 1),
        lambda text: re.sub(r"(attention(?:,[^,]*){4}),[^,]*", r"\1,many", text),
        lambda text: text + "x" * 200_000,
    ],
    ids=["empty", "other columns", "no baseline", "conflict", "older", "no number", "too long"],
)
def test_a_study_whose_results_no_report_wrote_is_left_out(
    drawn: Any, tmp_path: Path, edit: Callable[[str], str]
) -> None:
    text = (drawn.paths.report / "results.csv").read_text()
    for study, own in (("bad", edit(text)), ("good", "".join(text.splitlines(keepends=True)[:2]))):
        path = tmp_path / "reports" / study / "results.csv"
        path.parent.mkdir(parents=True)
        path.write_text(own)
    assert overview.write_overview(tmp_path) == [
        f"{tmp_path}/reports/README.md leaves out bad: {tmp_path}/reports/bad/results.csv is not what a report writes; "
        "run `attnbench run bad`, restore the file with git, or remove it"
    ]
    assert (tmp_path / "reports/results.csv").read_text() == own


def test_results_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "reports/bad/results.csv").mkdir(parents=True)
    [problem] = overview.write_overview(tmp_path)
    assert "reports/bad/results.csv is a folder, not a file; " in problem
    assert [file.name for file in (tmp_path / "reports").iterdir()] == ["bad"]


def test_damaged_files_of_the_overview_are_written_again(drawn: Any, tmp_path: Path) -> None:
    (tmp_path / "reports/made_up").mkdir(parents=True)
    own = "".join((drawn.paths.report / "results.csv").read_text().splitlines(keepends=True)[:2])
    (tmp_path / "reports/made_up/results.csv").write_text(own)
    for name in ("README.md", "results.csv"):
        (tmp_path / "reports" / name).write_bytes(b"\xff")
    (tmp_path / "reports/forest.svg").touch()
    assert overview.write_overview(tmp_path) == []
    assert (tmp_path / "reports/results.csv").read_text() == own
    assert (tmp_path / "reports/README.md").read_text().count("\n| [") == 1


def test_references_are_those_of_the_modules_and_of_the_network() -> None:
    text = details()
    assert [text.count(paper) for paper in ("1709.01507", "1807.06521", "backbones/cnn.py")] == [1, 0, 1]


def test_data_and_environment_are_printed() -> None:
    text = details()
    assert "d" * 64 in text
    assert "| Classes | 3: ring, cross\\|bar, star |" in text
    assert "Example CPU @ 2.0 GHz" in text


def test_commands_name_the_study() -> None:
    text = render(made_inputs({"se": "better"}), "REPORT.md", {})
    assert "    make repro STUDY=made_up\n" in text
    assert "`dvc repro --allow-missing studies/made_up/dvc.yaml` rebuilds" in text
    root = render(made_inputs({"se": "better"}, root=".", params="params.yaml"), "REPORT.md", {})
    assert "    make repro\n" in root
    assert "`dvc repro --allow-missing` rebuilds" in root


def test_classes_of_machine_are_listed_with_their_seeds() -> None:
    inputs = made_inputs({"se": "better"})
    frame = inputs.tables["environment"]
    rows = [frame.assign(seeds="0 2", n=4), frame.assign(seeds="1", n=2, processor="Other CPU")]
    inputs.tables["environment"] = pd.concat(rows)
    lines = render(inputs, "DETAILS.md", {}).splitlines()
    assert [cells(line) for line in lines if line.startswith(("| Processor", "| Seeds"))] == [
        ["Processor", "Example CPU @ 2.0 GHz", "Other CPU"],
        ["Seeds", "0 and 2", "1"],
    ]
    assert "environment 1 of [the environments](DETAILS.md#environment), from which 4 runs of 6 come." in render(
        inputs, "REPORT.md", {}
    )


def test_times_from_another_class_of_machine_are_reported_as_such() -> None:
    inputs = made_inputs({"se": "better"})
    inputs.tables["environment"]["processor"] = "Other CPU"
    text = render(inputs, "REPORT.md", {})
    assert "measured with processor Example CPU @ 2.0 GHz (the runs: Other CPU). Another class" in text
    assert "`dvc repro -f -s studies/made_up/dvc.yaml:latency` measures them" in text
    assert "These are [times of another machine](#price)." in text


def test_times_of_a_busy_machine_are_reported_as_such() -> None:
    inputs = made_inputs({"se": "better"})
    busy = inputs.latency.model_copy(update={"load_average": 3.16})
    assert "The machine was busy" not in render(inputs, "REPORT.md", {})
    text = render(replace(inputs, latency=busy), "REPORT.md", {})
    assert "The machine was busy when these times were measured: a load of 3.2 on 2 cores." in text


def test_the_time_of_one_image_is_compared_with_that_in_a_batch_where_both_are_measured() -> None:
    inputs = made_inputs({"se": "better"})
    assert measured.one_image(inputs) == {"alone": 2.0, "in_batch": 2.0 / 64}
    rows = inputs.tables["latency"]
    rows.loc[rows["batch_size"] == 64, "median_ms"] = 200.0
    assert measured.one_image(inputs) is None
    assert "for an image alone" not in render(inputs, "REPORT.md", {})


def test_a_version_that_looks_like_a_number_is_read_as_it_is_written(make: Any) -> None:
    made = make(variants=TWO)
    analyse(made.study, made.paths)
    file = made.paths.tables / "environment.csv"
    frame = pd.read_csv(file, dtype=str).assign(driver="560.70")
    frame.to_csv(file, index=False)
    assert report_inputs.read(made.study, made.paths).tables["environment"]["driver"].tolist() == ["560.70"]


def test_maps_of_a_seed_that_is_left_out_are_not_shown() -> None:
    text = render(made_inputs({"se": "better"}), "REPORT.md", {})
    assert "The maps are drawn from the first seed of params.yaml, which is left out." in text


def test_the_recipe_is_that_of_params() -> None:
    text = details(recipe=SOURCE)
    assert "cross entropy with labels smoothed by 0.1, the optimiser Adam (weight decay 0.0005) with a learning" in text
    assert (
        "rate of 0.001, multiplied by 0.5 whenever the validation loss has not fallen for more than 3 epochs." in text
    )


def test_the_augmentation_is_that_of_the_code() -> None:
    text = details(recipe=SOURCE)
    assert "padding by 4 pixels, a horizontal flip with probability 1/2, brightness" in text
    assert f"changed by factors within ±{parameters.SPREAD} of 1 and the hue by up to ±{parameters.MAX_HUE} of" in text
    assert f"and a rotation within ±{parameters.MAX_DEGREES:g} degrees." in text
    assert "after padding by 1 pixel, a horizontal" in details(recipe=SOURCE | {"crop_padding": 1})
    assert "Training images are not augmented." in details(recipe=SOURCE | {"augmentation": []})


def test_what_others_report_stands_beside_their_module() -> None:
    tutorial = {"attention": "cbam", "site": "after_pool", "options": {"bias": False, "norm": False, "init": "torch"}}
    own = {"attention": "eca", "site": "after_pool", "options": {"kernel_size": 5}}
    variants = {"baseline": {"attention": "none"}, "cbam": tutorial, "eca": own}
    text = render(made_inputs({"cbam": "better", "eca": "better"}, variants=variants), "REPORT.md", {})
    assert re.findall(r"^\| `(\w+)` +\| (85.98 % accuracy|.* points \()", text, re.MULTILINE) == [
        ("cbam", "85.98 % accuracy")
    ]
    text = render(made_inputs({"cbam": "better"}), "REPORT.md", {})
    assert "| `cbam`    | +1.90 points (75.44 to 77.34 %) | ResNet-50 on ImageNet | arXiv:1807.06521, table 4 |" in text


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
    assert run_stage(made.paths.root, "report") == (
        "error: reports/made_up/tables/left_out.csv is missing; make it with: dvc repro analyse"
    )
