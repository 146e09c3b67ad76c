"""The softmax, as sums that give the log-probability of a choice and its gradient.

Plain Python; compiled code on dual numbers uses the versions of :mod:`trialwise.engine.numbers.exponential` and
:mod:`trialwise.engine.numbers.abreast`.
"""

from __future__ import annotations

import math

from trialwise.learners.responses.plain_numbers import share_of_tangent, value


def softmax_sums(preference, available, choice):
    r"""The sums of a softmax relative to a base :math:`m`, such as the largest logit of the available actions.

    Returns :math:`L_c - m` of the choice, :math:`\sum_j e^{L_j - m}` and :math:`\sum_j e^{L_j - m} \partial L_j`; only the
    tangents of the last one are meaningful.
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
    r"""The weights :math:`e^{L_j - m}` of a softmax relative to a base :math:`m`, written to ``weights``; 0 where not available."""
    top = -math.inf
    for action in range(len(preference)):
        if available[action] and value(preference[action]) > top:
            top = value(preference[action])
    for action in range(len(preference)):
        weights[action] = math.exp(value(preference[action]) - top) if available[action] else 0.0
