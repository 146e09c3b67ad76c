"""The function with which the plots of all kinds of results are registered."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any

from trialwise.base.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@singledispatch
def picture(result: Any, **how: Any) -> Figure:
    """Plot a result with the function that is registered for its class."""
    kinds = sorted(kind.__name__ for kind in picture.registry if kind is not object)
    raise UsageError(f"there is no plot of a {type(result).__name__}; there are plots of {', '.join(kinds)}")
