"""The documents that people write, and the commands in them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.relative_to(ROOT).with_suffix("").as_posix() for path in (ROOT / "docs").rglob("*.md"))
NAMES = ("README", "CONTRIBUTING", *PAGES)
PROGRAMS = ("attnbench", "make", "dvc", "python")


def path(name: str) -> Path:
    """Return the file of a document."""
    return ROOT / f"{name}.md"


def read(name: str) -> str:
    """Return the text of a document."""
    return path(name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of every command of our programs: in shell blocks, indented lines and code spans."""
    lines = [line for block in blocks(text, "bash") for line in block.splitlines()]
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    lines += re.findall(r"^ {4}(.*)$", prose, re.MULTILINE)
    lines += [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]
    for line in lines:
        for command in re.split(r" && ", line):
            if command.split(maxsplit=1)[:1] and command.split()[0] in PROGRAMS and " " in command:
                yield shlex.split(command, comments=True)
