r"""Draw the course of hidden choices of one participant, given the parameters: a conditional particle filter.

A *course* is the sequence of a participant's hidden choices. The filter keeps the present course as its first particle and draws the others
as in a fully adapted filter (Pitt & Shephard 1999, JASA 94:590): on each trial with the probabilities of the hidden options given
the response,

.. math:: h_k\, p(c \mid k) / w, \qquad w = \sum_k h_k\, p(c \mid k), \qquad h = \mathrm{softmax}(\text{hide}),

each with random numbers of its own, and weighted by :math:`w`. Where the effective number of particles falls below a threshold they are
resampled, multinomially, with the first kept. At the end a course is drawn by weight. This leaves the distribution of courses given
parameters and responses invariant, for any number of particles (particle Gibbs: Andrieu, Doucet & Holenstein 2010, J. R. Statist. Soc. B
72:269).

**Ancestor sampling** (Lindsten, Jordan & Schoen 2014, JMLR 15:2145) renews the beginning of a course, where all particles would otherwise
descend from the kept one. Where particles are resampled, the past of the kept course is drawn anew among those of all particles: with
weight times the probability of the kept course's remaining choices and their responses, :math:`w_i\, p(\text{future} \mid
\text{past}_i)`. States depend on the whole past, so that this probability takes a walk through all remaining trials. To save most of
them, pasts are themselves the particles of a conditional filter along the given future, whose first is the present past: they are compared by a
window of trials, resampled to a few, and these are compared by all remaining trials.

If options are exchangeable, a future refers to the labels of its own past. It is joined to another past with its labels permuted in every way:
each particle stands for all permutations of its labels, which are equally probable.

After a reset to the initial state the rest is independent of what was before, given the parameters: each such section has a
filter of its own.

**Candidates.** A course often determines some parameter far better than the responses alone do, so that parameters drawn given courses, and
courses given parameters, creep. Particles can therefore have parameters of their own, candidates for those of the participant (Fearnhead &
Meligkotsidou 2016, Stat. Comput. 26:1293). The first has the present ones; the weights at the start are the probabilities of the candidates; and the
particle that is drawn at the end has, with its course, the new parameters. Ancestor sampling then compares pasts with their parameters. All
sections of such a participant share one filter. A candidate with which a response has no probability, or none that is a number, loses.

Particles are computed in groups, whose members share vector registers (:mod:`trialwise.engine.swarm`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from trialwise.engine.flags import ACTED, FLAGS, HIDDEN, HIDES, RESET, RESPONDED, TEACHES, WATCHES
from trialwise.engine.walks.particles import Swarm, chance_of
from trialwise.engine.walks.replay import Parts
from trialwise.learners.responses.plain_numbers import uniform
from trialwise.learners.responses.softmax import softmax_shares


class Work(NamedTuple):
    """Work arrays of a filter. Particles, pasts and their entries are rounded up to whole groups; a past is a particle with a permutation.

    Attributes
    ----------
    weights, uniforms, chosen
        Weight, random number and hidden choice of each particle.
    origin, origins
        Whose parameters each particle has, and those of the next particles.
    own
        Parameters of particles, ``(groups + 1, slots, particles of a group)``; the last group is that of pasts that are followed.
    kept, hidden, parent
        The present course ``(trials,)``; hidden choices, and parents where particles were resampled, else -1, ``(trials, particles)``.
    copies, before, scores, queue, followed
        Of each past: how often it was drawn, its log-probability up to the last window, its weight; which pasts are followed, and their
        log-probabilities.
    labels, permuted
        The hidden choices of a group of pasts, by trial, and their permutations.
    """

    weights: np.ndarray
    uniforms: np.ndarray
    chosen: np.ndarray
    origin: np.ndarray
    origins: np.ndarray
    own: np.ndarray
    kept: np.ndarray
    hidden: np.ndarray
    parent: np.ndarray
    copies: np.ndarray
    before: np.ndarray
    scores: np.ndarray
    queue: np.ndarray
    followed: np.ndarray
    labels: np.ndarray
    permuted: np.ndarray


def work_arrays(count, size, slots, trials, pasts):
    """The work arrays of ``count`` particles in groups of ``size``, for courses of at most so many ``trials``."""
    groups, places = (count + size - 1) // size, (pasts + size - 1) // size * size
    return Work(
        np.zeros(groups * size), np.zeros(groups * size), np.zeros(groups * size, np.int64), np.zeros(count, np.int64), np.zeros(count, np.int64),
        np.zeros((groups + 1, slots, size)), np.zeros(trials, np.int64), np.zeros((trials, count), np.int8), np.zeros((trials, count), np.int32),
        np.zeros(pasts, np.int64), np.zeros(pasts), np.zeros(pasts), np.zeros(pasts, np.int64), np.zeros(places),
        np.zeros(trials * size, np.int64), np.zeros(size, np.int64),
    )  # fmt: skip


def build_courses(
    parts: Parts,
    swarm: Swarm,
    size: int,
    weigh: Callable,
    follow: Callable,
    start_afresh: bool,
    participant_of: Callable,
) -> Callable:
    """The conditional filter of one participant, with groups of ``size`` particles.

    The returned function reads the present course from ``ints`` and writes the new one there. It has, besides the arguments of
    :func:`trialwise.engine.walks.replay.build_replay`: ``free`` and ``constants``, from which ``participant_of`` makes participants; the parameters of
    particle i are in row ``place + i`` of ``free``; the ``count`` of particles; ``chances``, their weights at the start; ``joint``,
    whether they have parameters of their own; work arrays over actions (``shares``), over options
    (``prior``, ``terms``, ``slopes``), and others (``work``); ``permutations (permutations, options)``, the first of which
    changes nothing; ``key``, the random stream; ``threshold``, the effective fraction of particles below which they are resampled; ``window``,
    the number of trials by which pasts are compared first, 0 for no ancestor sampling; ``conditional``, false to draw a course without a present
    one; and ``renewed (trials,)``, to which 1 is added on each trial whose choice is another particle's than the kept one's.
    Returns whether all went well (not, if no particle can explain a response: the course is then none), the number of resamplings, and which
    particle's parameters are the new ones.
    """
    agent_at, start, reset, row, available = parts.agent_at, parts.start, parts.reset, parts.row, parts.available
    elapse, learn, seen, last_action = parts.elapse, parts.learn, parts.seen, parts.last_action
    see, acted, watch, between = parts.see, parts.acted, parts.watch, parts.between
    ancestor = build_ancestor(swarm, size, follow, participant_of)
    groups, spread, at, copy, renew = swarm.groups, swarm.spread, swarm.at, swarm.copy, swarm.renew
    take, put, sum_of, pick, force, or_zero = swarm.take, swarm.put, swarm.total, swarm.pick, swarm.force, swarm.or_zero

    def courses(
        free, constants, place, chances, joint, task, count, preference, options, shares, prior, terms, slopes, work, permutations, observed, ints, reals,
        first, end, key, threshold, window, conditional, renewed,
    ):  # fmt: skip
        weights, uniforms, chosen_of, own = work.weights, work.uniforms, work.chosen, work.own
        origin, origins, kept, hidden, parent = work.origin, work.origins, work.kept, work.hidden, work.parent
        half = groups(count)
        for i in range((half + 1) * size):
            dress(own, i, free, place + i if joint and i < count else place)
        agent = agent_at(participant_of(own, 0, constants, 0), ints, reals, first)
        states = spread(start(agent, task), task, 2 * half + 1)
        if joint:
            for g in range(1, half):
                agent = agent_at(participant_of(own, g, constants, 0), ints, reals, first)
                task.rewind(g)
                renew(states, g, start(agent, task))
        drawn, resamplings, fine, begin, chosen_origin = 0, 0, True, first, 0
        for t in range(first, end):
            kept[t - first] = ints[t, HIDDEN]
        while fine and begin < end:
            stop = begin + 1
            while stop < end and (joint or not (start_afresh and ints[stop, FLAGS] & RESET)):
                stop += 1
            if begin > first:
                agent = agent_at(participant_of(own, 0, constants, 0), ints, reals, begin)
                begun = reset(agent, at(states, task, 0), row(ints, reals, begin), task, 0)
                states = spread(begun, task, 2 * half + 1)
            for i in range(half * size):
                weights[i] = chances[i] if i < count else 0.0
            for i in range(count):
                origin[i] = i if joint else 0
            base, last = 0, -1
            for t in range(begin, stop):
                flags = ints[t, FLAGS]
                trial = row(ints, reals, t)
                if flags & RESET and t > begin:
                    last = -1
                open_actions = available(trial)
                if flags & HIDES:
                    for i in range(1 if conditional else 0, count):
                        uniforms[i] = uniform(key, drawn)
                        drawn += 1
                lane_sums, lane_squares = 0.0, 0.0
                for g in range(half):
                    agent = agent_at(participant_of(own, g, constants, 0), ints, reals, t)
                    if flags & RESET and t > begin:
                        renew(states, base + g, reset(agent, at(states, task, base + g), trial, task, base + g))
                    state = at(states, task, base + g)
                    chosen = 0
                    if see is not None:
                        see(agent, state, trial)
                    if flags & HIDES:
                        p = weigh(
                            agent, state, trial, preference, shares, options, prior, terms, slopes, 0, last, open_actions,
                            seen(observed, t), flags,
                        )  # fmt: skip
                        if joint:
                            p = or_zero(p)
                        chosen = pick(terms, take(uniforms, g) * p)
                        if conditional and g == 0:
                            chosen = force(chosen, kept[t - first])
                        put(chosen_of, g, chosen)
                        p = take(weights, g) * p
                        put(weights, g, p)
                        lane_sums = lane_sums + p
                        lane_squares = lane_squares + p * p
                    if acted is not None and flags & ACTED:
                        acted(agent, state, trial, seen(observed, t))
                    if elapse is not None:
                        elapse(agent, state, trial)
                    if learn is not None and flags & TEACHES:
                        learn(agent, state, trial, chosen, seen(observed, t), ints, reals, t)
                    if watch is not None and flags & WATCHES:
                        watch(agent, state, trial, chosen, ints, reals, t)
                    if between is not None:
                        between(agent, state, trial)
                weight_sum, square_sum = sum_of(lane_sums), sum_of(lane_squares)
                if flags & RESPONDED:
                    last = last_action(seen(observed, t), flags, last)
                parent[t - first, 0] = -1  # each particle is its own
                for i in range(count):
                    hidden[t - first, i] = chosen_of[i] if flags & HIDES else 0
                if not flags & HIDES:
                    continue
                if not 0.0 < weight_sum < math.inf:
                    fine = False
                    break
                for i in range(count):
                    weights[i] /= weight_sum
                if weight_sum * weight_sum >= threshold * count * square_sum or t + 1 == stop:
                    continue
                resamplings += 1
                other = half - base
                for i in range(count):
                    source = 0
                    if i > 0 or not conditional:
                        source = chosen_by(weights, count, uniform(key, drawn))
                        drawn += 1
                    elif window > 0:
                        source, drawn = ancestor(
                            free, constants, place, joint, states, task, count, base, preference, options, shares, prior, work, permutations, observed,
                            ints, reals, first, t + 1, stop, last, key, drawn, window,
                        )  # fmt: skip
                    parent[t - first, i], origins[i] = source, origin[source]
                    copy(states, task, base * size + source, other * size + i)
                for i in range(count, half * size):  # so that they have states of this trial, too
                    copy(states, task, base * size, other * size + i)
                base = other
                for i in range(count):
                    weights[i], origin[i] = 1.0 / count, origins[i]
                    if joint:
                        dress(own, i, free, place + origin[i])
            if fine:
                i = chosen_by(weights, count, uniform(key, drawn))
                drawn += 1
                chosen_origin = origin[i]
                for back in range(stop - begin):
                    t = stop - 1 - back
                    if parent[t - first, 0] >= 0:
                        i = parent[t - first, i]
                    ints[t, HIDDEN] = hidden[t - first, i]
                    renewed[t] += i > 0
            begin = stop
        return fine, resamplings, chosen_origin

    return courses


def build_ancestor(swarm: Swarm, size: int, follow: Callable, participant_of: Callable) -> Callable:
    """Draw the past of the kept course anew, see the module.

    The returned function gives the chosen particle, after it has applied the chosen permutation to the remaining choices in ``kept``, from
    ``begin`` to ``stop``; and the counter of random numbers.
    """
    groups, copy, put = swarm.groups, swarm.copy, swarm.put

    def ancestor(
        free, constants, place, joint, states, task, count, base, preference, options, shares, prior, work, permutations, observed, ints, reals, first, begin,
        stop, last, key, drawn, window,
    ):  # fmt: skip
        weights, origin, own, kept = work.weights, work.origin, work.own, work.kept
        copies, before, scores, queue, followed, permuted = (
            work.copies, work.before, work.scores, work.queue, work.followed, work.permuted,
        )  # fmt: skip
        width, scratch = len(permutations), 2 * groups(count)
        pasts, far, chosen = count * width, begin, 0
        for past in range(pasts):
            copies[past], before[past] = 1, 0.0
            if weights[past // width] > 0.0:
                before[past] = -math.log(weights[past // width])
        while far < stop:
            far, number, chosen = min(far + window, stop) if far == begin else stop, 0, 0
            for past in range(pasts):
                scores[past] = -math.inf
                if copies[past] > 0 and weights[past // width] > 0.0:
                    queue[number] = past
                    number += 1
            for g in range(groups(number)):
                for lane in range(size):
                    past = queue[min(g * size + lane, number - 1)]
                    permuted[lane] = past % width
                    copy(states, task, base * size + past // width, scratch * size + lane)
                    if joint:
                        dress(own, groups(count) * size + lane, free, place + origin[past // width])
                value = follow(
                    participant_of(own, groups(count), constants, 0), states, task, scratch, preference, options, shares, prior, work, permutations,
                    observed, ints, reals, first, begin, far, last,
                )  # fmt: skip
                put(followed, g, value)
            top = -math.inf
            for n in range(number):
                past, value = queue[n], followed[n]
                if value == value:
                    scores[past] = math.log(copies[past]) + value - before[past]
                    before[past] = value
                    top = max(top, scores[past])
            total = 0.0
            for past in range(pasts):
                scores[past] = math.exp(scores[past] - top)
                total += scores[past]
                copies[past] = 0
            if far < stop:
                copies[0] = 1
                for _ in range(FOLLOWED - 1):
                    copies[chosen_by(scores, pasts, uniform(key, drawn) * total)] += 1
                    drawn += 1
            else:
                chosen = chosen_by(scores, pasts, uniform(key, drawn) * total)
                drawn += 1
        for t in range(begin, stop):
            kept[t - first] = permutations[chosen % width, kept[t - first]]
        return chosen // width, drawn

    return ancestor


FOLLOWED = 8
"""Number of pasts that are followed beyond the window, as many as share vector registers."""

FAINT, STRONG = 1e-100, 1e100
"""A running product of probabilities, or of densities, is replaced by its logarithm when it leaves this range."""


def build_follow(parts: Parts, swarm: Swarm, size: int, every_option, unscored: bool) -> Callable:
    """The log-probability of a future given each of a group of pasts: of the remaining choices of the kept course, with labels permuted, and of
    their responses, from trial ``begin`` to ``far``. The pasts are at ``place`` in the arenas; ``unscored`` as for
    :func:`trialwise.engine.walks.particles.build_weigh`."""
    agent_at, reset, row, available = parts.agent_at, parts.reset, parts.row, parts.available
    elapse, learn, seen, last_action = parts.elapse, parts.learn, parts.seen, parts.last_action
    hide, act, chance = parts.hide, parts.act, chance_of(parts, unscored)
    see, acted, watch, between = parts.see, parts.acted, parts.watch, parts.between
    at, renew, choices = swarm.at, swarm.renew, swarm.choices
    or_zero, within, logarithm = swarm.or_zero, swarm.within, swarm.logarithm

    def follow(
        participant, states, task, place, preference, options, shares, prior, work, permutations, observed, ints, reals, first, begin, far, last,
    ):  # fmt: skip
        labels, permuted, kept = work.labels, work.permuted, work.kept
        total, product = 0.0, 1.0
        for t in range(begin, far):  # all at once: numbers just written one by one are read slowly as a group
            for lane in range(size):
                labels[(t - begin) * size + lane] = permutations[permuted[lane], kept[t - first]]
        for t in range(begin, far):
            flags = ints[t, FLAGS]
            trial = row(ints, reals, t)
            agent = agent_at(participant, ints, reals, t)
            if flags & RESET:
                renew(states, place, reset(agent, at(states, task, place), trial, task, place))
                last = -1
            state = at(states, task, place)
            chosen = 0
            if see is not None:
                see(agent, state, trial)
            if flags & HIDES:
                chosen = choices(labels, t - begin)
                hide(agent, state, trial, options)
                softmax_shares(prior, options, every_option)
                whole = 0.0
                for k in range(len(options)):
                    whole += prior[k]
                answer = act(agent, state, trial, chosen, preference, last)
                p, _ = chance(agent, answer, available(trial), seen(observed, t), flags, shares)
                p = or_zero(prior[chosen] / whole * p)
                if within(product * p, FAINT, STRONG):
                    product = product * p
                else:
                    total = total + logarithm(product) + logarithm(p)
                    product = 1.0
            if flags & RESPONDED:
                last = last_action(seen(observed, t), flags, last)
            if acted is not None and flags & ACTED:
                acted(agent, state, trial, seen(observed, t))
            if elapse is not None:
                elapse(agent, state, trial)
            if learn is not None and flags & TEACHES:
                learn(agent, state, trial, chosen, seen(observed, t), ints, reals, t)
            if watch is not None and flags & WATCHES:
                watch(agent, state, trial, chosen, ints, reals, t)
            if between is not None:
                between(agent, state, trial)
        return total + logarithm(product)

    return follow


def dress(own, i, free, row):
    """Give particle ``i`` the parameters in a row of ``free``."""
    for k in range(free.shape[1]):
        own[i // own.shape[2], k, i % own.shape[2]] = free[row, k]


def chosen_by(weights, count, random):
    """The entry of ``weights (count,)`` in which a number between 0 and their sum falls, if they are laid end to end."""
    chosen, left, searching = 0, random, True
    for i in range(count):
        if searching and weights[i] > 0.0:
            chosen = i
            searching = left >= weights[i]
            left -= weights[i]
    return chosen
