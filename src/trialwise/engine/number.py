"""Taking numbers apart: plain Python twins of the compiled ``value``, ``tangent``, ``chain`` and ``softmax_sums``.

A float is a dual without tangents. Formulas written with these run interpreted on floats and compiled on duals.
"""

from __future__ import annotations

import math


def value(x):
    """The value of a number."""
    return x


def tangent(x):
    """The number with its value set to zero: 0.0 for a float."""
    return 0.0


def chain(x, new, slope):
    """What a smooth function with value ``new`` and slope ``slope`` at ``x`` makes of ``x``."""
    return new


def softmax_sums(preference, available):
    r"""The top logit :math:`m` of the available actions, :math:`\sum_j e^{L_j - m}` and :math:`\sum_j e^{L_j - m} \partial L_j`."""
    top = -math.inf
    for action in range(len(preference)):
        if available[action] and value(preference[action]) > top:
            top = value(preference[action])
    total, mean = 0.0, 0.0
    for action in range(len(preference)):
        if available[action]:
            weight = math.exp(value(preference[action]) - top)
            total += weight
            if weight != 0.0:  # a logit of -inf may carry an infinite tangent
                mean = mean + weight * tangent(preference[action])
    return top, total, mean
