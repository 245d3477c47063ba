"""Commands, params.yaml, files and examples in the documents are right."""

import doctest
import re
from pathlib import Path
from typing import Any

import params
import pytest
from dvc.cli import parse_args
from ruamel.yaml import YAML

from attnbench import cli, study

from . import documents

ROOT = documents.ROOT
TUTORIALS = "docs/from-the-tutorials"
MADE_BY_READERS = {"mine", "lesson", "pair"}  # studies that a document tells its reader to make
STUDIES = (
    {path.parent.name for path in (ROOT / "studies").glob("*/params.yaml")} | {"quickstart", "STUDY"} | MADE_BY_READERS
)
COMMANDS = {path.stem for path in (ROOT / "src/attnbench/cli").glob("*.py")}
STAGES = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
TARGETS = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
every_document = pytest.mark.parametrize("name", documents.NAMES)


@every_document
def test_every_command_is_one(name: str) -> None:
    for program, *words in documents.commands(documents.read(name)):
        {"attnbench": attnbench, "make": make, "dvc": dvc, "python": python}[program](words)


def attnbench(words: list[str]) -> None:
    if len(words) == 1:  # the name of a command, in a sentence
        assert words[0] in (*COMMANDS, "--help"), words
        return
    arguments = vars(cli._parser().parse_args(words))
    sides = [arguments.get(side) for side in ("study", "a", "b")]
    assert {side for side in sides if side and ":" not in side} <= STUDIES, words  # a revision may have another one


def make(words: list[str]) -> None:
    settings = dict(word.split("=") for word in words if "=" in word)
    assert settings.keys() <= {"STUDY", "JOBS", "PYTHON"}, words
    assert settings.get("STUDY", "quickstart") in STUDIES, words
    assert {word for word in words if "=" not in word} <= set(TARGETS), words


def dvc(words: list[str]) -> None:
    arguments = parse_args(words)
    targets = getattr(arguments, "targets", None) or []
    for target in targets if words[:1] == ["repro"] or words[:2] == ["exp", "run"] else []:
        file, _, stage = target.rpartition(":") if not target.endswith("dvc.yaml") else (target, "", "")
        assert re.fullmatch(r"studies/(\w+)/dvc\.yaml|", file), words
        assert not file or file.split("/")[1] in STUDIES, words
        assert not stage or stage.partition("@")[0] in STAGES, words
    for change in getattr(arguments, "set_param", None) or []:
        file, _, key = change.partition("=")[0].rpartition(":")
        is_made = file.split("/")[1:2] in [[name] for name in MADE_BY_READERS]  # from the root's
        values: Any = YAML(typ="safe").load(ROOT / (file if file and not is_made else "params.yaml"))
        for part in key.split(".") if not key.startswith("+") else []:
            values = values[part]


def python(words: list[str]) -> None:
    assert not words[0].endswith(".py") or (ROOT / words[0]).is_file(), words


@every_document
def test_files_and_studies_that_are_named_exist(name: str) -> None:
    text = documents.read(name)
    files = re.findall(r"`((?:docs|notebooks|params|results|src|stages|studies|tests)/[\w./]+)`", text)
    made_up = re.compile(r"/(mine|lesson|channel_scale|x)\b")
    assert [file for file in files if not made_up.search(file) and not (ROOT / file).exists()] == []
    assert set(re.findall(r"\b[Ss]tud(?:y|ies) \[?`(\w+)`", text)) | set(re.findall(r"studies/(\w+)/", text)) <= STUDIES
    links = [link for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text) if "//" not in link]
    assert [link for link in links if not (documents.path(name).parent / link).exists()] == []


@pytest.mark.parametrize("name", [name for name in documents.NAMES if name != "README"])
def test_every_params_yaml_is_valid(name: str, tmp_path: Path) -> None:
    text = documents.read(name)
    variants = re.findall(r"`(\{attention: [^`]*\})`", text)
    blocks = [YAML(typ="safe").load(block) for block in documents.blocks(text, "yaml")]
    one_each = {"baseline": {"attention": "none"}} | {f"v{i}": YAML(typ="safe").load(v) for i, v in enumerate(variants)}
    for block in [*blocks, *([{"variants": one_each}] if variants else [])]:
        folder = tmp_path / Path(block.get("params", "params.yaml")).parent
        folder.mkdir(parents=True, exist_ok=True)
        study.load(params.write(folder, **block))


def test_the_examples_print_what_is_shown() -> None:
    text = "".join(documents.blocks(documents.read(TUTORIALS), "pycon"))
    examples = doctest.DocTestParser().get_doctest(text, {}, TUTORIALS, None, None)
    assert len(examples.examples) > 15
    assert doctest.DocTestRunner().run(examples).failed == 0


def test_the_translation_has_the_same_code_and_exercises() -> None:
    english, chinese = documents.read(TUTORIALS), documents.read(f"{TUTORIALS}.zh")
    assert re.findall(r"^```.*?^```", english, re.DOTALL | re.MULTILINE) == re.findall(
        r"^```.*?^```", chinese, re.DOTALL | re.MULTILINE
    )
    for pattern in (r"^#+ (?=[0-9]|$)", "<details>", r"`\{attention: [^`]*\}`"):
        assert re.findall(pattern, english, re.MULTILINE) == re.findall(pattern, chinese, re.MULTILINE)


def test_the_citation_names_the_last_release() -> None:
    citation = YAML(typ="safe").load(ROOT / "CITATION.cff")
    release = f"## {citation['version']} ({citation['date-released']})"
    assert release in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    assert f'version = "{citation["version"]}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
