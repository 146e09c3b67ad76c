r"""A particle filter for learners with an unobserved choice.

Particles are agents with the same observed history, each with its own hidden choices. On every trial a particle's weight is
multiplied by the probability of the observed response, a sum over its hidden options,

.. math:: w = \sum_k h_k\, p(c \mid k), \qquad h = \mathrm{softmax}(\text{hide}),

and its hidden choice is drawn in proportion to the terms of that sum, :math:`h_k\, p(c \mid k) / w`: the filter is fully adapted
(Pitt & Shephard 1999, JASA 94:590). The draws of one trial share one random number and are spread evenly over particles
with a similar history (as in array-RQMC, L'Ecuyer et al. 2008, Oper. Res. 56:958): each has the correct distribution, and their
joint variance is smaller. The mean of the products of weights is an unbiased estimate of the likelihood for any
number of particles (Del Moral 2004). Particles are resampled only when their effective number falls below a threshold.

The score follows from Fisher's identity: it is the weighted mean over particles of the derivative of their paths' log-probability,
:math:`\sum_t \partial \log h_{z_t} + \partial \log p(c_t \mid z_t)`, not the derivative of the estimate at fixed draws.

If options are exchangeable, a particle labels them in order of first use. All unused options are equivalent: one represents
them all, with the logarithm of their number added to its logit.

The same code runs on all types of number, as in :mod:`trialwise.engine.walks.replay`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from trialwise.engine.flags import ACTED, FLAGS, HIDES, RESET, RESPONDED, SCORED, TEACHES, WATCHES
from trialwise.engine.walks.replay import Parts
from trialwise.learners.responses.plain_numbers import chain, share_of_tangent, uniform
from trialwise.learners.responses.softmax import softmax_shares

GOLDEN_STEP = 0.6180339887498949
"""The golden ratio minus 1: its multiples, modulo 1, are evenly spread for any number of particles."""


class Swarm(NamedTuple):
    """Operations on the states of all particles, plain or compiled; a group is one particle, or several that share vector registers.

    ``groups(count)`` is the number of groups of ``count`` particles. ``spread(state, task, groups)`` copies the initial state to all
    groups; ``at(states, task, g)`` is the state of one group; ``copy(states, task, source, target)`` overwrites one particle's
    state with another's; ``renew(states, g, state)`` stores the state after a reset. ``take(array, g)`` and ``put(array, g, x)`` read
    and write the entries of a group's particles, ``total(x)`` sums over them, and ``pick(joint, left)`` draws their hidden choices.
    ``choices(array, g)`` reads hidden choices, ``force(chosen, option)`` replaces that of a group's first particle, ``or_zero(x)`` replaces
    NaN and infinity, ``within(x, lower, upper)`` is whether all of a group's numbers are, and ``logarithm(x)`` is -inf where x is 0.
    """

    groups: Callable
    spread: Callable
    at: Callable
    copy: Callable
    renew: Callable
    take: Callable
    put: Callable
    total: Callable
    pick: Callable
    choices: Callable
    force: Callable
    or_zero: Callable
    within: Callable
    logarithm: Callable


def chance_of(parts: Parts, unscored: bool) -> Callable:
    """The part ``chance``, which is 1 on trials whose response does not enter the likelihood; ``unscored``, whether there are any."""
    observed_chance = parts.chance
    if not unscored:
        return observed_chance

    def chance(agent, answer, available, responses, flags, weights):
        p, part = 1.0, 0.0
        if flags & SCORED:
            p, part = observed_chance(agent, answer, available, responses, flags, weights)
        return p, part

    return chance


def build_weigh(parts: Parts, relabel: bool, every_option, unscored: bool) -> Callable:
    r"""The weights of one state's hidden options on one trial. ``unscored``: on some trials the response does not enter the likelihood,
    or there is none (``watch``); on them :math:`p(c | k)` is 1.

    The returned function fills ``prior[k]`` with :math:`h_k`, ``joint[k]`` with :math:`h_k p(c | k)` and ``slopes[k]`` with a
    number whose tangent is that of :math:`\log(h_k p(c | k))`, and returns the sum of ``joint``.
    """
    hide, act, chance = parts.hide, parts.act, chance_of(parts, unscored)

    def weigh(
        agent,
        state,
        trial,
        preference,
        weights,
        options,
        prior,
        joint,
        slopes,
        used,
        last,
        open_actions,
        responses,
        flags,
        *before,
    ):
        hide(agent, state, trial, options, *before)
        count = len(options)
        if relabel:
            count = min(used + 1, len(options))
            for k in range(1, len(options)):
                if k >= count:
                    options[k] = options[0]
                if k == used:
                    options[k] = options[k] + math.log(len(options) - used)
            if used == 0:
                options[0] = options[0] + math.log(len(options))
        softmax_shares(prior, options, every_option)
        prior_sum, mean = 0.0, 0.0
        for k in range(len(options)):
            if k < count:
                prior_sum += prior[k]
                mean = mean + share_of_tangent(prior[k], options[k])
        total = 0.0
        for k in range(len(options)):
            if k < count:
                answer = act(agent, state, trial, k, preference, last)
                p, part = chance(agent, answer, open_actions, responses, flags, weights)
                prior[k] /= prior_sum
                joint[k] = prior[k] * p
                slopes[k] = chain(options[k] - mean / prior_sum + part, 0.0, 1.0)
                total += joint[k]
            else:
                prior[k], joint[k] = 0.0, 0.0
        return total

    return weigh


def build_particles(
    parts: Parts, swarm: Swarm, weigh: Callable, relabel: bool, start_afresh: bool, scored: bool, tracing: bool
) -> Callable:
    """The filter of one participant.

    The returned function has, besides the arguments of :func:`trialwise.engine.walks.replay.build_replay`: the ``count`` of particles;
    work arrays over actions (``shares``), over options (``prior``, ``joint``, ``slopes``, ``tally``) and over particles (``path``:
    tangents of its path; ``weights``; ``used``: number of labels it has used; ``uniforms``, ``order``, ``place``, ``children``);
    ``key``, the random stream; and ``threshold``, the effective fraction of particles below which they are resampled. It returns
    the estimated log-likelihood, the score as tangents, and the number of resamplings; ``weights`` are then those after the last
    trial. ``scored`` computes the score. ``tracing`` stores in ``record`` each trial's log-probability and predictions, in
    ``hidden``, ``weight`` and ``parent`` ``(trials, particles)`` the hidden choice, the weight after the trial and the particle's
    parent at its end, and in ``signals`` the signals, one row per trial and particle.
    """
    agent_at, start, reset, row, available = parts.agent_at, parts.start, parts.reset, parts.row, parts.available
    act, elapse, learn, foresee, keep = parts.act, parts.elapse, parts.learn, parts.foresee, parts.keep
    seen, last_action = parts.seen, parts.last_action
    see, acted, watch, between = parts.see, parts.acted, parts.watch, parts.between
    groups, spread, at, copy, renew, take, put, sum_of, pick, *_ = swarm

    def particles(
        participant, task, count, preference, options, shares, prior, joint, slopes, path, weights, used, uniforms, order, place, children, tally,
        observed, ints, reals, first, end, key, threshold, record, signals, hidden, weight, parent,
    ):  # fmt: skip
        states = spread(start(agent_at(participant, ints, reals, first), task), task, groups(count))
        for i in range(count):
            weights[i], used[i], order[i] = 1.0 / count, 0, i
            if scored:
                path[i] = 0.0
        total, last, resamplings = 0.0, -1, 0
        for t in range(first, end):
            agent = agent_at(participant, ints, reals, t)
            flags = ints[t, FLAGS]
            trial = row(ints, reals, t)
            if flags & RESET and t > first:
                for g in range(groups(count)):
                    renew(states, g, reset(agent, at(states, task, g), trial, task, g))
                    if start_afresh:
                        used[g] = 0
                last = -1
            open_actions = available(trial)
            n = t - first
            if flags & HIDES:
                next_uniform = uniform(key, 2 * n)
                for rank in range(count):
                    next_uniform += GOLDEN_STEP
                    if next_uniform >= 1.0:
                        next_uniform -= 1.0
                    uniforms[order[rank]] = next_uniform
            lane_sums, lane_squares = 0.0, 0.0
            for g in range(groups(count)):
                state = at(states, task, g)
                chosen = 0
                if see is not None:
                    see(agent, state, trial)
                if flags & HIDES:
                    p = weigh(
                        agent, state, trial, preference, shares, options, prior, joint, slopes, used[g], last, open_actions,
                        seen(observed, t), flags,
                    )  # fmt: skip
                    chosen = pick(joint, take(uniforms, g) * p)
                    if tracing and flags & RESPONDED:
                        for k in range(len(options)):
                            if prior[k] > 0.0:
                                answer = act(agent, state, trial, k, preference, last)
                                foresee(agent, answer, open_actions, record, t, weights[g] * prior[k])
                    p = take(weights, g) * p
                    put(weights, g, p)
                    lane_sums = lane_sums + p
                    lane_squares = lane_squares + p * p
                    put(children, g, chosen)
                    if relabel:
                        used[g] = max(used[g], chosen + 1)
                    if scored:
                        path[g] = path[g] + slopes[chosen]
                if tracing:
                    hidden[n, g] = chosen if flags & HIDES else -1
                if acted is not None and flags & ACTED:
                    acted(agent, state, trial, seen(observed, t))
                if elapse is not None:
                    elapse(agent, state, trial)
                if learn is not None and flags & TEACHES:
                    result = learn(agent, state, trial, chosen, seen(observed, t), ints, reals, t)
                    if keep is not None:
                        keep(signals, n * count + g, result)
                if watch is not None and flags & WATCHES:
                    result = watch(agent, state, trial, chosen, ints, reals, t)
                    if keep is not None:
                        keep(signals, n * count + g, result)
                if between is not None:
                    between(agent, state, trial)
            weight_sum, square_sum = sum_of(lane_sums), sum_of(lane_squares)
            if flags & RESPONDED:
                last = last_action(seen(observed, t), flags, last)
            if flags & HIDES:
                if not weight_sum > 0.0:
                    return total + (weight_sum if weight_sum != 0.0 else -math.inf), 0.0, resamplings
                if flags & SCORED:
                    total += math.log(weight_sum)
                    if tracing:
                        record[t, 0] = math.log(weight_sum)
                arrange(order, place, children, tally)
                for i in range(count):
                    weights[i] /= weight_sum
            if tracing:
                for i in range(count):
                    weight[n, i], parent[n, i] = weights[i], i
            if flags & HIDES and weight_sum * weight_sum < threshold * count * square_sum and t + 1 < end:
                resamplings += 1
                offspring(weights, order, uniform(key, 2 * n + 1), children)
                free, position = 0, 0
                for rank in range(count):
                    i = order[rank]
                    for child in range(children[i]):
                        target = i
                        if child > 0:
                            while children[free] > 0:
                                free += 1
                            target, free = free, free + 1
                            copy(states, task, i, target)
                            used[target] = used[i]
                            if scored:
                                path[target] = path[i]
                            if tracing:
                                parent[n, target] = i
                        place[position] = target
                        position += 1
                for rank in range(count):
                    order[rank] = place[rank]
                for i in range(count):
                    weights[i] = 1.0 / count
        score = 0.0
        if scored:
            for i in range(count):
                score = score + weights[i] * path[i]
        return total, score, resamplings

    return particles


def arrange(order, place, chosen, tally):
    """Sort particles by their last choice, stably, so that neighbours share much of their history (counting sort).

    ``place`` and ``tally`` (one entry per option) are work arrays.
    """
    for k in range(len(tally)):
        tally[k] = 0
    for i in range(len(order)):
        tally[chosen[i]] += 1
    start = 0
    for k in range(len(tally)):
        start, tally[k] = start + tally[k], start
    for rank in range(len(order)):
        k = chosen[order[rank]]
        place[tally[k]] = order[rank]
        tally[k] += 1
    for rank in range(len(order)):
        order[rank] = place[rank]


def offspring(weights, order, start, children):
    """Number of children of each particle: systematic resampling in the given order, from one uniform number (Kitagawa 1996)."""
    count = len(order)
    cumulative, assigned = 0.0, 0
    for rank in range(count):
        cumulative += weights[order[rank]] * count
        upper = count if rank == count - 1 else min(max(math.ceil(cumulative - start), assigned), count)
        children[order[rank]] = upper - assigned
        assigned = upper
