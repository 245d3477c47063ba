"""Every study in the repository can be run, and docs/studies.md lists them all."""

import os
from pathlib import Path
from typing import NamedTuple

import pytest

from attnbench.networks import build
from attnbench.study import attention, load

from . import studies_page

STUDIES = sorted((studies_page.ROOT / "studies").glob("*/params.yaml"))


class Cifar(NamedTuple):
    """All that a network has to know of its images."""

    classes: tuple[str, ...] = tuple("0123456789")
    image_shape: tuple[int, int, int] = (3, 32, 32)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.parent.name)
def test_a_study_is_valid(path: Path) -> None:
    networks = [variant.model_dump_json() for variant in load(path).variants.values()]
    assert len(set(networks)) == len(networks), "two variants are the same"


def test_the_study_of_all_modules_has_all_modules_and_they_fit_its_network() -> None:
    study = load(studies_page.ROOT / "studies" / "modules" / "params.yaml")
    names = [variant.attention for variant in study.variants.values() if variant.attention != attention.NONE]
    assert sorted(names) == attention.names()
    for variant in study.variants:
        build(study, variant, Cifar(), seed=0)


def test_each_study_asks_a_question_and_says_where_it_comes_from_and_what_it_decides() -> None:
    for path in STUDIES:
        assert (load(path).question or "").endswith("?"), path
        assert "Source: " in studies_page.comment(path), path
        assert path.parent.name == "tutorial" or "Decides " in studies_page.comment(path), path


def test_studies_that_are_compared_name_each_other_and_the_same_variants() -> None:
    declared = {study.name: study.interactions for study in map(load, STUDIES)}
    assert declared["tutorial_adam"]
    for name, interactions in declared.items():
        for other, variants in interactions.items():
            assert declared[other].get(name) == variants, (name, other)


def test_the_page_is_up_to_date() -> None:
    if os.environ.get("ACCEPT"):
        studies_page.PAGE.write_text(studies_page.page(), encoding="utf-8")
    assert studies_page.PAGE.read_text(encoding="utf-8") == studies_page.page(), (
        "docs/studies.md differs from the studies; generate it again with "
        "`ACCEPT=1 python -m pytest -n0 tests/docs/test_studies.py` and commit it"
    )
