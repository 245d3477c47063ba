"""What the files of modules and backbones declare, and that reading their source gives what Python sees."""

import inspect
import subprocess
import sys
from importlib import import_module

import pytest

from attnbench.networks import Attention, Gate, Network
from attnbench.study import attention, backbones, module_files


@pytest.mark.parametrize("name", backbones.names())
def test_declarations_of_a_backbone_are_pythons(name: str) -> None:
    module = import_module(f"attnbench.networks.backbones.{name}")
    backbone = getattr(module, module_files.class_name(backbones.path(name)))
    assert issubclass(backbone, Network)
    assert (backbones.paper(name), backbones.sites(name)) == (module.PAPER, module.SITES)
    assert [(option.name, option.default, option.type) for option in backbones.options(name).values()] == [
        (p.name, p.default, p.annotation)
        for p in inspect.signature(backbone).parameters.values()
        if p.kind is p.KEYWORD_ONLY
    ]
    assert "Parameters:" in module.__doc__


def test_the_folders_are_the_lists() -> None:
    assert {"se", "eca", "cam", "sam", "cbam"} <= set(attention.names())
    assert attention.NONE not in attention.names()
    assert backbones.names() == ["cnn", "mobilenet_v2", "resnet", "resnet_cifar"]
    assert not [name for name in (*attention.names(), *backbones.names()) if name.startswith("_")]


def test_base_classes_are_abstract() -> None:
    for base in (Attention, Gate):
        with pytest.raises(TypeError, match="abstract"):
            base()


def test_names_options_and_papers_need_no_torch() -> None:
    code = (
        "import sys\n"
        "from attnbench.study import attention, backbones\n"
        "for package in (attention, backbones):\n"
        "    for name in package.names():\n"
        "        assert package.options(name) is not None and package.paper(name)\n"
        "assert backbones.sites('cnn') and backbones.blocks('cnn', {})\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
