"""The report of a study, from tables and records in git: no torch, no checkpoint, no image but those in the views."""
