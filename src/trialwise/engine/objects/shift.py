"""The value of a parameter at a distance on its unconstrained scale, with derivatives, in a form without overflow.

With :math:`z = b x`, a parameter has the value :math:`\\theta_t = g(g^{-1}(\\theta) + z)`: :math:`\\theta + z` if it is real,
:math:`\\theta e^z` if positive, and with a range from :math:`l` to :math:`u`

.. math:: \\theta_t = l + (u - l) \\frac{w}{w + (1 - w) e^{-z}}, \\qquad w = \\frac{\\theta - l}{u - l}.
"""

from __future__ import annotations

import math
from collections.abc import Callable


def shift_function(support: str, lower: float, upper: float) -> Callable:
    """``(value, slope, x) -> (shifted value, its derivative by value, its derivative by slope)``, to be compiled."""
    if support == "real":

        def shifted(value, slope, x):
            return value + slope * x, 1.0, x

    elif support == "positive":

        def shifted(value, slope, x):
            factor = math.exp(slope * x)
            return value * factor, factor, value * factor * x

    else:
        width = upper - lower

        def shifted(value, slope, x):
            z = slope * x
            share, smaller = (value - lower) / width, math.exp(-abs(z))
            other = (upper - value) / width
            weight = share if z >= 0.0 else share * smaller
            total = weight + (other * smaller if z >= 0.0 else other)
            rate = smaller / (total * total)
            return lower + width * weight / total, rate, width * share * other * rate * x

    return shifted
