"""Run stages one after the other in this process, in the root of a checkout, and edit the source while they run.

Each line of the input is a list in JSON: [stage and arguments, [when, file, text]] or [stage and arguments, null].
`when` is "before" the stage starts, or after its first "fingerprint" or its first "epoch"; the text is appended, and
removed after the stage. The answer is a line: the message of every stage as a list in JSON, "" for one that succeeds.
"""

import json
import runpy
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

sys.path.insert(0, "stages")  # as Python does for a script


def after_first_call(owner: Any, name: str, action: Callable[[], object]) -> None:
    """Call `action` once, right after the first call of a method."""
    method = getattr(owner, name)

    def call_and_act(*arguments: Any) -> Any:
        result = method(*arguments)
        setattr(owner, name, method)
        action()
        return result

    setattr(owner, name, call_and_act)


def run(stage: str, *arguments: str) -> str:
    sys.argv = [f"stages/{stage}.py", "params.yaml", *arguments]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        return str(end.code or "")
    raise AssertionError("a stage exits")


def edited(command: list[str], when: str, file: str, text: str) -> str:
    import source  # noqa: F401 -- the package of this checkout

    from attnbench.code.fingerprint import Fingerprints
    from attnbench.train.unfinished import Unfinished

    path = Path(file)
    original = path.read_text()

    def edit() -> None:
        path.write_text(original + text)

    moments = {"fingerprint": (Fingerprints, "of"), "epoch": (Unfinished, "save")}
    if when == "before":
        edit()
    else:
        after_first_call(*moments[when], edit)
    message = run(*command)
    path.write_text(original)
    return message


for line in sys.stdin:
    with redirect_stdout(sys.stderr):
        messages = [edited(command, *edit) if edit else run(*command) for command, edit in json.loads(line)]
    print(json.dumps(messages), flush=True)
