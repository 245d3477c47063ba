"""What is used of fvcore, from one place."""

import warnings

with warnings.catch_warnings():
    # fvcore.nn scripts a loss that nobody here calls, and torch.jit.script warns that it is deprecated
    warnings.simplefilter("ignore", FutureWarning)
    warnings.simplefilter("ignore", DeprecationWarning)
    from fvcore.nn import FlopCountAnalysis
    from fvcore.nn.jit_analysis import _IGNORED_OPS
    from fvcore.nn.jit_handles import get_shape

SKIPPED: frozenset[str] = frozenset(_IGNORED_OPS)  # operators that fvcore leaves out unsaid; it has no public name

__all__ = ["SKIPPED", "FlopCountAnalysis", "get_shape"]
