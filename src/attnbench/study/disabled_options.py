"""Options that another option disables; setting one is an error.

The table is here and not in the module files: there, a constant would be part of the fingerprint, and a new rule would
retrain every variant of the module. A module needs no entry; a test finds missing ones.
"""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from attnbench.study.module_files import Option, yaml_text
from attnbench.study.pydantic_errors import shown_value

Rules = Mapping[str, tuple[str, tuple[Any, ...]]]  # option -> another option, and its values that disable the first

_WITHOUT_BIASES: Rules = {"init": ("bias", (False,))}  # the start differs in nothing but the biases
_NORM: Rules = {"norm_weight": ("norm", (False,))}
MODULES: Mapping[str, Rules] = {
    "cam": _WITHOUT_BIASES,
    "cbam": _NORM,
    "gather_excite": {
        "reduction": ("flavour", ("theta_minus", "theta")),
        "bias": ("flavour", ("theta_minus", "theta")),
        "gather_bias": ("flavour", ("theta_minus",)),
        "init": ("flavour", ("theta_minus",)),
    },
    "sam": _NORM,
    "se": _WITHOUT_BIASES,
}
BACKBONES: Mapping[str, Rules] = {
    "resnet": {"stride_in": ("depth", (18, 34))},  # their blocks have no 1 x 1 convolution
}


def find(rules: Rules, options: Mapping[str, Any], allowed: Mapping[str, Option]) -> Iterator[tuple[str, str, str]]:
    """Yield each disabled option among `options`, the option that disables it, and a sentence that says so."""
    for option, (other, disabling) in rules.items():
        value = options.get(other, allowed[other].default)
        if option in options and value in disabling:
            possible = get_args(allowed[other].type) or (True, False)  # of a Literal, or of a bool
            enabling = ", ".join(yaml_text(choice) for choice in possible if choice not in disabling)
            current = f"`{other}: {yaml_text(value)}`{'' if other in options else ', the default'}"
            yield (
                option,
                other,
                f"given {shown_value(options[option])}; has no effect with {current}, only with {enabling}",
            )
