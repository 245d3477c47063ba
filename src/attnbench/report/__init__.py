"""The report of a study, from tables and records in git: no torch, no checkpoint, no image but those in the views."""

from attnbench.report.render import write_report

__all__ = ["write_report"]
