"""The page of all modules as Markdown. Equal counts give equal bytes: no time, no host."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from attnbench.records import files
from attnbench.report.tables import markdown
from attnbench.study import attention, module_files
from attnbench.study.module_files import written
from attnbench.tools.catalogue import counting, headers, libraries
from attnbench.tools.catalogue.comparison import DIFFERENT, Comparison, by_width
from attnbench.tools.catalogue.libraries import CHANNELS
from attnbench.tools.catalogue.options import allowed

TEMPLATE = "MODULES.md.j2"
FOLDER = Path("tests") / "oracles" / "libraries"  # under the root of the repository
_HERE = "here"
_AT = 64  # the C of the table of all libraries


def write(page: Path, root: Path) -> None:
    """Write the page, with the libraries described in the repository at `root`."""
    files.write_text(page, render(root / FOLDER))


def render(folder: Path) -> str:
    """Return the page."""
    names = attention.names()
    compared = Comparison(
        {name: counting.parameters(name) for name in names}, libraries.libraries(folder), libraries.counts(folder)
    )
    environment = Environment(
        loader=PackageLoader("attnbench.tools", "catalogue"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["by_width"] = by_width
    text = environment.get_template(TEMPLATE).render(
        compared=compared,
        different=DIFFERENT,
        at=_AT,
        size=" x ".join(map(str, counting.SIZE)),
        cost_channels=counting.COST_CHANNELS,
        tables={
            "overview": _overview(names),
            "widths": _widths(compared),
            "costs": _costs(names),
            "libraries": _libraries(compared),
            "side_by_side": _side_by_side(compared),
        },
        modules={name: _module(compared, name) for name in names},
    )
    return text.rstrip() + "\n"


def _module(compared: Comparison, name: str) -> Mapping[str, object]:
    path = attention.path(name)
    return {
        "header": headers.markdown(module_files.header(path)),
        "paper": attention.paper(name),
        "options": _options(name),
        "bound": module_files.needs_size(path),
        "counts": _by_width(compared, name) if compared.keys(name) else None,
    }


def _overview(names: list[str]) -> str:
    rows = [
        {"Module": f"[{name}](#{name})", "What it is": _plain(module_files.headline(attention.path(name)))}
        for name in names
    ]
    return markdown(pd.DataFrame(rows), ("Module", "What it is"))


def _plain(text: str) -> str:
    """Return a text without marks of code, which a cell would show as they are."""
    return text.replace("`", "")


def _widths(compared: Comparison) -> str:
    """Return the table of our parameters, modules by C."""
    rows = [
        {"Module": name} | {f"{channels:,}": f"{found:,}" for channels, found in counts.items()}
        for name, counts in compared.ours.items()
    ]
    return markdown(pd.DataFrame(rows), ("Module",))


def _costs(names: list[str]) -> str:
    """Return the table of what one forward pass of each of our modules costs."""
    costs = {name: counting.cost(name) for name in names}
    rows = [
        {
            "Module": name,
            "Parameters": f"{cost.parameters:,}",
            "MACs": f"{cost.macs:,}",
            "Pooling": f"{cost.pooling_operations:,}",
            "Element-wise": f"{cost.elementwise_operations:,}",
        }
        for name, cost in costs.items()
    ]
    return markdown(pd.DataFrame(rows), ("Module",))


def _libraries(compared: Comparison) -> str:
    rows = [
        {
            "Library": library.title,
            "Package": library.package,
            "Version": compared.counts.counted[key].version,
            "Counted anew by the tests": "always" if library.in_dev else "where it is installed",
        }
        for key, library in compared.libraries.items()
    ]
    return markdown(pd.DataFrame(rows), ("Library", "Package", "Version", "Counted anew by the tests"))


def _side_by_side(compared: Comparison) -> str:
    """Return the table of all modules at one C, with the libraries that the tests count; the others have few."""
    rows = [
        {"Module": name, _HERE: f"{counts[_AT]:,}"}
        | {
            library.title: compared.cell(key, name, _AT)
            for key, library in compared.libraries.items()
            if library.in_dev
        }
        for name, counts in compared.ours.items()
    ]
    return markdown(pd.DataFrame(rows), ("Module",))


def _by_width(compared: Comparison, name: str) -> str:
    """Return the table of one module: C by libraries."""
    rows = [
        {"C": f"{channels:,}", _HERE: f"{compared.ours[name][channels]:,}"}
        | {compared.libraries[key].title: compared.cell(key, name, channels) for key in compared.keys(name)}
        for channels in CHANNELS
    ]
    return markdown(pd.DataFrame(rows), ())


def _options(name: str) -> str | None:
    rows = [
        {"Option": key, "Default": written(option.default), "Allowed": allowed(option.type)}
        for key, option in attention.options(name).items()
    ]
    return markdown(pd.DataFrame(rows), ("Option", "Default", "Allowed")) if rows else None
