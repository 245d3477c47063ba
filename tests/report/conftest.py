"""The made-up study, whose records are on disk."""

from made_study import make, make_in

__all__ = ["make", "make_in"]
