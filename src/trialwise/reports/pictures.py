"""Plots for a page: drawn twice, for wide pages and for phones, as SVG inside the page."""

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
"""Widths in inches of the two drawings."""

LONG, RESOLUTION = 300, 100
"""Lines of more points are drawn as dots, so many an inch: chains of thousands of draws as curves would fill megabytes."""

STYLE: dict[Any, Any] = {
    "text.parse_math": False,  # a label with dollars is a label
    "svg.hashsalt": "trialwise",
    "svg.fonttype": "none",  # labels in any script, by the reader's own fonts
    "font.size": 9.5,
    "axes.edgecolor": "0.4",
    "axes.linewidth": 0.7,
    "xtick.color": "0.3",
    "ytick.color": "0.3",
}


def picture(plot: Callable[[float], Figure], alt: str, caption: str) -> Picture:
    """A plot, given as a function of its width in inches."""
    from matplotlib import rc_context

    with rc_context(STYLE):
        wide, narrow = (_drawn(plot, width) for width in (WIDE, NARROW))
    return Picture(wide, narrow, alt, caption)


def _drawn(plot: Callable[[float], Figure], width: float) -> str:
    figure = plot(width)
    for axis in figure.axes:
        for line in axis.lines:
            line.set_rasterized(np.shape(line.get_xydata())[0] > LONG)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)  # the reader's fonts may have it
        figure.savefig(buffer, format="svg", dpi=RESOLUTION, transparent=True, metadata={"Date": None, "Creator": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(buffer.getvalue()).decode()}"
