"""Plain Python versions of functions that are compiled for numbers with and without tangents: ``value``, ``tangent``, ``chain``, ...

A float is a dual number without tangents. Formulas written with these functions run in plain Python on floats, and compiled on
dual numbers (:mod:`trialwise.engine.numbers.dual`).
"""

from __future__ import annotations

import math


def value(x):
    """The value of a number."""
    return x


def index(x):
    """A number in packed data, such as a choice, as an index. It is non-negative, since missed choices are excluded by flags."""
    return int(x)


def tangent(x):
    """The number with its value set to zero: 0.0 for a float."""
    return 0.0


def chain(x, new, slope):
    """A smooth function of ``x``, with value ``new`` and slope ``slope`` there."""
    return new


def share_of_tangent(weight, x):
    """A weight times :func:`tangent`; 0 if the weight is 0, since a logit of -inf may have an infinite tangent."""
    return weight * tangent(x) if weight != 0.0 else 0.0


def clear(preference):
    """Set all entries to NaN before a method fills them, so that none keeps the value of an earlier trial."""
    for entry in range(len(preference)):
        preference[entry] = math.nan


EXTREME = 664
"""The power of two, about 1e200, at which a running product is replaced by its logarithm."""


def is_extreme(scale):
    """Whether a running product is so large or small that the next factor might overflow or underflow."""
    return not 2.0**-EXTREME <= scale < 2.0**EXTREME


GOLDEN = 0x9E3779B97F4A7C15
"""The step from one counter to the next: odd, and close to 2^64 divided by the golden ratio."""


def uniform(key, counter):
    """A random number in [0, 1), the ``counter``-th of a stream: SplitMix64 (Steele et al. 2014, OOPSLA) of key and counter."""
    z = (int(key) + int(counter) * GOLDEN) % 2**64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
    return ((z ^ (z >> 31)) >> 11) * 2.0**-53
