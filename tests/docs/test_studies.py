"""Every study in the repository can be run, and docs/studies.md says what there is."""

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

from attnbench import study
from attnbench.networks import build as placement
from attnbench.study import attention

STUDIES = sorted((Path(__file__).parents[2] / "studies").glob("*/params.yaml"))


@pytest.fixture(scope="module")
def page() -> ModuleType:
    """The file beside this one, which is no test."""
    spec = importlib.util.spec_from_file_location("studies_page", Path(__file__).with_name("page.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.parent.name)
def test_a_study_is_accepted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parents[2])
    found = study.load(path)
    assert found.study == path.parent.name
    networks = [variant.model_dump_json() for variant in found.variants.values()]
    assert len(set(networks)) == len(networks), "two variants are one and the same"


def test_all_modules_are_in_the_study_of_all_and_fit_its_network() -> None:
    found = study.load(STUDIES[0].parents[1] / "modules" / "params.yaml")
    used = [variant.attention for variant in found.variants.values() if variant.attention != attention.NONE]
    assert sorted(used) == attention.names()
    for variant in found.variants.values():
        placement.build(found.backbone, variant, classes=10, image_shape=(3, 32, 32), seed=0)


def test_each_ablation_asks_a_question_and_names_its_source(page: ModuleType) -> None:
    for path in STUDIES:
        if not path.parent.name.startswith("cifar10"):
            assert page.question(path).endswith("?"), path
            assert "Source: " in page.comment(path), path
            assert "Sized for" in page.comment(path), path


def test_the_page_is_up_to_date(page: ModuleType) -> None:
    if os.environ.get("ACCEPT"):
        page.PAGE.write_text(page.page(), encoding="utf-8")
    assert page.PAGE.read_text(encoding="utf-8") == page.page(), (
        "docs/studies.md differs from the folders of the studies; write it anew with "
        "`ACCEPT=1 python -m pytest -n0 tests/studies` and commit it"
    )
