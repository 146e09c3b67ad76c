"""Pictures of results, one a file, and the only place that imports matplotlib.

A file says of which results it draws a picture: ``@picture.register(Check)`` above a function that takes the result and, by keyword,
how it is to be drawn. The files are found by themselves, and imported when the first picture is asked for.
"""

from __future__ import annotations

from functools import cache, singledispatch
from typing import TYPE_CHECKING, Any

from trialwise.base.discovery import modules_in
from trialwise.base.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Figure


def plot(result: Any, **how: Any) -> Figure:
    """The picture of a result.

    Parameters
    ----------
    result
        A fit, a check, a study, ...
    how
        As the picture of this kind of result takes it, e.g. ``width=`` in inches.

    Raises
    ------
    UsageError
        If there is no picture of this kind of result.
    """
    _import_pictures()
    return picture(result, **how)


@singledispatch
def picture(result: Any, **how: Any) -> Figure:
    """Draws a result; the files of this folder register what they draw."""
    kinds = sorted(kind.__name__ for kind in picture.registry if kind is not object)
    raise UsageError(f"there is no picture of a {type(result).__name__}; there are pictures of {', '.join(kinds)}")


@cache
def _import_pictures() -> None:
    for _ in modules_in(__name__, __path__):
        pass
