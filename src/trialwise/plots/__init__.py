"""Plots of results, one per module. Matplotlib is imported only when a plot is drawn.

A module registers the class of results that it plots: ``@picture.register(Check)`` above a function that takes the result and, as
keyword arguments, plotting options. Modules are discovered automatically and imported when the first plot is requested.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from trialwise.base.discovery import modules_in
from trialwise.plots.picture import displayable, picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Figure


def plot(result: Any, **how: Any) -> Figure:
    """Plot a result.

    Parameters
    ----------
    result
        A fit, a check, a study, ...
    how
        Options of the plot of this kind of result, e.g. ``width=`` in inches.

    Raises
    ------
    UsageError
        If there is no plot for this kind of result.
    """
    _import_pictures()
    return displayable(picture(result, **how))


@cache
def _import_pictures() -> None:
    for _ in modules_in(__name__, __path__):
        pass
