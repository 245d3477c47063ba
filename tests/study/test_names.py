"""Every name in a params.yaml must exist: modules, options, sites, stages, blocks, variants."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from processor_time import cpu_seconds

from attnbench import study
from attnbench.errors import UserError
from attnbench.study import document

from .conftest import refusal

# two more variants, one wider than the baseline; the value of `controls` is appended
CONTROLS = "  plain: {attention: none}\n  wide: {attention: none, backbone: {width: 40}}\ncontrols:"
# two null controls: a constant on the other side of the pool, where it does the same, and one in the slots of `se`
NULL = (
    "  other: {attention: constant, site: after_pool}\n  same: {attention: static, site: before_pool, stages: all}\n"
    "controls:"
)
PAIRS = "  other: {attention: constant, site: before_pool}\n  third: {attention: none}\ncomparisons:"

POSITIONS = "after_pool, options: {over: positions}"  # a pool takes the largest of products with them

Write = Callable[..., Path]  # fixture: the valid file, with one text replaced by another


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("attention: se", "attention: see", r"12:5: variants.se.attention: no attention module 'see'; .*mean 'se'"),
        ("site: before_pool", "site: before_pol", r"13:5: variants.se.site: no site of cnn .*mean 'before_pool'"),
        ("    site: before_pool\n", "", r"11:3: variants.se.site: missing; add `site: before_pool`; allowed for cnn"),
        (
            "attention: se",
            "attention: se\n    options: {reducton: 8}",
            r"13:15: .*reducton: se has no .*attention/se\.py\); allowed: 'reduction', .*an 'reduction'",
        ),
        (
            "attention: se",
            "attention: se\n    options: {bias: 1}",
            "variants.se.options.bias: given 1; must be true or false; default: true",
        ),
        (
            "attention: se",
            "attention: se\n    options: {rounding: flor}",
            r"must be 'floor' or 'div8' \(did you mean 'fl",
        ),
        (
            "attention: se",
            "attention: eca\n    options: {kernel_size: adaptve}",
            r"given 'adaptve'; must be a whole number or 'adaptive' \(did you mean 'adaptive'\?\)",
        ),
        (
            "attention: se",
            "attention: se\n    options: {reduction: 0}",
            "options.reduction: given 0; must be at least 1",
        ),
        (
            "attention: se",
            "attention: se\n    reducton: 8",
            "13:5: variants.se.reducton: unknown key; se has an option 'reduction': write `options: {reduction: 8}`",
        ),
        ("none}", "none, site: before_pool}", "10:31: variants.baseline.site: has no effect with `attention: none`"),
        ("none}", "none, stages: all}", "10:31: variants.baseline.stages: has no effect with `attention: none`"),
        ("none}", "none, options: {}}", "10:31: variants.baseline.options: has no effect with `attention: none`"),
        ("none}", "none, blocks: [1]}", "10:31: variants.baseline.blocks: has no effect with `attention: none`"),
        ("none}", "none, start: paper}", "10:31: variants.baseline.start: has no effect with `attention: none`"),
        (
            "none}",
            "none, backbone: {widht: 8}}",
            r"10:42: variants.baseline.backbone.widht: cnn has no .*backbones/cnn\.py\); .*mean 'width'",
        ),
        (
            "none}",
            "none, backbone: {width: 0}}",
            "variants.baseline.backbone.width: given 0; must be at least 1; default: 32",
        ),
        (
            "attention: se",
            "attention: nowhere.gates",
            "variants.se.attention: .*no package 'nowhere'; put its folder",
        ),
        (
            "attention: se",
            "attention: attnbench.gates",
            r"variants.se.attention: given 'attnbench.gates'; modules of attnbench itself .* without dots: 'gates'",
        ),
        ("site: bef", "stages: [2, 2]\n    site: bef", r"variants.se.stages\[1\]: 2 is listed twice; remove one"),
        (
            "site: bef",
            "stages: []\n    site: bef",
            r"variants.se.stages: given \[\]; cnn has stages 1 to 3: name one, or",
        ),
        ("baseline: baseline", "baseline: baselin", r"8:1: baseline: no variant 'baselin'; .*mean 'baseline'"),
        ("name: cnn", "name: cnnn", r"7:3: backbone.name: no backbone 'cnnn'; allowed: .*did you mean 'cnn'"),
        ("name: cnn", "name: cnn\n  options: {witdh: 8}", r"backbones/cnn\.py\); allowed: .*did you mean 'width'"),
        ("[0, 1]", "[0, 1, 0]", r"14:15: seeds\[2\]: 0 is listed twice; two runs would have the same name; remove one"),
        ("[flip]", "[flip, flip]", r"recipe.augmentation\[1\]: 'flip' is listed twice"),
        ("[flip]", "[flip]\n  crop_padding: 2", r"recipe.crop_padding: has no effect without `crop` in `augmentation`"),
        ("batch_sizes: [1]", "batch_sizes: [1, 1]", r"latency.batch_sizes\[1\]: 1 is listed twice"),
        ("seeds:", f"{CONTROLS} {{see: {{latency: wide}}}}\nseeds:", "controls.see: no variant 'see'; .*mean 'se'"),
        (
            "seeds:",
            f"{CONTROLS} {{se: {{latency: wid}}}}\nseeds:",
            r"16:17: controls.se.latency: no variant 'wid'; .*'wide'\?\)",
        ),
        (
            "seeds:",
            f"{CONTROLS} {{wide: {{latency: wide}}}}\nseeds:",
            "controls.wide: wide has no attention; name a variant",
        ),
        (
            "seeds:",
            f"{CONTROLS} {{se: {{}}}}\nseeds:",
            "controls.se: names no variant; name a control under `constant`, ",
        ),
        (
            "seeds:",
            f"{CONTROLS} {{se: {{parameters: se}}}}\nseeds:",
            "controls.se.parameters: se is not a wider network",
        ),
        (
            "seeds:",
            f"{CONTROLS} {{se: {{latency: plain}}}}\nseeds:",
            "controls.se.latency: plain is not a wider network",
        ),
        (
            "seeds:",
            f"{CONTROLS} {{se: {{latency: baseline}}}}\nseeds:",
            "controls.se.latency: baseline is the baseline, which every",
        ),
        (
            "seeds:",
            f"{CONTROLS} {{se: {{latensy: wide}}}}\nseeds:",
            r"controls.se.latensy: unknown key.*'latency'",
        ),
        (
            "seeds:",
            f"{NULL.replace('site: after_pool', 'site: before_pool, stages: [1]')} {{se: {{constant: other}}}}\nseeds:",
            r"16:17: controls.se.constant: other has `stages: \[1\]`, but se has `stages: all`; a null control",
        ),
        (
            "seeds:",
            f"{NULL.replace('before_pool, stages: all', POSITIONS)} {{se: {{static: same}}}}\nseeds:",
            "controls.se.static: same has `site: after_pool`, but se has `site: before_pool`; a null control",
        ),
        (
            "seeds:",
            f"{NULL} {{se: {{constant: same}}}}\nseeds:",
            "controls.se.constant: same has `attention: static`; name a variant with `attention: constant`",
        ),
        (
            "seeds:",
            f"{NULL.replace('stages: all', 'start: identity')} {{se: {{static: same}}}}\nseeds:",
            "controls.se.static: same has `start: identity`, but se has `start: paper`; .* blocks, backbone and start",
        ),
        (
            "seeds:",
            f"{NULL} {{se: {{static: sam}}}}\nseeds:",
            r"controls.se.static: no variant 'sam'; .*mean 'same'",
        ),
        ("seeds:", f"{NULL} {{same: {{static: same}}}}\nseeds:", "controls.same: same is itself a null control"),
        ("seeds:", f"{PAIRS} [[se, thirt]]\nseeds:", r"16:15: comparisons\[0\]: no variant 'thirt'; .*mean 'third'"),
        ("seeds:", f"{PAIRS} [[se, se]]\nseeds:", r"comparisons\[0\]: compares se with itself; name two variants"),
        (
            "seeds:",
            f"{PAIRS} [[se, baseline]]\nseeds:",
            "se and baseline are compared anyway, since one is",
        ),
        (
            "seeds:",
            f"{PAIRS} [[se, third], [third, se]]\nseeds:",
            r"comparisons\[1\]: third and se are compared already, under `controls` or an earlier pair; remove this",
        ),
        (
            "seeds:",
            f"{PAIRS} [[other, se]]\ncontrols: {{se: {{constant: other}}}}\nseeds:",
            r"comparisons\[0\]: other and se are compared already",
        ),
        ("seeds:", f"{PAIRS} [[se]]\nseeds:", r"comparisons\[0\]: "),
        (
            "params: params.yaml",
            "params: other.yaml",
            "3:1: params: given 'other.yaml', which from '.' is not this file",
        ),
    ],
)
def test_each_name_is_checked(write: Write, old: str, new: str, message: str) -> None:
    text = refusal(write(old, new))
    assert "\n" not in text
    assert re.search(message, text), text


def test_controls_are_optional(write: Write) -> None:
    assert study.load(write()).controls == {}
    control = study.load(write("seeds:", f"{CONTROLS} {{se: {{parameters: wide}}}}\nseeds:")).controls["se"]
    assert (control.parameters, control.latency) == ("wide", None)
    assert study.load(write("seeds:", f"{NULL} {{se: {{static: same}}}}\nseeds:")).controls["se"].static == "same"


@pytest.mark.parametrize("control", ["constant: other", "static: same"])
def test_a_factor_for_each_channel_is_a_control_on_both_sides_of_the_pool(write: Write, control: str) -> None:
    null = NULL.replace("before_pool, stages: all", "after_pool")
    assert study.load(write("seeds:", f"{null} {{se: {{{control}}}}}\nseeds:")).controls


def test_comparisons_are_pairs_of_variants(write: Write) -> None:
    pairs = [["se", "third"], ["third", "other"]]
    assert study.load(write("seeds:", f"{PAIRS} [[se, third], [third, other]]\nseeds:")).comparisons == pairs


def test_variants_of_equal_content_are_allowed(write: Write) -> None:
    path = write("seeds:", "  again:\n    attention: se\n    site: before_pool\nseeds:")
    assert study.load(path).variants["again"] == study.load(path).variants["se"]


def test_problems_of_schema_and_names_are_reported_together(tmp_path: Path, valid: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(valid.replace("epochs: 1", "epochs: 0").replace("attention: se", "attention: sse"))
    with pytest.raises(UserError, match=r"(?s)^2 problems in .*variants.se.attention.*\n.*recipe.epochs"):
        study.load(path)


def test_a_study_must_have_the_name_of_its_folder(tmp_path: Path, valid: str) -> None:
    path = tmp_path / "studies" / "large" / "params.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(valid.replace("root: .", "root: ../..").replace("params.yaml", "studies/large/params.yaml"))
    with pytest.raises(UserError, match="name: given 'small'; must be 'large', the name of its folder"):
        study.load(path)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("site: between\n    stages: [3]", "stages[0]: given 3; resnet_cifar has stages 1 to 2 followed by another"),
        ("site: between\n    blocks: [2]", "blocks[0]: given 2; resnet_cifar has blocks only 1"),
        ("site: standard\n    backbone: {depth: 21}", "backbone.depth: given 21; must be 20, 32, 44, 56, 110 or 164; "),
    ],
)
def test_slots_that_a_network_does_not_have(tmp_path: Path, valid: str, lines: str, message: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(valid.replace("name: cnn", "name: resnet_cifar").replace("site: before_pool", lines))
    assert message in refusal(path)


def test_loading_is_fast_and_does_not_import_torch() -> None:
    code = (
        "import sys; from pathlib import Path; from attnbench import study; study.load(Path('params.yaml'));"
        "print(sorted({'torch', 'numpy', 'pandas', 'dvc'} & set(sys.modules)))"
    )
    began = cpu_seconds()
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert cpu_seconds() - began < 2


def _other_study(path: Path, *lines: str) -> None:
    """Write studies/other next to a params.yaml: the same study, with lines added at its end."""
    folder = path.parent / "studies" / "other"
    folder.mkdir(parents=True)
    text = path.read_text().replace("name: small", "name: other")
    (folder / "params.yaml").write_text(text[: text.index("interactions")] + "\n".join(lines))


@pytest.mark.parametrize(
    ("interactions", "message"),
    [
        ("{other: [se]}", None),
        (
            "{othr: [se]}",
            r"29:16: interactions.othr: no study 'othr'; allowed: 'small', 'other' \(did you mean 'other'",
        ),
        ("{small: [se]}", "interactions.small: is this study itself; name another one"),
        ("{other: [see]}", r"interactions.other\[0\]: no variant 'see'; .*mean 'se'"),
        ("{other: [se, se]}", r"interactions.other\[1\]: 'se' is listed twice; remove one"),
        ("{other: [baseline]}", r"interactions.other\[0\]: baseline is the baseline, over which the others gain"),
        ("{other: []}", "interactions.other: given \\[\\]"),
    ],
)
def test_interactions_name_another_study_and_variants(write: Write, interactions: str, message: str | None) -> None:
    path = write("views: {images: 6}", f"views: {{images: 6}}\ninteractions: {interactions}")
    _other_study(path)
    if message is None:
        assert study.load(path).interactions == {"other": ["se"]}
    else:
        assert re.search(message, refusal(path)), refusal(path)


def test_the_studies_are_listed_once_for_all_interactions(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two thousand of them would take minutes."""
    path = write("views: {images: 6}", "views: {images: 6}\ninteractions: {a: [se], b: [se], c: [se]}")
    files = []
    monkeypatch.setattr("attnbench.study.named_studies.read", lambda file: files.append(file) or document.read(file))
    assert "interactions.c: no study 'c'" in refusal(path)
    assert files == [path]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("baseline: plain", "interactions.other: the baseline of other is 'plain', not 'baseline'; both need the same"),
        (
            "variants: {baseline: {attention: none}}",
            r"interactions.other\[0\]: no variant of other 'se'; allowed: 'base",
        ),
        (
            "variants: {baseline: {attention: none}, se: {attention: se, site: before_pool, options: {reduction: 8}}}",
            r"interactions.other\[0\]: se has `options: \{\}`, but `options: \{.*reduction.*8\}` in other; name",
        ),
        (
            "variants: {baseline: {attention: none, backbone: {width: 40}}, se: {attention: se, site: before_pool}}",
            r"interactions.other: baseline has `backbone: \{\}`, but `backbone: .*40",
        ),
        ("variants: [", None),  # a problem of the other study
    ],
)
def test_variants_of_interactions_are_the_same_in_both_studies(write: Write, line: str, message: str | None) -> None:
    path = write("views: {images: 6}", "views: {images: 6}\ninteractions: {other: [se]}")
    _other_study(path)
    other = path.parent / "studies" / "other" / "params.yaml"
    key = line.partition(":")[0]
    kept = re.sub(rf"(?m)^{key}:.*\n(?:  .*\n)*", "", other.read_text())
    other.write_text(kept + line + "\n")
    if message is None:
        assert study.load(path).interactions
    else:
        assert re.search(message, refusal(path)), refusal(path)
