"""Modules in a terminal: one after the other in short, or one of them in full. Nothing here imports torch."""

from attnbench.errors import UserError, did_you_mean, listed
from attnbench.study import attention, module_files
from attnbench.study.module_files import written
from attnbench.tools.catalogue.options import allowed


def every() -> str:
    """Return all modules: name, first line, and options with their defaults."""
    names = attention.names()
    width = max(map(len, names))
    lines = []
    for name in names:
        lines.append(f"{name:{width}}  {module_files.headline(attention.path(name))}")
        options = ", ".join(f"{key}: {written(option.default)}" for key, option in attention.options(name).items())
        if options:
            lines.append(f"{'':{width}}  {options}")
    return "\n".join([*lines, "", "More of one: attnbench modules NAME", ""])


def one(name: str) -> str:
    """Return a module in full: its header, its options with what they allow, its paper.

    Raises:
        UserError: there is no such module.
    """
    if name not in attention.names():
        raise UserError(
            f"no module {name!r}{did_you_mean(name, attention.names())}; there are {listed(attention.names())}"
        )
    known = attention.options(name)
    rows = [(key, f"default {written(option.default)}", allowed(option.type)) for key, option in known.items()]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)] if rows else [0, 0]
    options = [f"  {key:{widths[0]}}  {default:{widths[1]}}  {values}" for key, default, values in rows]
    bound = module_files.needs_size(attention.path(name))
    lines = [module_files.header(attention.path(name)), "", "Options:", *(options or ["  none"])]
    lines += ["", "It is built for one size of feature maps, which the slot tells it."] if bound else []
    return "\n".join([*lines, "", f"Paper: {attention.paper(name)}", ""])
