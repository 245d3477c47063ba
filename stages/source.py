"""Run this checkout's own src/: a queued experiment is a copy of the repository, the installed package is not.

Every stage imports this first. It changes nothing but the place where Python looks for packages.
"""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1] / "src")  # not stages/, where `code` would hide Python's
