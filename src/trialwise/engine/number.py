"""Taking numbers apart: plain Python twins of the compiled ``value``, ``tangent`` and ``chain``.

A float is a dual without tangents. Formulas written with these run interpreted on floats and compiled on duals.
"""

from __future__ import annotations


def value(x):
    """The value of a number."""
    return x


def tangent(x):
    """The number with its value set to zero: 0.0 for a float."""
    return 0.0


def chain(x, new, slope):
    """What a smooth function with value ``new`` and slope ``slope`` at ``x`` makes of ``x``."""
    return new
