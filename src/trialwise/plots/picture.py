"""The function with which the plots of all kinds of results are registered, and the display of figures in notebooks."""

from __future__ import annotations

from functools import partial, singledispatch
from io import BytesIO
from typing import TYPE_CHECKING, Any

from trialwise.base.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@singledispatch
def picture(result: Any, **how: Any) -> Figure:
    """Plot a result with the function that is registered for its class."""
    kinds = sorted(kind.__name__ for kind in picture.registry if kind is not object)
    raise UsageError(f"there is no plot of a {type(result).__name__}; there are plots of {', '.join(kinds)}")


SHARPNESS = 2
"""Pixels of the image per pixel of its display, for screens of high resolution."""

PIXELS_PER_INCH = 80
"""Pixels of the display of a figure."""


def displayable(figure: Figure) -> Figure:
    """The same figure with an image for notebooks.

    Figures without :mod:`matplotlib.pyplot` belong to no backend, so that a notebook would display them as text unless pyplot had been
    imported before.
    """
    figure._repr_png_ = partial(_as_png, figure)  # type: ignore[attr-defined]
    return figure


def _as_png(figure: Figure) -> tuple[bytes, dict[str, int]]:
    """The image, and the size in which a notebook displays it."""
    image = BytesIO()
    figure.savefig(image, format="png", dpi=SHARPNESS * PIXELS_PER_INCH)
    width, height = (round(PIXELS_PER_INCH * inches) for inches in figure.get_size_inches())
    return image.getvalue(), {"width": width, "height": height}
