"""From the records of all runs to the tables of the report. Nothing is rounded or drawn here."""

from attnbench.analyse.tables import analyse

__all__ = ["analyse"]
