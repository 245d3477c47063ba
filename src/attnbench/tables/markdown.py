"""A frame of texts as a Markdown table."""

import math

import pandas as pd
from tabulate import tabulate

from attnbench.tables.form import MISSING

# Columns of words read from the left, columns of numbers from the right, where their digits line up.
_ALIGNMENT = {True: "left", False: "right"}


def markdown(frame: pd.DataFrame, words: tuple[str, ...] = ("Variant",)) -> str:
    """Return the frame as a Markdown table, without its index; the columns named in `words` are set left.

    `|` and line ends are escaped in cells and headers, NaN and None are printed as an en dash. Cells are printed as
    they are: numbers have to be texts by now (`attnbench.tables.form`).
    """
    cells = [[_cell(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    headers = [_cell(column) for column in frame.columns]
    alignment = [_ALIGNMENT[str(column) in words] for column in frame.columns]
    # disable_numparse: `1,147,914` and `+0.10` are texts, not numbers to be written in tabulate's own way
    text: str = tabulate(cells, headers, tablefmt="pipe", disable_numparse=True, colalign=alignment if cells else None)
    return text


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    return " ".join(str(value).split()).replace("\\", "\\\\").replace("|", "\\|")
