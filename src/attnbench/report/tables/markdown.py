"""A frame of texts as a Markdown table."""

import math
import re

import pandas as pd

from attnbench.report.tables.form import MISSING

# Columns of words read from the left, columns of numbers from the right, where their digits line up.
_ALIGNMENT = {True: "left", False: "right"}

_MEANT = re.compile(r"[\\|*`]|<(?=[A-Za-z/!?])")  # what Markdown would read as more than a character of a name


def markdown(frame: pd.DataFrame, words: tuple[str, ...] = ("Variant",)) -> str:
    """Return the frame as a Markdown table, without its index; the columns named in `words` are set left.

    `|` and other marks of Markdown are escaped in cells and headers, line ends become spaces, NaN and None are
    printed as an en dash. Cells are printed as they are: numbers have to be texts by now (`attnbench.report.tables.form`).
    """
    cells = frame.astype(object).map(_cell).rename(columns=_cell)
    alignment = [_ALIGNMENT[str(column) in words] for column in frame.columns]
    # disable_numparse: `1,147,914` and `+0.10` are texts, not numbers to be written in tabulate's own way
    return cells.to_markdown(
        index=False, tablefmt="pipe", disable_numparse=True, colalign=alignment if len(frame) else None
    )


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    return _MEANT.sub(r"\\\g<0>", " ".join(str(value).split()))
