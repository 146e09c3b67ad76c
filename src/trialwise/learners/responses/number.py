"""Taking numbers apart: plain Python twins of the compiled ``value``, ``tangent``, ``chain``, ``is_extreme``, ``softmax_sums``, ...

A float is a dual without tangents. Formulas written with these run interpreted on floats and compiled on duals.
"""

from __future__ import annotations

import math


def value(x):
    """The value of a number."""
    return x


def index(x):
    """A number of packed data as one that indexes, such as a choice. It is not negative: flags tell of missed ones before."""
    return int(x)


def tangent(x):
    """The number with its value set to zero: 0.0 for a float."""
    return 0.0


def chain(x, new, slope):
    """What a smooth function with value ``new`` and slope ``slope`` at ``x`` makes of ``x``."""
    return new


def share_of_tangent(weight, x):
    """A weight times :func:`tangent`; nothing where nothing weighs, since a logit of -inf may carry an infinite tangent."""
    return weight * tangent(x) if weight != 0.0 else 0.0


EXTREME = 664
"""The power of two, about 1e200, at which a running product is turned into its logarithm."""


def is_extreme(scale):
    """Whether a running product is so large, or so small, that the next factor might be one too many."""
    return not 2.0**-EXTREME <= scale < 2.0**EXTREME


def softmax_sums(preference, available, choice):
    r"""The sums that a softmax is made of, measured from a base :math:`m`, such as the top logit of the available actions.

    Gives :math:`L_c - m` of the choice, :math:`\sum_j e^{L_j - m}` and :math:`\sum_j e^{L_j - m} \partial L_j`; the value of the
    last one has no meaning.
    """
    top = -math.inf
    for action in range(len(preference)):
        if available[action] and value(preference[action]) > top:
            top = value(preference[action])
    total, mean = 0.0, 0.0
    for action in range(len(preference)):
        if available[action]:
            weight = math.exp(value(preference[action]) - top)
            total += weight
            mean = mean + share_of_tangent(weight, preference[action])
    return value(preference[choice]) - top, total, mean


def softmax_shares(weights, preference, available):
    r"""The weights :math:`e^{L_j - m}` of a softmax, measured from a base :math:`m`, into ``weights``; 0 where not available."""
    top = -math.inf
    for action in range(len(preference)):
        if available[action] and value(preference[action]) > top:
            top = value(preference[action])
    for action in range(len(preference)):
        weights[action] = math.exp(value(preference[action]) - top) if available[action] else 0.0


GOLDEN = 0x9E3779B97F4A7C15
"""Odd, and near 2^64 over the golden ratio: the step from one counter to the next."""


def uniform(key, counter):
    """A random number in [0, 1), the ``counter``-th of a stream: SplitMix64 (Steele et al. 2014, OOPSLA) of key and counter."""
    z = (int(key) + int(counter) * GOLDEN) % 2**64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
    return ((z ^ (z >> 31)) >> 11) * 2.0**-53
