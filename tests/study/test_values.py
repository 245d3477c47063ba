"""Misspelt keys and values of the wrong type: for every key, every option of every module, every backbone."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from attnbench import study
from attnbench.study import attention, backbones, module_files

from .conftest import refusal

Write = Callable[..., Path]  # fixture: the valid file, with one text replaced by another

SITE = "site: before_pool"


def takes(option: module_files.Option, value: object) -> bool:
    try:
        TypeAdapter(option.type).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


def module_with(name: str, option: module_files.Option, value: str) -> str:
    """Return a variant with this option, as a line of YAML."""
    return f"  {name}_{option.name}: {{attention: {name}, {SITE}, options: {{{option.name}: {value}}}}}\n"


def keys(text: str) -> list[str]:
    """Return the required keys of the valid file with at least four letters."""
    return [key for key in re.findall(r"(?<=[ {\n])[a-z_]{4,}(?=: |:\n)", text) if key not in ("baseline", "flip")]


def test_a_misspelt_key_is_one_problem_with_the_right_spelling(tmp_path: Path, valid: str) -> None:
    path = tmp_path / "params.yaml"
    names = keys(valid)
    assert {"title", "data", "source", "seed", "recipe", "epochs", "threads", "site", "images"} <= set(names)
    for key in names:
        wrong = f"{key[:-2]}{key[-1]}{key[-2]}" if key[-1] != key[-2] else key[:-1]
        path.write_text(re.sub(rf"(?<=[ {{\n]){key}:", f"{wrong}:", valid, count=1))
        lines = [line for line in refusal(path).splitlines() if f"{key}: missing; add `" not in line]  # the site alone
        assert re.search(rf"params\.yaml:\d+:\d+: (\w+\.)*{wrong}: unknown key", lines[-1]), lines
        assert f"(did you mean {key!r}?)" in lines[-1]
        assert len(lines) == 1 or key == "site", lines


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan"])
def test_a_number_is_finite(tmp_path: Path, valid: str, number: str) -> None:
    path = tmp_path / "params.yaml"
    for key in ("learning_rate: 1e-3", "weight_decay: 0", "warmup: 0.3", "label_smoothing: 0.0", "confidence: 0.95"):
        name = key.partition(":")[0]
        path.write_text(valid.replace(key, f"{name}: {number}", 1))
        text = refusal(path)
        assert text.endswith(f"{name}: given {number}; must be a finite number"), text
    path.write_text(valid.replace("name: cnn", f"name: cnn\n  options: {{dropout: {number}}}"))
    assert f"backbone.options.dropout: given {number}; must be a finite number; default: 0.5" in refusal(path)


@pytest.mark.parametrize("value", [".inf", "-.inf", ".nan", "3.0", "'3'"])
def test_each_option_of_each_module_says_which_number_it_takes(write: Write, value: str) -> None:
    lines, expected = "", []
    for name in attention.names():
        for option in attention.options(name).values():
            if takes(option, 0.5):
                kind = "a number" if value == "'3'" else "a finite number"
            elif takes(option, 1):
                kind = "a whole number"
            else:
                continue
            if value != "3.0" or kind == "a whole number":
                lines += module_with(name, option, value)
                expected.append(f"options.{option.name}: given {value}; must be {kind}")
    problems = refusal(write("seeds:", f"{lines}seeds:")).splitlines()[1:]
    problems = [line for line in problems if "has no effect" not in line]
    assert len(problems) == len(expected) > 10
    for line, text in zip(problems, expected, strict=True):
        assert text in line


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ("attention: null", "12:5: variants.se.attention: given nothing; allowed: 'none', 'bam', "),
        ("attention: false", "variants.se.attention: given false; allowed: 'none', "),
        ("attention: [se]", r"variants.se.attention: given \['se'\]; allowed: 'none', "),
        (
            "attention: gather_excite\n    options: {extent: 2.0}",
            "extent: given 2.0; must be 'global', 2, 4 or 8; default: ",
        ),
        ("attention: gather_excite\n    options: {extent: true}", "extent: given true; must be 'global', 2, 4 or 8"),
        (
            "attention: se\n    options: {squeeze: 2020-01-01}",
            "options.squeeze: given 2020-01-01; must be 'avg', 'max'",
        ),
        ("attention: se\n    options: {reduction: {a: 1}}", "reduction: given a mapping of 1 key; must be a whole"),
    ],
)
def test_a_value_of_another_type(write: Write, new: str, message: str) -> None:
    text = refusal(write("attention: se", new))
    assert "\n" not in text
    assert re.search(message, text), text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: cnn", "name: [cnn]", r"7:3: backbone.name: given \['cnn'\]; allowed: 'cnn', 'mobilenet_v2', "),
        ("name: cnn", "name:", "7:3: backbone.name: given nothing; allowed: 'cnn', "),
        (
            "name: cnn",
            "name: cnn\n  width: 8",
            "8:3: backbone.width: .* an option 'width': write `options: {width: 8}`",
        ),
        (
            SITE,
            "site: [before_pool]",
            r"13:5: variants.se.site: given \['before_pool'\]; allowed: 'before_pool', 'after",
        ),
        ("baseline: baseline", "baseline: 5", "8:1: baseline: given 5; allowed: 'baseline', 'se'"),
        ("baseline: baseline", "baseline:", "8:1: baseline: given nothing; allowed: 'baseline', 'se'"),
        ("seeds:", "controls: {se: {latency: 5}}\nseeds:", "controls.se.latency: given 5; allowed: 'baseline', 'se'"),
        ("seeds:", "controls: {se: {latency: null}}\nseeds:", "controls.se: names no variant; name a control"),
        ("[0, 1]", "[1, 1.0]", r"seeds\[1\]: given 1.0; must be a whole number"),
        ("none}", "None}", r"10:14: .*no attention module 'None'; .*\(did you mean 'none'\?\)"),
    ],
)
def test_a_name_that_is_no_text(write: Write, old: str, new: str, message: str) -> None:
    text = refusal(write(old, new))
    assert "\n" not in text
    assert re.search(message, text), text


@pytest.mark.parametrize("name", backbones.names())
@pytest.mark.parametrize("number", [0, -1, 99])
def test_numbers_of_stages_and_blocks_that_a_backbone_does_not_have(
    tmp_path: Path, valid: str, name: str, number: int
) -> None:
    path, blocks = tmp_path / "params.yaml", backbones.blocks(name, {})
    site = f"site: {backbones.sites(name)[0]}"
    for key, count in (("stages", len(blocks)), ("blocks", max(blocks))):
        path.write_text(valid.replace("name: cnn", f"name: {name}").replace(SITE, f"{site}\n    {key}: [{number}]"))
        numbers = f"1 to {count}" if count > 1 else "only 1"
        assert refusal(path).endswith(
            f":14:{len(key) + 8}: variants.se.{key}[0]: given {number}; {name} has {key} {numbers}"
        )


@pytest.mark.parametrize(
    ("stages", "count"), [("[1]", 3), ("[2]", 4), ("[3, 1]", 6), ("first", 3), ("last", 3), ("all", 6)]
)
def test_blocks_are_those_of_the_chosen_stages(tmp_path: Path, valid: str, stages: str, count: int) -> None:
    path = tmp_path / "params.yaml"
    network = valid.replace("name: cnn", "name: resnet\n  options: {depth: 34}")  # 3, 4, 6, 3 blocks
    path.write_text(network.replace(SITE, f"site: pre\n    stages: {stages}\n    blocks: [{count}]"))
    assert study.load(path).variants["se"].blocks == [count]
    path.write_text(network.replace(SITE, f"site: pre\n    stages: {stages}\n    blocks: [{count + 1}]"))
    where = f"stages {stages} of resnet have" if stages.startswith("[") else "resnet has"
    assert f"blocks[0]: given {count + 1}; {where} blocks 1 to {count}" in refusal(path)


def test_misspelt_variants_are_reported_once(write: Write) -> None:
    assert "\n" not in refusal(write("variants:\n", "varaints:\n"))
