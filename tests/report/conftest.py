"""The made-up study, and its report without figures, which take far longer than all the rest."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from made_study import make, make_in

from attnbench.analyse import analyse
from attnbench.report.inputs import read
from attnbench.report.render import render

__all__ = ["make", "make_in", "rendered"]


class Rendered(str):
    """The text of a report."""

    def section(self, heading: str) -> str:
        """Return the text between a heading and the next one, in one line."""
        match = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", self, re.MULTILINE | re.DOTALL)
        assert match, heading
        return " ".join(match[1].split())


@pytest.fixture(scope="session")
def rendered() -> Callable[[Any], Rendered]:
    """Return a function that analyses a made-up study and returns its report without figures."""

    def analysed_and_rendered(made: Any) -> Rendered:
        analyse(made.study, made.paths)
        return Rendered(render(read(made.study, made.paths), figures={}))

    return analysed_and_rendered
