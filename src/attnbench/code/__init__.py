"""Fingerprints of the code that a stage runs."""
