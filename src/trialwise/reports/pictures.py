"""Plots as embedded SVG, each in two versions: for wide pages and for phones."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.reports.blocks import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDE, NARROW = 10.0, 4.2
"""Widths of the two versions, inches."""

LONG, RESOLUTION = 300, 100
"""Lines with more points are rasterised at this resolution (dots per inch): as curves, chains of thousands of draws take megabytes."""

STYLE: dict[Any, Any] = {
    "text.parse_math": False,  # labels may contain dollar signs
    "svg.hashsalt": "trialwise",
    "svg.fonttype": "none",  # text in any script, in the reader's own fonts
    "font.size": 9.5,
    "axes.edgecolor": "0.4",
    "axes.linewidth": 0.7,
    "xtick.color": "0.3",
    "ytick.color": "0.3",
}


def picture(plot: Callable[[float], Figure], alt: str, caption: str) -> Picture:
    """Render a plot, given as a function of its width in inches, with alternative text and caption."""
    from matplotlib import rc_context

    with rc_context(STYLE):
        wide, narrow = (_svg(plot, width) for width in (WIDE, NARROW))
    return Picture(wide, narrow, alt, caption)


def _svg(plot: Callable[[float], Figure], width: float) -> str:
    figure = plot(width)
    for axis in figure.axes:
        for line in axis.lines:
            line.set_rasterized(np.shape(line.get_xydata())[0] > LONG)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Glyph .* missing from font", UserWarning
        )  # the reader's fonts may contain it
        figure.savefig(buffer, format="svg", dpi=RESOLUTION, transparent=True, metadata={"Date": None, "Creator": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(buffer.getvalue()).decode()}"
