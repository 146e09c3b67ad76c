"""The softmax, as sums that give the log-probability of a choice and its gradient, in plain Python.

Compiled code uses the versions of :mod:`trialwise.engine.numbers.exponential` and :mod:`trialwise.engine.numbers.abreast`.
"""

from __future__ import annotations

import math

from trialwise.learners.responses.plain_numbers import share_of_tangent, value


def softmax_sums(preference, available, choice):
    r"""The sums of a softmax relative to a base :math:`m`, such as the largest logit of the available actions.

    Returns :math:`L_c - m` of the choice, :math:`\sum_j e^{L_j - m}` and :math:`\sum_j e^{L_j - m} \partial L_j`; only the
    tangents of the last are meaningful.
    """
    largest = -math.inf
    for action in range(len(preference)):
        if available[action] and value(preference[action]) > largest:
            largest = value(preference[action])
    total, mean = 0.0, 0.0
    for action in range(len(preference)):
        if available[action]:
            weight = math.exp(value(preference[action]) - largest)
            total += weight
            mean = mean + share_of_tangent(weight, preference[action])
    return value(preference[choice]) - largest, total, mean


def softmax_shares(weights, preference, available):
    r"""Write the weights :math:`e^{L_j - m}` of a softmax relative to a base :math:`m` to ``weights``; 0 if not available."""
    largest = -math.inf
    for action in range(len(preference)):
        if available[action] and value(preference[action]) > largest:
            largest = value(preference[action])
    for action in range(len(preference)):
        weights[action] = math.exp(value(preference[action]) - largest) if available[action] else 0.0
