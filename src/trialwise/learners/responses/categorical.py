r"""Choices: the fused log-probability of a softmax, or of given probabilities, with stickiness and lapse.

Parameters: ``preference[j]``, logits :math:`L_j` or probabilities. Observed: the index :math:`c` of the chosen action.

.. math:: \log p = L_c - \log \sum_j e^{L_j},\qquad \partial \log p = \partial L_c - \sum_j p_j\, \partial L_j

Exponentials are taken of values only, once per action; the tangent is their weighted sum. A score is told as the dual
:math:`\log(p s)` and the number :math:`s`, so that the caller can multiply the :math:`s` of many trials and take one
logarithm. The same text runs interpreted on floats.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from trialwise.learners.responses.number import chain, share_of_tangent, softmax_shares, softmax_sums, value


def score_logits(preference, available, choice):
    """A choice under the softmax of logits over the available actions."""
    gap, total, mean = softmax_sums(preference, available, choice)
    return chain(preference[choice] - mean / total, gap if available[choice] else -math.inf, 1.0), total


def score_probabilities(preference, available, choice):
    """A choice under given probabilities, renormalised over the available actions."""
    total = preference[choice] - preference[choice]
    for j in range(len(preference)):
        if available[j]:
            total = total + preference[j]
    share = preference[choice] / total if available[choice] else total - total
    return chain(share, 0.0, 1.0 / value(share)), 1.0 / value(share)


def chance_logits(preference, available, choice, weights):
    """The probability of a choice and a number whose tangent is that of its logarithm; ``weights`` is scratch."""
    softmax_shares(weights, preference, available)
    total, mean = 0.0, 0.0
    for j in range(len(preference)):
        total += weights[j]
        mean = mean + share_of_tangent(weights[j], preference[j])
    return weights[choice] / total, chain(preference[choice] - mean / total, 0.0, 1.0)


def chance_probabilities(preference, available, choice, weights):
    """As :func:`chance_logits`, of given probabilities."""
    part, scale = score_probabilities(preference, available, choice)
    return 1.0 / scale, part


def softmax(preference, available):
    """Logits to probabilities in place; actions that are not available get 0."""
    top = -math.inf
    for j in range(len(preference)):
        if available[j] and value(preference[j]) > top:
            top = value(preference[j])
    for j in range(len(preference)):
        preference[j] = np.exp(preference[j] - top) if available[j] else 0.0 * preference[j]
    normalise(preference, available)


def normalise(preference, available):
    """Probabilities to ones that sum to 1 over the available actions, in place."""
    total = 0.0
    for j in range(len(preference)):
        if available[j]:
            total = total + preference[j]
    for j in range(len(preference)):
        preference[j] = preference[j] / total if available[j] else 0.0 * total


def mixed_with_lapse(score, scale, lapse, available, actions, choice):
    r"""The score of a choice after :math:`p \leftarrow (1 - \epsilon) p + \epsilon / n` over the available actions."""
    options = 0
    for j in range(actions):
        if available[j]:
            options += 1
    p = math.exp(value(score)) / scale
    mixture = (1.0 - lapse) * chain(score, p, p) + (lapse / options if available[choice] else 0.0 * lapse)
    return chain(mixture, 0.0, 1.0 / value(mixture)), 1.0 / value(mixture)


def mix_lapse(preference, available, lapse):
    """Random choices mixed in over the available actions, in place; ``preference`` holds probabilities."""
    options = 0
    for j in range(len(preference)):
        if available[j]:
            options += 1
    for j in range(len(preference)):
        if available[j]:
            preference[j] = (1.0 - lapse) * preference[j] + lapse / options


def draw(preference, uniform):
    """The action that a uniform number in [0, 1) picks from probabilities, by inverse cumulative sum."""
    so_far = 0.0
    last = 0
    for j in range(len(preference)):
        if value(preference[j]) > 0.0:
            last = j
            so_far += value(preference[j])
            if uniform < so_far:
                return j
    return last


class ChoiceRule(NamedTuple):
    """What turns a filled ``preference`` into a scored or drawn choice.

    ``stick(agent, preference, last)`` comes first, ``last`` being the last choice made, or -1. Then ``score(agent,
    preference, available, choice)`` gives the log-probability and leaves ``preference`` alone, as does ``chance``, which gives
    the probability; ``settle(agent, preference, available)`` leaves the probabilities of all actions in it.
    """

    stick: Callable
    score: Callable
    chance: Callable
    settle: Callable


def choice_rule(gives_probabilities: bool, sticky: bool, lapses: bool) -> ChoiceRule:
    """The rule of a learner: does ``choose`` give probabilities, and is it wrapped in stickiness, in lapse?

    Stickiness adds to the logits before the softmax; for a rule in probabilities that is the same as multiplying the
    last choice's by its exponential. Lapse comes after.
    """
    if not sticky:

        def stick(agent, preference, last):
            pass
    elif gives_probabilities:

        def stick(agent, preference, last):
            if last >= 0:
                preference[last] = preference[last] * np.exp(agent.stickiness)
    else:

        def stick(agent, preference, last):
            if last >= 0:
                preference[last] = preference[last] + agent.stickiness

    base = score_probabilities if gives_probabilities else score_logits
    plain_chance = chance_probabilities if gives_probabilities else chance_logits
    spread = normalise if gives_probabilities else softmax

    if lapses:

        def score(agent, preference, available, choice):
            part, scale = base(preference, available, choice)
            return mixed_with_lapse(part, scale, agent.lapse, available, len(preference), choice)

        def chance(agent, preference, available, choice, weights):
            part, scale = score(agent, preference, available, choice)
            return math.exp(value(part)) / scale, part

        def settle(agent, preference, available):
            spread(preference, available)
            mix_lapse(preference, available, agent.lapse)
    else:

        def score(agent, preference, available, choice):
            return base(preference, available, choice)

        def chance(agent, preference, available, choice, weights):
            return plain_chance(preference, available, choice, weights)

        def settle(agent, preference, available):
            spread(preference, available)

    return ChoiceRule(stick, score, chance, settle)
