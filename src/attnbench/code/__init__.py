"""Fingerprints of the code of every stage: what DVC compares in place of source files."""
