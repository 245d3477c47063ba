"""Print the fingerprints of the study in this checkout as they are, and with each of some edits alone.

The argument is a list in JSON: [file, text to append]. Prints a list in JSON of objects, name -> hash, the first
without an edit.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, "src")

from attnbench.code.fingerprint import Fingerprints
from attnbench.study import load


def hashes() -> dict[str, str]:
    fingerprints = Fingerprints(load(Path("params.yaml"))).all()
    return {"/".join(filter(None, (stage, variant))): made["sha256"] for stage, variant, made in fingerprints}


def hashes_with(file: str, text: str) -> dict[str, str]:
    path = Path(file)
    original = path.read_text()
    path.write_text(original + text)
    edited = hashes()
    path.write_text(original)
    return edited


print(json.dumps([hashes(), *(hashes_with(file, text) for file, text in json.loads(sys.argv[1]))]))
