"""`attnbench modules` as typed."""

import subprocess
import sys

from attnbench.study import attention, module_files

from .conftest import ROOT


def run(*arguments, without_torch: bool = False) -> subprocess.CompletedProcess[str]:
    first = "sys.modules['torch'] = None; " if without_torch else ""
    code = f"import sys; {first}sys.argv[0] = 'attnbench'; from attnbench.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "modules", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_the_list_needs_no_torch_and_has_every_module():
    done = run(without_torch=True)
    assert done.returncode == 0, done.stderr
    for name in attention.names():
        lines = [line for line in done.stdout.splitlines() if line.startswith(f"{name} ")]
        assert [line.split(maxsplit=1)[1] for line in lines] == [module_files.headline(attention.path(name))]
    assert "kernel_size: 3, shared: true" in done.stdout


def test_one_module_in_full():
    done = run("se", without_torch=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Squeeze-and-excitation: ")
    assert "  rounding    default floor    floor, div8\n" in done.stdout
    assert "arXiv:1709.01507" in done.stdout


def test_an_unknown_module():
    done = run("cbma")
    assert done.returncode == 1
    assert done.stderr.startswith("error: no module 'cbma' (did you mean 'cbam'?); there are 'bam', ")
