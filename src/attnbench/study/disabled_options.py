"""Options that another option disables; setting one is an error.

The table is here and not in the module files: there, a constant would be part of the fingerprint, and a new rule would
retrain every variant of the module. A module needs no entry; a test finds missing ones.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from attnbench.study.module_files import Option, yaml_text
from attnbench.study.pydantic_errors import shown_value

Rules = Mapping[str, tuple[str, tuple[Any, ...]]]  # option -> another option, and its values that enable the first

_BIAS: Rules = {"init": ("bias", (True,))}  # the starts differ in nothing but the biases
_NORM: Rules = {"norm_weight": ("norm", (True,)), "momentum": ("norm", (True,))}
MODULES: Mapping[str, Rules] = {
    "cam": _BIAS,
    "cbam": _NORM,
    "eca": {"gamma": ("kernel_size", ("adaptive",)), "b": ("kernel_size", ("adaptive",))},
    "gather_excite": {
        "reduction": ("flavour", ("theta_plus",)),
        "bias": ("flavour", ("theta_plus",)),
        "gather_bias": ("flavour", ("theta", "theta_plus")),
        "init": ("flavour", ("theta", "theta_plus")),
    },
    "sam": _NORM,
    "se": _BIAS,
}
BACKBONES: Mapping[str, Rules] = {
    "resnet": {"stride_in": ("depth", (50, 101, 152))},  # the blocks of the others have no 1 x 1 convolution
}


def find(rules: Rules, options: Mapping[str, Any], allowed: Mapping[str, Option]) -> Iterator[tuple[str, str, str]]:
    """Yield each disabled option among `options`, the option that disables it, and a sentence that says so."""
    for option, (other, enabling) in rules.items():
        value = options.get(other, allowed[other].default)
        if option in options and value not in enabling:
            current = f"`{other}: {yaml_text(value)}`{'' if other in options else ', the default'}"
            only = ", ".join(map(yaml_text, enabling))
            yield (
                option,
                other,
                f"given {shown_value(options[option])}; has no effect with {current}, only with {only}",
            )
