"""Bad params.yaml files. Each is one edit of a small valid file, or a whole file."""

from os import mkfifo
from pathlib import Path

import params
import pytest

from attnbench.study import load

from .refusal import refused

EDITS = {  # name: (text of the valid file, its replacement, part of the message)
    # what dvc.yaml puts into the command lines of its stages
    "a command in params": ("params: params.yaml", 'params: "$(touch P)/../params.yaml"', "params: given"),
    "backquotes in params": ("params: params.yaml", "params: '`touch P`/../params.yaml'", "params: given"),
    "a semicolon in params": ("params: params.yaml", "params: params.yaml;touch P", "must be a path of letters"),
    "a pipe in params": ("params: params.yaml", "params: params.yaml|sh", "must be a path of letters"),
    "an ampersand in params": ("params: params.yaml", "params: params.yaml&sh", "must be a path of letters"),
    "a variable in params": ("params: params.yaml", "params: $HOME/params.yaml", "must be a path of letters"),
    "a DVC variable in params": ("params: params.yaml", "params: '${name}'", "must be a path of letters"),
    "a space in params": ("params: params.yaml", "params: my params.yaml", "must be a path of letters"),
    "a quote in params": ("params: params.yaml", "params: p'arams.yaml", "must be a path of letters"),
    "a newline in params": ("params: params.yaml", 'params: "params.yaml\\n"', "must be a path of letters"),
    "a null byte in params": ("params: params.yaml", 'params: "params.yaml\\0"', "must be a path of letters"),
    "an option as params": ("params: params.yaml", "params: -c", "must be a path of letters"),
    "a wildcard in params": ("params: params.yaml", "params: p*.yaml", "must be a path of letters"),
    "an absolute params": ("params: params.yaml", "params: /etc/params.yaml", "must be a path of letters"),
    "a way out in params": ("params: params.yaml", "params: ../params.yaml", "must be a path of letters"),
    "no params": ("params: params.yaml", "params: ''", "must be a path of letters"),
    "another params": ("params: params.yaml", "params: other.yaml", "is not this file"),
    "params is a list": ("params: params.yaml", "params: [params.yaml]", "params: given ['params.yaml']; must be"),
    "a command in root": ("root: .", "root: $(touch P)", "must be '.', '..', '../..'"),
    "a semicolon in root": ("root: .", "root: .;sh", "must be '.', '..', '../..'"),
    "a folder as root": ("root: .", "root: studies/..", "must be '.', '..', '../..'"),
    "an absolute root": ("root: .", "root: /", "must be '.', '..', '../..'"),
    "a newline in root": ("root: .", 'root: ".\\n"', "must be '.', '..', '../..'"),
    "another root": ("root: .", "root: ..", "is not this file"),
    "root is a number": ("root: .", "root: 1.0", "root: given 1.0; must be text"),
    "a command in name": ("name: small", "name: $(touch P)", "name: given '$(touch P)'; must be made of only"),
    "a slash in name": ("name: small", "name: a/b", "must be made of only"),
    "a dot as name": ("name: small", "name: ..", "must be made of only"),
    "no name": ("name: small", "name: ''", "must be made of only"),
    "a null name": ("name: small", "name:", "name: given nothing; must be text"),
    "a name of a thousand letters": ("name: small", f"name: {'n' * 1000}", "at most 100 characters long"),
    "a number as name": ("name: small", "name: 7", "name: given 7; must be text"),
    "a command in a variant's name": ("  se:", '  "$(x)":', "must be made of only"),
    "an escape in a variant's name": ("  se:", '  "\\e[2J":', "must be made of only"),
    "a newline in a variant's name": ("  se:", '  "a\\nb":', "must be made of only"),
    "a dash in a variant's name": ("  se:", "  s-e:", "must be made of only"),
    "a long variant's name": ("  se:", f"  {'s' * 101}:", "at most 100 characters long"),
    "a number as variant's name": ("  se:", "  5:", "must be text"),
    # text that goes into the report and its file names
    "an empty title": ("A small study", "''", "one line of text"),
    "a blank title": ("A small study", "'  '", "one line of text"),
    "a title of two lines": ("A small study", '"a\\nb"', "one line of text"),
    "an escape in the title": ("A small study", '"\\e[31m"', "one line of text"),
    "a null byte in the title": ("A small study", '"a\\0"', "one line of text"),
    "a turned title": ("A small study", '"\\u202eabc"', "one line of text"),
    "half a character in the title": ("A small study", '"\\ud800"', "title: given"),
    "a list as title": ("A small study", "[a]", "title: given ['a']; must be text"),
    "an escape in the question": ("seeds:", 'question: "\\e[31m"\nseeds:', "text, without control characters"),
    "an empty question": ("seeds:", "question: ''\nseeds:", "text, without control characters"),
    # keys
    "an unknown key": ("seeds:", "sedes:", "unknown key"),
    "an escape in a key": ("seeds:", '"\\e[2J": 1\nseeds:', "unknown key"),
    "a newline in a key": ("seeds:", '"a\\nb": 1\nseeds:', "unknown key"),
    "a key of a thousand letters": ("seeds:", f"{'k' * 1000}: 1\nseeds:", "unknown key"),
    "a list as key": ("seeds:", "? [a]\n: 1\nseeds:", "must be text"),
    "a null key": ("seeds:", "~: 1\nseeds:", "must be text"),
    "a number as key": ("seeds:", "5: 1\nseeds:", "must be text"),
    "a key twice": ("seeds:", "seeds: [0]\nseeds:", "the key 'seeds' occurs twice"),
    "a missing key": ("confidence: 0.95\n", "", "confidence: missing; add it"),
    "an unknown key in the recipe": ("  epochs: 1", "  epochs: 1\n  epoch: 1", "recipe.epoch: unknown key"),
    "an unknown key of a variant": ("    site:", "    sites: 1\n    site:", "variants.se.sites: unknown key"),
    "an unknown key of the machine": ("threads: 1", "threads: 1, gpus: 2", "machine.gpus: unknown key"),
    "an option beside the options": ("name: cnn", "name: cnn\n  width: 8", "write `options: {width: 8}`"),
    # values
    "no seeds": ("[0, 1]", "[]", "seeds: given []; must be at least 1 long"),
    "a seed twice": ("[0, 1]", "[0, 0]", "0 is listed twice"),
    "a negative seed": ("[0, 1]", "[-1]", "must be at least 0"),
    "a seed beyond 31 bits": ("[0, 1]", "[2147483648]", "must be less than 2147483648"),
    "a fractional seed": ("[0, 1]", "[0.5]", "must be a whole number"),
    "a true seed": ("[0, 1]", "[true]", "must be a whole number"),
    "a seed as text": ("[0, 1]", "['0']", "must be a whole number"),
    "a seed of thirty thousand digits": ("[0, 1]", f"[{'1' * 30_000}]", "not YAML"),
    "seeds in a mapping": ("[0, 1]", "{0: 1}", "seeds: given a mapping of 1 key; must be a list"),
    "one seed without a list": ("[0, 1]", "0", "seeds: given 0; must be a list"),
    "no epochs": ("epochs: 1", "epochs: 0", "must be at least 1"),
    "endless epochs": ("epochs: 1", "epochs: .inf", "must be a whole number"),
    "many epochs": ("epochs: 1", "epochs: 10001", "must be at most 10000"),
    "a huge batch": ("batch_size: 64", "batch_size: 100000000", "must be at most 65536"),
    "a batch of none": ("batch_size: 64", "batch_size: 0", "must be at least 1"),
    "a huge timed batch": ("batch_sizes: [1]", "batch_sizes: [1000000000]", "must be at most 65536"),
    "no timed batch": ("batch_sizes: [1]", "batch_sizes: []", "must be at least 1 long"),
    "few rounds": ("rounds: 30", "rounds: 4", "must be at least 5"),
    "no learning rate": ("1e-3", "0", "must be greater than 0"),
    "a learning rate that is no number": ("1e-3", ".nan", "must be a finite number"),
    "a learning rate as text": ("1e-3", "fast", "must be a number"),
    "an infinite weight decay": ("weight_decay: 0", "weight_decay: .inf", "must be a finite number"),
    "a negative weight decay": ("weight_decay: 0", "weight_decay: -1", "must be at least 0"),
    "full label smoothing": ("label_smoothing: 0.0", "label_smoothing: 1.0", "must be less than 1"),
    "an unknown augmentation": ("[flip]", "[flop]", "did you mean 'flip'?"),
    "an augmentation twice": ("[flip]", "[flip, flip]", "'flip' is listed twice"),
    "padding without crop": ("[flip]", "[flip]\n  crop_padding: 4", "has no effect without `crop`"),
    "an unknown recipe": ("name: onecycle", "name: twocycle", "allowed: 'source', 'onecycle'"),
    "an unknown optimiser": ("optimizer: adam", "optimizer: adams", "did you mean 'adam'?"),
    "an unknown device": ("device: cpu", "device: gpu", "must be 'cpu', 'cuda' or"),
    "a command as device": ("device: cpu", "device: cpu;sh", "must be 'cpu', 'cuda' or"),
    "an unknown precision": ("precision: float32", "precision: fp8", "must be 'float32' or 'bf16'"),
    "no threads": ("threads: 1", "threads: 0", "must be at least 1"),
    "certainty": ("confidence: 0.95", "confidence: 1", "must be less than 1"),
    "a margin of nothing": ("seeds:", "margin: 0\nseeds:", "must be greater than 0"),
    "eleven viewed images": ("images: 6", "images: 11", "must be at most 10"),
    "a text for a flag": ("seeds:", "tensorboard: 'yes'\nseeds:", "must be true or false"),
    "a list as recipe": ("recipe:\n", "recipe: [1]\nrest:\n", "recipe: given [1]; must be a mapping"),
    # images
    "an unknown source": ("source: shapes", "source: shape", "allowed: 'shapes', 'cifar10', 'folder'"),
    "no source": ("source: shapes, ", "", "data.source: missing"),
    "too few images": ("train_images: 200", "train_images: 99", "must be at least 100"),
    "too many images": ("train_images: 200", "train_images: 1000000001", "must be at most 1000000"),
    # names of networks, modules, slots
    "an unknown backbone": ("name: cnn", "name: cn", "no backbone 'cn'"),
    "a way out as backbone": ("name: cnn", "name: ../cnn", "no backbone '../cnn'"),
    "an unknown option": ("name: cnn", "name: cnn\n  options: {widht: 8}", "did you mean 'width'?"),
    "an option of another type": ("name: cnn", "name: cnn\n  options: {width: x}", "must be a whole number"),
    "an infinite option": ("name: cnn", "name: cnn\n  options: {dropout: .inf}", "must be a finite number"),
    "options in a list": ("name: cnn", "name: cnn\n  options: [8]", "must be a mapping"),
    "an unknown module": ("attention: se", "attention: sse", "no attention module 'sse'"),
    "a way out as module": ("attention: se", "attention: ../se", "given '../se'"),
    "an unknown package": ("attention: se", "attention: nobody.gates", "Python finds no package 'nobody'"),
    "a module of Python": ("attention: se", "attention: os.path", "os.path"),
    "the main module": ("attention: se", "attention: __main__.x", "Python finds no package '__main__'"),
    "dots alone": ("attention: se", "attention: '...'", "is not of the form `package.module`"),
    "a module of thirty thousand letters": ("attention: se", f"attention: {'s' * 30_000}", "at most 200 characters"),
    "a long package": ("attention: se", f"attention: a.{'b' * 300}", "at most 200 characters"),
    "a null byte in a module": ("attention: se", 'attention: "a.b\\0"', "is not of the form `package.module`"),
    "a module with its suffix": ("attention: se", "attention: se.py", "write the name without `.py`"),
    "a module of this package": ("attention: se", "attention: attnbench.se", "are named without dots"),
    "an option of a module": ("attention: se", "attention: se\n    options: {a: 1}", "se has no such option"),
    "an unknown site": ("site: before_pool", "site: befor_pool", "did you mean 'before_pool'?"),
    "no site": ("    site: before_pool\n", "", "site: missing"),
    "a site without a module": ("attention: none", "attention: none, site: x", "has no effect with"),
    "a stage that is not there": ("site: bef", "stages: [9]\n    site: bef", "cnn has stages"),
    "a block that is not there": ("site: bef", "blocks: [9]\n    site: bef", "cnn has blocks only 1"),
    "an unknown baseline": ("baseline: baseline", "baseline: base", "no variant 'base'"),
    "one variant": ("  se:\n    attention: se\n    site: before_pool\n", "", "must be at least 2 long"),
    "an unknown control": ("seeds:", "controls: {se: {constant: no}}\nseeds:", "controls.se.constant"),
    "a comparison with itself": ("seeds:", "comparisons: [[se, se]]\nseeds:", "compares se with itself"),
    "a comparison of three": ("seeds:", "comparisons: [[se, se, se]]\nseeds:", "comparisons[0]"),
}
FOLDER = "source: folder, path: {}, title: {}, provenance: {}, split_seed: 0"
SHAPES = "source: shapes, train_images: 200, test_images: 50, seed: 0, split_seed: 0"
SOURCES = {  # name: (data section, part of the message)
    "an empty path": (FOLDER.format("''", "a", "b"), "data.path: given ''"),
    "a null byte in the path": (FOLDER.format('"a\\0"', "a", "b"), "data.path: given"),
    "a newline in the path": (FOLDER.format('"a\\n"', "a", "b"), "data.path: given"),
    "an empty title of images": (FOLDER.format("a", "''", "b"), "data.title: given"),
    "an escape in the title of images": (FOLDER.format("a", '"\\e"', "b"), "data.title: given"),
    "an empty provenance": (FOLDER.format("a", "b", "''"), "data.provenance: given"),
    "an escape in the provenance": (FOLDER.format("a", "b", '"\\e"'), "data.provenance: given"),
    "half a character in the provenance": (FOLDER.format("a", "b", '"\\udfff"'), "data.provenance: given"),
    "huge images": (f"{FOLDER.format('a', 'b', 'c')}, image_size: 10000", "must be at most 512"),
    "tiny images": (f"{FOLDER.format('a', 'b', 'c')}, image_size: 7", "must be at least 8"),
    "a short hash": (f"{FOLDER.format('a', 'b', 'c')}, sha256: abc", "64 digits of 0-9 and a-f"),
    "an empty archive name": ("source: cifar10, split_seed: 0, archive: ''", "data.archive: given"),
    "an archive for shapes": (f"{SHAPES}, archive: a", "data.archive: unknown key"),
}
NINE = ",".join(["{}"] * 9)
LAUGHS = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{level}: &a{level} [{NINE}]\n".replace("{}", f"*a{level - 1}") for level in range(1, 10)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{level}: &a{level} {{<<: [{NINE}], y{level}: 1}}\n".replace("{}", f"*a{level - 1}") for level in range(1, 10)
)
FILES: dict[str, tuple[bytes, str]] = {  # name: (content, part of the message)
    "nothing": (b"", "is empty"),
    "a comment alone": (b"# nothing\n", "is empty"),
    "a list": (b"- 1\n", "is a list"),
    "a word": (b"word\n", "contains only 'word'"),
    "null bytes": (b"\0" * 100, "not YAML"),
    "random bytes": (bytes(range(256)), "is not UTF-8 text"),
    "UTF-16": (params.TEXT.encode("utf-16"), "is not UTF-8 text"),
    "Latin-1": (params.TEXT.replace("small study", "caf\xe9").encode("latin-1"), "is not UTF-8 text"),
    "JSON cut short": (b'{"name": "small", ', "not YAML"),
    "tabs": (params.TEXT.replace("  name: cnn", "\tname: cnn").encode(), "that is a tab; indent with spaces"),
    "two documents": (f"{params.TEXT}---\n{params.TEXT}".encode(), "a study is one document"),
    "a colon in text": (params.TEXT.replace("A small study", "A: small").encode(), "text with `: ` in it needs quotes"),
    "a conflict in git": (f"<<<<<<< HEAD\n{params.TEXT}=======\n>>>>>>> x\n".encode(), "not YAML"),
    "an unknown alias": (b"a: *b\n", "found undefined alias"),
    "an alias to itself": (b"a: &a [*a]\n", "allowed: at most 10,000"),
    "an anchor twice": (b"a: &a 1\nb: &a 2\n", "found duplicate anchor"),
    "a billion laughs": ((params.TEXT + LAUGHS).encode(), "allowed: at most 10,000"),
    "a billion merged keys": ((params.TEXT + MERGES).encode(), "allowed: at most 10,000"),
    "a Python object": (b"a: !!python/object/apply:os.system ['touch P']\n", "YAML's tags are not allowed"),
    "a tag without a value": (b"a: !!float\n", "YAML's tags are not allowed"),
    "a version that no YAML has": (b"%YAML 9.9\n---\na: 1\n", "YAML's directives are not allowed"),
    "a list as a key": (b"? [a]\n: b\n? [a]\n: b\n", "a key must be text, not a list"),
    "no date": (params.TEXT.replace("A small study", "2001-99-99").encode(), "4:8: not YAML: month must be in"),
    "a number of 30,000 digits": (b"a: 0x" + b"f" * 30_000, "1:4: not YAML: a number of 30,002 digits"),
    "an alias of 30,000 signs": (b"a: *" + b"b" * 30_000, "1:4: not YAML: found undefined alias"),
    "fifteen thousand seeds": (params.TEXT.replace("[0, 1]", f"[{'0,' * 15_000}]").encode(), "than 10,000 values"),
    "ten thousand brackets": (b"a: " + b"[" * 10_000, "nested too deeply"),
    "ten thousand dashes": (b"- " * 10_000 + b"a", "nested too deeply"),
    "a hundred thousand keys": (b"".join(b"k%d: 1\n" % number for number in range(100_000)), "at most 32,768"),
    "three thousand keys": (b"".join(b"key%d: 1\n" % number for number in range(3_000)), "3014 problems"),
    "a gigabyte of nothing": (b"", "at most 32,768"),
    "one line of a megabyte": (b"a" * 2**20, "at most 32,768"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_of_a_valid_file(tmp_path: Path, name: str) -> None:
    old, new, expected = EDITS[name]
    assert old in params.TEXT
    path = tmp_path / "params.yaml"
    path.write_text(params.TEXT.replace(old, new, 1), encoding="utf-8")
    refused(lambda: load(path), tmp_path, expected)


@pytest.mark.parametrize("name", SOURCES)
def test_a_section_of_images(tmp_path: Path, name: str) -> None:
    data, expected = SOURCES[name]
    path = tmp_path / "params.yaml"
    path.write_text(params.TEXT.replace(SHAPES, data), encoding="utf-8")
    refused(lambda: load(path), tmp_path, expected)


@pytest.mark.parametrize("name", FILES)
def test_a_whole_file(tmp_path: Path, name: str) -> None:
    content, expected = FILES[name]
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    if "gigabyte" in name:
        with path.open("ab") as stream:
            stream.truncate(2**30)
    refused(lambda: load(path), tmp_path, expected)


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "device", "link to nothing", "loop of links", "long"])
def test_no_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "params.yaml"
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "link to nothing":
            path.symlink_to("nothing")
        case "loop of links":
            path.symlink_to(path)
        case "long":
            path = tmp_path / ("p" * 300)
    refused(lambda: load(path), tmp_path, "")
