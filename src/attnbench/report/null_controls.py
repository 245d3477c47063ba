"""Variants with a module against their null controls: attention, or the rescaling that comes with a gate?"""

from typing import Any

from attnbench.report import method
from attnbench.report.inputs import Inputs, by_verdict, overruled
from attnbench.study import attention


def outcome(inputs: Inputs) -> dict[str, Any]:
    """Return what the comparisons with null controls say.

    `verdicts` is kind of control -> verdict -> variants. `attend` are the variants that are better than each of their
    null controls, `rescale` those that are not, and `untested` the variants with a module that have no null control.
    `overruled` are those with an interval that excludes 0 although the verdict is inconclusive.
    """
    modules = [name for name, kind in method.kinds(inputs.study).items() if kind == "attention"]
    rows = [row for row in inputs.rows("controls") if row["kind"] in attention.NULL_CONTROLS]
    not_better = {row["variant"] for row in rows if row["verdict"] != "better"}
    tested = [name for name in modules if any(row["variant"] == name for row in rows)]
    return {
        "verdicts": {
            kind: by_verdict([row for row in rows if row["kind"] == kind])
            for kind in attention.NULL_CONTROLS
            if any(row["kind"] == kind for row in rows)
        },
        "attend": [name for name in tested if name not in not_better],
        "rescale": [name for name in tested if name in not_better],
        "overruled": list(dict.fromkeys(row["variant"] for row in rows if overruled(row))),
        "untested": [name for name in modules if name not in tested],
    }
