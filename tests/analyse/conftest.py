"""The made-up study, as fixtures."""

from made_study import make, make_in

__all__ = ["make", "make_in"]
