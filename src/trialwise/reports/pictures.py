"""Plots as embedded SVG: one picture for every width of the page, its text in the reader's fonts, its many points as pixels."""

from __future__ import annotations

import base64
import io
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from trialwise.reports.blocks import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 7.6
"""Width of pictures, inches."""

MANY, RESOLUTION, COLOURS = 150, 110, 16
"""Lines and collections with more points become pixels, at this resolution (dots per inch) and with this number of colours: as curves,
chains of thousands of draws take megabytes."""

STYLE: dict[Any, Any] = {
    "text.parse_math": False,  # labels may contain dollar signs
    "svg.hashsalt": "trialwise",
    "svg.fonttype": "none",  # text in any script, in the reader's own fonts
    "font.size": 9,
    "axes.edgecolor": "0.4",
    "axes.linewidth": 0.7,
    "xtick.color": "0.3",
    "ytick.color": "0.3",
}

_EMBEDDED = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)")


def picture(plot: Callable[[float], Figure], alt: str, caption: str) -> Picture:
    """Render a plot, given as a function of its width in inches, with alternative text and caption."""
    from matplotlib import rc_context

    with rc_context(STYLE):
        figure = plot(WIDTH)
        width, height = (round(96 * inches) for inches in figure.get_size_inches())
        return Picture(_svg(figure), width, height, alt, caption)


def _svg(figure: Figure) -> str:
    for axis in figure.axes:
        for line in axis.lines:
            line.set_rasterized(np.shape(line.get_xydata())[0] > MANY)
        for collection in axis.collections:
            collection.set_rasterized(len(collection.get_paths()) > MANY)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Glyph .* missing from font", UserWarning
        )  # the reader's fonts may contain it
        figure.savefig(buffer, format="svg", dpi=RESOLUTION, transparent=True, metadata={"Date": None, "Creator": None})
    text = _EMBEDDED.sub(lambda match: f"data:image/png;base64,{_smaller(match[1])}", buffer.getvalue().decode())
    text = re.sub(
        r">\s+<",
        "><",
        re.sub(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", "", text, flags=re.DOTALL),
    )
    return f"data:image/svg+xml,{quote(text.strip(), safe=_SAFE)}"


_SAFE = " !$&'()*+,-./:;=?@[]^_`{|}~"
"""Characters that a data URI in double quotes may contain."""


def _smaller(image: str) -> str:
    """A PNG image with few colours, which takes a fraction of the size."""
    from PIL import Image

    original = base64.b64decode(image)
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(original)) as opened:
        opened.convert("RGBA").quantize(COLOURS, Image.Quantize.FASTOCTREE).save(buffer, "PNG", optimize=True)
    return base64.b64encode(min(original, buffer.getvalue(), key=len)).decode()
