"""A change in a package of one's own has to reach DVC, or yesterday's results would pass for today's code."""

import os
from pathlib import Path

from attnbench.errors import UserError
from attnbench.study import packages
from attnbench.study.document import read
from attnbench.study.findings import mapping
from attnbench.study.schema import Study


def require_watched(study: Study, variant: str, root: Path) -> None:
    """Refuse a module of a package that no dependency of the stage `code` covers; `root` is that of the repository.

    Raises:
        UserError: gives the line of dvc.yaml that would cover it.
    """
    name = study.variants[variant].attention
    if "." not in name:
        return
    folder = packages.home(name)
    code = mapping(mapping(read(root / "dvc.yaml")[0].get("stages")).get("code"))
    watched = [str(each) for each in code.get("deps", ())]
    if any(folder.resolve().is_relative_to((root / each).resolve()) for each in watched):  # links are not followed
        return
    add = os.path.relpath(folder, root.resolve())
    raise UserError(
        f"variant {variant!r}: the package of {name} lies in {folder}, where DVC does not see it change; move it into "
        f"src/, or write in dvc.yaml, stage `code`: `deps: [{', '.join([*watched, add])}]`"
    )
