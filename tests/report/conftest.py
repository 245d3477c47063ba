"""The made-up study, and its report without figures, which take far longer than all the rest."""

import re
from typing import Any, Protocol

import pytest
from made_study import make, make_in

from attnbench.analyse import analyse
from attnbench.report.inputs import read
from attnbench.report.render import render

__all__ = ["make", "make_in", "said"]


class Said(Protocol):
    """Returns the report of a made-up study, or one section of it in one line."""

    def __call__(self, made: Any, heading: str | None = None) -> str: ...


@pytest.fixture(scope="session")
def said() -> Said:
    def analysed_and_rendered(made: Any, heading: str | None = None) -> str:
        analyse(made.study, made.paths)
        text = render(read(made.study, made.paths), figures={})
        return text if heading is None else section(text, heading)

    return analysed_and_rendered


def section(text: str, heading: str) -> str:
    """Return the text between a heading and the next one, in one line."""
    match = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", text, re.MULTILINE | re.DOTALL)
    assert match, heading
    return " ".join(match[1].split())
