"""Keys, types and ranges of a params.yaml; every problem has its line and column."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter
from ruamel.yaml import YAML

from attnbench import study
from attnbench.errors import UserError
from attnbench.study import schema
from attnbench.study.document import read
from attnbench.study.examples import example

from .conftest import refusal

Write = Callable[..., Path]  # fixture: the valid file, with one text replaced by another


def test_a_valid_file_is_a_study_of_plain_values(write: Write) -> None:
    small, (_, positions) = study.load(write()), read(write())
    assert type(small.recipe.learning_rate) is float
    assert small.recipe.learning_rate == 0.001
    assert small.recipe.weight_decay == 0
    assert small.variants["se"] == schema.Variant(attention="se", site="before_pool")
    assert positions.of(("variants", "se", "site")) == (13, 5)


def test_the_root_study_is_valid() -> None:
    assert study.load(Path(__file__).parents[2] / "params.yaml").name == "quickstart"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  epochs: 1\n", "", "15:1: recipe.epochs: missing; add it, for example `epochs: 50`"),
        ("seeds: [0, 1]", "seeds: [0, x]", r"14:12: seeds\[1\]: given 'x'; must be a whole number"),
        ("seeds: [0, 1]", "seeds: []", r"14:1: seeds: given \[\]; must be at least 1 long"),
        ("epochs: 1", "epochs: 1.5", "18:3: recipe.epochs: given 1.5; must be a whole number"),
        ("epochs: 1", "epochs: 0", "18:3: recipe.epochs: given 0; must be at least 1"),
        ("epochs: 1", "epochs: true", "recipe.epochs: given true; must be a whole number"),
        ("1e-3", "'1e-3'", "recipe.learning_rate: given '1e-3'; must be a number"),
        ("0.95", "", "26:1: confidence: given nothing; must be a number"),
        ("name: onecycle", "name: onecyle", "16:3: recipe.name: given 'onecyle'; .*did you mean 'onecycle'"),
        (
            "source: shapes",
            "sorce: shapes",
            r"5:8: data.sorce: unknown key \(did you mean 'source'\?\); `source` may be 'shapes', 'cifar10', 'folder'$",
        ),
        ("source: shapes, ", "", "5:1: data.source: missing; allowed: 'shapes', 'cifar10', 'folder'"),
        ("source: shapes", "source: null", "5:8: data.source: given nothing; allowed: 'shapes', 'cifar10', 'folder'$"),
        ("source: shapes", "source: shaps", r"5:8: data.source: given 'shaps'; .*\(did you mean 'shapes'\?\)"),
        ("[flip]", "[flop]", r"24:18: recipe.augmentation\[0\]: given 'flop'; must be 'crop', .*mean 'flip'"),
        ("{images: 6}", "6", "28:1: views: given 6; must be a mapping of keys to values"),
        ("{source: shapes,", "5 #", "5:1: data: given 5; must be a mapping of keys to values"),
        ("  se:\n", "  S-E:\n", "11:3: variants.S-E: given 'S-E'; must be made of only a-z, 0-9 and _"),
        (
            "site: before_pool",
            "site: before_pool\n    stages: frist",
            "variants.se.stages: given 'frist'; must be 'all', .* or a list in brac",
        ),
        (
            "site: before_pool",
            "site: before_pool\n    options: {reduction: null}",
            "variants.se.options.reduction: given nothing; must be a whole number",
        ),
        ("A small study", "''", "title: given ''; must be one line of text, without control characters"),
        ("name: small", "name: small\n1: 2", r"2:1: \[1\]: given 1; must be text"),
    ],
)
def test_each_problem_has_its_position_and_its_remedy(write: Write, old: str, new: str, message: str) -> None:
    text = refusal(write(old, new))
    assert re.search(message, text), text
    assert "\n" not in text


def test_all_problems_come_at_once_in_the_order_of_the_file(tmp_path: Path, valid: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(valid.replace("epochs", "epoch").replace("[0, 1]", "[-1, x]").replace("images: 6", "images: 11"))
    lines = refusal(path).splitlines()
    assert lines[0].startswith("4 problems in ")
    assert [line.split(":")[1:4] for line in lines[1:]] == [
        ["14", "9", " seeds[0]"],
        ["14", "13", " seeds[1]"],
        ["18", "3", " recipe.epoch"],
        ["28", "9", " views.images"],
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; a study is a mapping"),
        ("- 1\n", "is a list; a study is a mapping"),
        ("word\n", "contains only 'word'; a study is a mapping"),
        ("a: 1\nb: {c: 1, c: 2}\n", ":2:11: the key 'c' occurs twice in one mapping; keep one"),
        ("a: [\n", ":2:1: not YAML: expected the node content"),
        (
            "a: b: c\n",
            ":1:5: not YAML: mapping values are not allowed here; text with `: ` in it needs quotes; keys of",
        ),
        ("a:\n\tb: 1\n", ":2:1: not YAML: found character '.t' .*; that is a tab; indent with spaces"),
        (
            "a: 1\nb 2\n",
            ":3:1: not YAML: .*, in the part that begins in line 2; a key is followed by a colon and a space: `key: v",
        ),
        ("a: 1\n---\nb: 2\n", ":2:1: not YAML: .*; a study is one document; remove `---`"),
        ("a: !!int x\n", ":1:4: not YAML: text that begins with `!` needs quotes"),
        ("a: \x01\n", ": not YAML: unacceptable character"),
        ("a: *b\n", ":1:4: not YAML: found undefined alias 'b'"),
        ("[" * 1000, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused_in_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=re.escape(str(path)) + ".*" + message):
        study.load(path)


def test_a_path_that_is_no_text_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"name: \xff\n")
    with pytest.raises(UserError, match=r"binary\.yaml is not UTF-8 text \(byte 6\)"):
        study.load(tmp_path / "binary.yaml")
    with pytest.raises(UserError, match=r"none\.yaml does not exist; a study is a params\.yaml"):
        study.load(tmp_path / "none.yaml")
    with pytest.raises(UserError, match="is a folder; give the params"):
        study.load(tmp_path)


def test_positions_of_merged_keys(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("a: &a {b: 1}\nc:\n  <<: *a\n  d: 2\n")
    values, positions = read(path)
    assert values["c"] == {"b": 1, "d": 2}
    assert positions.of(("c", "d")) == (4, 3)
    assert positions.of(("c", "b")) == (2, 1)


def sections(kind: type[BaseModel]) -> list[type[BaseModel]]:
    return [kind, *(section for child in kind.__subclasses__() for section in sections(child))]


@pytest.mark.parametrize("section", sections(schema.Section), ids=lambda section: section.__name__)
def test_every_required_key_has_a_valid_example(section: type[BaseModel]) -> None:
    for key, field in section.model_fields.items():
        if field.is_required():
            value = YAML(typ="safe", pure=True).load(example(section, key))[key]
            annotation: Any = section.__annotations__.get(key, field.annotation)
            TypeAdapter(annotation).validate_python(value, strict=True)
