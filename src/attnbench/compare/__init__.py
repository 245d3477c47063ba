"""Recorded runs against others: `attnbench compare` pairs two sets, `attnbench verify` repeats runs of one.

`attnbench.analyse` refuses records that do not belong to a study as it is now. Here they are read as they are,
because runs of another commit or recipe are what a comparison is about; so the inputs in which they differ are printed.
"""
