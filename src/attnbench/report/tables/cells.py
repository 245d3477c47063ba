"""From columns of numbers to one column of texts."""

from collections.abc import Callable

import pandas as pd


def each(printed: Callable[..., str], frame: pd.DataFrame, *columns: str) -> list[str]:
    """Return `printed` of the named columns' values, row by row."""
    return [printed(*values) for values in frame[list(columns)].itertuples(index=False, name=None)]
