r"""The forward algorithm, for learners whose hidden choices are a Markov chain: the exact sum over all sequences of hidden choices.

The state of such a learner is the same whatever its hidden choices were, since no method that changes it receives them. So there is one
state, and the joint probability of the responses so far and of the last hidden choice follows that of the trial before
(Rabiner 1989, Proc. IEEE 77:257):

.. math:: \alpha_t(k) = \sum_j \alpha_{t-1}(j)\, h_t(k \mid j)\, p(c_t \mid k), \qquad h_t(\cdot \mid j) = \mathrm{softmax}(\text{hide after } j),

with :math:`\alpha` scaled to sum to 1 on each trial, and the logarithms of the scales summed. Derivatives follow Fisher's identity: with
:math:`s_t(k) = \partial \log \alpha_t(k)` before scaling,

.. math:: s_t(k) = \sum_j \frac{\alpha_{t-1}(j)\, h_t(k \mid j)\, p(c_t \mid k)}{\alpha_t(k)}
    \bigl(s_{t-1}(j) + \partial \log h_t(k \mid j) + \partial \log p(c_t \mid k)\bigr).

All its terms are weighted means, so that nothing cancels. The same code runs on all types of number, as in
:mod:`trialwise.engine.walks.replay`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from trialwise.engine.flags import ACTED, FLAGS, HIDES, RESET, RESPONDED, SCORED, TEACHES, WATCHES
from trialwise.engine.walks.replay import Parts
from trialwise.learners.responses.plain_numbers import chain, share_of_tangent, value
from trialwise.learners.responses.softmax import softmax_shares

SMALLEST = 1e-290
"""A smaller probability counts as 0: its reciprocal might be infinite."""


def build_hidden_shares(parts: Parts, every_option, width: int) -> Callable:
    """The probabilities of all hidden options of one trial after each possible last one.

    The returned function fills ``moves``, flattened, with :math:`h(k | j)` and ``ahead[k]`` with the probability of option k given the responses of
    earlier trials. The derivative of :math:`\\log h(k | j)` is that of the logit less its mean: ``steps``, flattened, are the logits, and the mean
    is subtracted from ``path[j]``. Before the first hidden choice, ``begun`` is false and only row 0 is filled.
    """
    hide = parts.hide

    def hidden_shares(agent, state, trial, options, begun, belief, path, moves, steps, shares, ahead):
        for k in range(width):
            ahead[k] = 0.0
        for j in range(width if begun else 1):
            hide(agent, state, trial, options, j if begun else -1)
            softmax_shares(shares, options, every_option)
            total, mean = 0.0, 0.0
            for k in range(width):
                total += shares[k]
                mean = mean + share_of_tangent(shares[k], options[k])
            for k in range(width):
                moves[j * width + k] = shares[k] / total
                steps[j * width + k] = options[k]
                ahead[k] += belief[j] * moves[j * width + k]
            path[j] = path[j] - mean / total

    return hidden_shares


def build_advance(width: int) -> Callable:
    """One step of the recursion.

    The returned function replaces ``belief`` (the scaled :math:`\\alpha`) and ``path`` (:math:`s`) by those after a trial with
    log-probabilities ``logs`` of its responses and their tangents ``slopes``, and returns the logarithm of the scale: that of the responses'
    probability given the earlier ones.
    """

    def advance(begun, belief, moves, steps, logs, slopes, path, joint, new_path):
        largest = -math.inf
        for k in range(width):
            if logs[k] > largest:
                largest = logs[k]
        if largest == -math.inf:
            largest = 0.0
        total = 0.0
        for k in range(width):
            p = math.exp(logs[k] - largest)
            joint[k] = 0.0
            new_path[k] = 0.0
            for j in range(width if begun else 1):
                weight = belief[j] * moves[j * width + k] * p
                joint[k] += weight
                new_path[k] = new_path[k] + share_of_tangent(weight, path[j] + steps[j * width + k])
            total += joint[k]
        for k in range(width):
            belief[k] = joint[k] / total if joint[k] > SMALLEST else 0.0
            path[k] = 0.0
            if joint[k] > SMALLEST:
                path[k] = new_path[k] / joint[k] + slopes[k]
        if total > 0.0:
            return math.log(total) + largest
        return total if total != 0.0 else -math.inf

    return advance


def build_forward(parts: Parts, hidden_shares: Callable, advance: Callable, width: int, tracing: bool) -> Callable:
    """The sum over all sequences of hidden choices of one participant.

    The returned function has, besides the arguments of :func:`trialwise.engine.walks.replay.build_replay`, work arrays: over options, of
    numbers with tangents ``slopes``, ``path``, ``new_path``, and of floats ``shares``, ``ahead``, ``belief``, ``joint``, ``logs``; over pairs of options,
    flattened, ``steps`` with tangents, and ``moves``. It returns the log-likelihood, with its derivatives as tangents.
    ``tracing`` stores in ``record`` and ``signals`` each trial's log-probability, predictions and signals, in ``transitions
    (trials, options, options)`` the probabilities of hidden options after each other one (all rows the same where there was none before),
    and in ``chances (trials, options)`` the log-probability of the trial's responses with each option.
    """
    agent_at, start, reset, row, available = parts.agent_at, parts.start, parts.reset, parts.row, parts.available
    seen, act, score, foresee, last_action = parts.seen, parts.act, parts.score, parts.foresee, parts.last_action
    see, acted, elapse, learn = parts.see, parts.acted, parts.elapse, parts.learn
    watch, between, keep = parts.watch, parts.between, parts.keep

    def forward(
        participant, task, preference, options, shares, ahead, belief, joint, logs, moves, slopes, path, new_path, steps, observed, ints, reals,
        first, end, record, signals, transitions, chances,
    ):  # fmt: skip
        state = start(agent_at(participant, ints, reals, first), task)
        last, begun, total = -1, False, 0.0
        belief[0], path[0] = 1.0, 0.0
        for t in range(first, end):
            agent = agent_at(participant, ints, reals, t)
            flags = ints[t, FLAGS]
            trial = row(ints, reals, t)
            if flags & RESET and t > first:
                state = reset(agent, state, trial, task, 0)
                last = -1
                if begun:
                    path[0] = summed(belief, path)
                    belief[0], begun = 1.0, False
            if see is not None:
                see(agent, state, trial)
            if flags & HIDES:
                hidden_shares(agent, state, trial, options, begun, belief, path, moves, steps, shares, ahead)
                open_actions = available(trial)
                for k in range(width):
                    answer = act(agent, state, trial, k, preference, last)
                    logs[k] = 0.0
                    slopes[k] = 0.0
                    if flags & SCORED:
                        part, scale = score(agent, answer, open_actions, seen(observed, t), flags)
                        logs[k] = value(part) - math.log(scale)
                        slopes[k] = chain(part, 0.0, 1.0)
                    if tracing:
                        chances[t, k] = logs[k]
                        for j in range(width):
                            transitions[t, j, k] = moves[(j if begun else 0) * width + k]
                        if flags & RESPONDED and ahead[k] > 0.0:
                            foresee(agent, answer, open_actions, record, t, ahead[k])
                gained = advance(begun, belief, moves, steps, logs, slopes, path, joint, new_path)
                if flags & SCORED:
                    total += gained
                    if tracing:
                        record[t, 0] = gained
                if not gained > -math.inf:
                    return chain(0.0 * path[0], total + gained, 0.0)
                begun = True
            if flags & RESPONDED:
                last = last_action(seen(observed, t), flags, last)
            if acted is not None and flags & ACTED:
                acted(agent, state, trial, seen(observed, t))
            if elapse is not None:
                elapse(agent, state, trial)
            if learn is not None and flags & TEACHES:
                result = learn(agent, state, trial, 0, seen(observed, t), ints, reals, t)
                if keep is not None:
                    keep(signals, t, result)
            if watch is not None and flags & WATCHES:
                result = watch(agent, state, trial, 0, ints, reals, t)
                if keep is not None:
                    keep(signals, t, result)
            if between is not None:
                between(agent, state, trial)
        if begun:
            path[0] = summed(belief, path)
        return chain(path[0], total, 1.0)

    return forward


def summed(belief, path):
    """The mean of tangents over the last hidden choice: the derivative of the log-likelihood so far."""
    mean = 0.0 * path[0]
    for k in range(len(belief)):
        mean = mean + share_of_tangent(belief[k], path[k])
    return mean
