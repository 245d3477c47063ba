"""docs/modules.md is what the command makes today, and what it shows is what was counted."""

import re
from typing import Annotated, Literal

import pytest
import torch
from pydantic import Field
from torch import nn

from attnbench.report.tables.form import MISSING
from attnbench.study import attention
from attnbench.study import options as option_types
from attnbench.tools.catalogue import counting, headers, page
from attnbench.tools.catalogue.comparison import Comparison, by_width
from attnbench.tools.catalogue.libraries import CHANNELS, Counted, Counts, Entry, Library
from attnbench.tools.catalogue.options import allowed, written

from .conftest import FOLDER, ROOT

PAGE = (ROOT / "docs" / "modules.md").read_text(encoding="utf-8")
AGAIN = "docs/modules.md is not of today; run: attnbench modules --write docs/modules.md"


def test_the_page_is_of_today():
    assert page.render(FOLDER) == PAGE, AGAIN


def test_every_module_has_a_section_and_rows_with_its_counts(compared):
    for name, counts in compared.ours.items():
        assert f"\n## {name}\n" in PAGE
        row = next(line for line in PAGE.splitlines() if re.match(rf"\| {name} +\|(.*\|){{8}}$", line))
        assert [cell.strip() for cell in row.split("|")[2:10]] == [f"{found:,}" for found in counts.values()]
        assert attention.paper(name) in PAGE


def test_parameters_are_those_of_what_is_built():
    for name in attention.names():
        module = attention.build(name, 64, counting.SIZE, {})
        assert sum(parameter.numel() for parameter in module.parameters()) == counting.parameters(name)[64]


def test_the_cost_of_a_module_alone():
    """SE by hand: two products, a mean and its quotient, ReLU, sigmoid, gate."""
    found = counting.cost("se")
    assert found.macs == found.attention_macs == 2 * 64 * 4
    assert found.pooling_operations == 64 * 32 * 32
    assert found.elementwise_operations == 64 + 4 + 64 + 64 * 32 * 32
    assert found.parameters == 580


def test_a_network_of_one_slot_is_what_is_in_it():
    network = counting.Alone(3)
    x = torch.rand(1, 3, 4, 4)
    assert torch.equal(network(x), x)
    network.slots()["place"].fill(nn.ReLU6())
    assert torch.equal(network(10 * x), (10 * x).clamp(max=6))


@pytest.fixture
def small() -> Comparison:
    entries = {
        "same": Entry(call="lib.Same", arguments=["C"]),
        "other": Entry(call="lib.Other", arguments=["C"], reason="It is other.", same_with={"bias": False, "r": 8}),
        "broken": Entry(call="lib.Broken", arguments=["C"]),
        "partly": Entry(call="lib.Partly", arguments=["C"], note="Mind the gap."),
    }
    parameters = {
        "same": {16: 1234, 32: 5},
        "other": {16: 1234, 32: 6},
        "broken": dict.fromkeys((16, 32), "TypeError: no"),
        "partly": {16: "ValueError: too few", 32: 5},
    }
    forward = {"same": "maps (2, 64, 1, 1)", "other": "RuntimeError: size", "broken": "TypeError: no", "partly": "ok"}
    counted = Counted(version="1", parameters=parameters, forward=forward)
    ours = {name: {16: 1234, 32: 5} for name in [*entries, "own"]}
    library = Library(title="Lib", package="lib", modules=entries)
    return Comparison(ours, {"lib": library}, Counts(counted={"lib": counted}, cited=[]))


def test_cells(small):
    assert [small.cell("lib", name, 32) for name in ("same", "other", "broken", "own")] == [
        "5",
        "6\N{NO-BREAK SPACE}≠",
        "TypeError",
        MISSING,
    ]
    assert small.cell("lib", "same", 16) == "1,234"


def test_remarks(small):
    assert (
        small.remarks("lib", "same")
        == "As many as here. Of maps (2, 64, 32, 32) it makes maps (2, 64, 1, 1): the gate alone."
    )
    assert small.remarks("lib", "other") == (
        "It is other. Here `bias: false, r: 8` has as many. On maps (2, 64, 32, 32): `RuntimeError: size`."
    )
    assert small.remarks("lib", "broken") == "At C = 16, 32: `TypeError: no`."
    assert small.remarks("lib", "partly") == "As many as here. At C = 16: `ValueError: too few`. Mind the gap."


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (bool, "true, false"),
        (option_types.OddInt | None, "odd number from 1, null"),
        (option_types.PositiveInt, "whole number from 1"),
        (option_types.PositiveFloat, "number above 0"),
        (option_types.Share, "number from 0 to below 1"),
        (Literal["avg", "max"], "avg, max"),
        (option_types.Rounding, "floor, div8"),
        (float, "number"),
    ],
)
def test_what_an_option_may_be(kind, words):
    assert allowed(kind) == words


def test_a_type_without_words_is_an_error():
    with pytest.raises(TypeError, match="no words for"):
        allowed(Annotated[int, Field(ge=7)])


def test_counts_in_words():
    assert by_width({64: 580, 1024: 2184}) == "580 at C = 64, 2,184 at C = 1,024"
    assert by_width(dict.fromkeys(CHANNELS, 1303)) == "1,303 at every C"
    assert by_width({64: 303}) == "303 at C = 64"


def test_values_as_in_a_params_file():
    assert [written(value) for value in (None, True, False, 0.5, "avg")] == ["null", "true", "false", "0.5", "avg"]


def test_a_header_as_markdown():
    text = "A gate.\n\n    y = s * x\n    s = 1\n\nBelow C_2 `a_b` * 2.\nSource: Hu.\nParameters: k."
    assert headers.markdown(text) == (
        "A gate.\n\n```text\ny = s * x\ns = 1\n```\n\nBelow C\\_2 `a_b` \\* 2.\n\n**Source:** Hu.\n\n**Parameters:** k."
    )
