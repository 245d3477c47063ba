"""Options that have no effect beside certain values of another option: given all the same, they are a mistake.

The table is here, not in the family files, since a constant there would be part of their fingerprints, and telling
people more would retrain what they have. A family needs no entry; a test finds those that are missing.
"""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from attnbench.study.module_files import Option, written
from attnbench.study.problems import given as shown_value

Rules = Mapping[str, tuple[str, tuple[Any, ...]]]  # option -> another option, its values beside which it is idle

_NORM: Rules = {"norm_weight": ("norm", (False,))}
MODULES: Mapping[str, Rules] = {
    "cbam": _NORM,
    "gather_excite": {
        "reduction": ("flavour", ("theta_minus", "theta")),
        "bias": ("flavour", ("theta_minus", "theta")),
        "gather_bias": ("flavour", ("theta_minus",)),
    },
    "sam": _NORM,
}
BACKBONES: Mapping[str, Rules] = {
    "resnet": {"stride_in": ("depth", (18, 34))},  # their blocks have no 1 x 1 convolution
}


def find(rules: Rules, given: Mapping[str, Any], known: Mapping[str, Option]) -> Iterator[tuple[str, str, str]]:
    """Yield each option among those `given` that has no effect, the other option that is why, and what to say."""
    for option, (other, values) in rules.items():
        value = given.get(other, known[other].default)
        if option in given and value in values:
            possible = get_args(known[other].type) or (True, False)  # of a Literal, or of a bool
            only = ", ".join(written(each) for each in possible if each not in values)
            here = f"`{other}: {written(value)}`{'' if other in given else ', the default'}"
            yield option, other, f"given {shown_value(given[option])}; has no effect with {here}, only with {only}"
