"""The parts of fvcore that are used here."""

import warnings

with warnings.catch_warnings():
    # fvcore.nn scripts a loss that is not used here, and torch.jit.script warns that it is deprecated
    warnings.simplefilter("ignore", FutureWarning)
    warnings.simplefilter("ignore", DeprecationWarning)
    from fvcore.nn import FlopCountAnalysis
    from fvcore.nn.jit_analysis import _IGNORED_OPS
    from fvcore.nn.jit_handles import get_shape

SKIPPED: frozenset[str] = frozenset(_IGNORED_OPS)  # operators that fvcore skips silently; it has no public name

__all__ = ["SKIPPED", "FlopCountAnalysis", "get_shape"]
