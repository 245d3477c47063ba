"""docs/params.md has every key of a params.yaml with its default and its limits, and docs/README.md every page."""

import re
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from attnbench.study import schema

from . import documents

SECTIONS: dict[str, dict[str, type[BaseModel]]] = {  # heading -> word of the second column, or nothing -> section
    "The study": {"": schema.Study},
    "data": {"shapes": schema.ShapesData, "cifar10": schema.Cifar10Data, "folder": schema.FolderData},
    "backbone": {"": schema.Backbone},
    "variants": {"": schema.Variant},
    "controls": {"": schema.Control},
    "recipe": {"onecycle": schema.OneCycleRecipe, "source": schema.SourceRecipe},
    "machine": {"": schema.Machine},
    "latency": {"": schema.Latency},
    "views, robustness, maps": {
        "views": schema.ViewedImages,
        "robustness": schema.CorruptedImages,
        "maps": schema.TestedMaps,
    },
}
DISCRIMINATORS = {"data": "source", "recipe": "name"}  # said above the table


def rows(heading: str) -> list[dict[str, str]]:
    """Return the rows of the table under a heading."""
    section = documents.read("docs/params").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [re.split(r" *(?<!\\)\| *", line.strip("| ")) for line in section.splitlines() if line.startswith("|")]
    header, _, *cells = lines
    return [dict(zip(header, row, strict=True)) for row in cells]


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_key_has_a_row_with_its_default_and_its_limits(heading: str) -> None:
    expected: dict[tuple[str, str], FieldInfo] = {}
    for kind, section in SECTIONS[heading].items():
        for name, field in section.model_fields.items():
            if name != DISCRIMINATORS.get(heading):
                expected[name, kind] = field
    found: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows(heading):
        of = next((row[column] for column in row if column.startswith("of ")), "").strip("`")
        kinds = SECTIONS[heading] if of in ("", "all", "both") else [of]
        found |= {(row["key"].strip("`"), kind): row for kind in kinds}
    assert found.keys() == expected.keys()
    for key, field in expected.items():
        assert found[key]["default"].strip("`") == default(field), key
        text = found[key].get("allowed", "").replace(",", "")
        for limit in limits(field):
            assert re.search(rf"(?<![\d.]){re.escape(limit)}(?![\d.])", text), (key, limit)


def default(field: FieldInfo) -> str:
    """Return how the page writes a default."""
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "\N{EN DASH}"
    if isinstance(value, BaseModel):
        number, *_ = value.model_dump().values()
        return f"{number} images"
    if value is None or value == {} or value == []:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def limits(field: FieldInfo) -> list[str]:
    """Return the numbers and words that are allowed, as texts."""
    found: list[str] = []
    if "max_length" not in str(field.metadata) and "pattern" not in str(field.metadata):
        for rule in field.metadata:
            for kind in ("ge", "gt", "le", "lt"):
                value = getattr(rule, kind, None)
                if value is not None:
                    found.append(f"{value:g}" if isinstance(value, float) else str(value))
    return found + [word for word in get_args(field.annotation) if isinstance(word, str)]


def test_the_limits_are_read_from_the_schema() -> None:
    fields: dict[str, Any] = schema.OneCycleRecipe.model_fields
    assert limits(fields["batch_size"]) == ["1", "65536"]
    assert limits(fields["optimizer"]) == ["adam", "sgd"]
    assert limits(fields["warmup"]) == ["0", "1"]


def test_the_index_has_every_page() -> None:
    linked = set(re.findall(r"\]\(([\w.-]+)\.md\)", documents.read("docs/README")))
    pages = {page.removeprefix("docs/") for page in documents.PAGES if page.count("/") == 1}
    assert linked == pages - {"README"}
