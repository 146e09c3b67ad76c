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
window of trials, resampled to fewer, compared by a longer window, and so on to the last trial.

If options are exchangeable, a future refers to the labels of its own past. It is joined to another past with its labels permuted in every way:
each particle stands for all permutations of its labels, which are equally probable.

After a reset to the initial state the rest is independent of what was before, given the parameters: each such section has a
filter of its own.

**Candidates.** A course often determines some parameter far better than the responses alone do, so that parameters drawn given courses, and
courses given parameters, creep. Particles can therefore have parameters of their own, candidates for those of the participant (Fearnhead &
Meligkotsidou 2016, Stat. Comput. 26:1293). The first has the present ones; the weights at the start are the probabilities of the candidates; and the
particle that is drawn at the end has, with its course, the new parameters. Ancestor sampling then compares pasts with their parameters. All
sections of such a participant share one filter.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from trialwise.engine.flags import ACTED, FLAGS, HIDDEN, HIDES, RESET, RESPONDED, TEACHES, WATCHES
from trialwise.engine.walks.particles import Swarm
from trialwise.engine.walks.replay import Parts
from trialwise.learners.responses.plain_numbers import uniform


def build_courses(
    parts: Parts, swarm: Swarm, weigh: Callable, replay: Callable, start_afresh: bool, participant_of: Callable
) -> Callable:
    """The conditional filter of one participant.

    The returned function reads the present course from ``ints`` and writes the new one there. It has, besides the arguments of
    :func:`trialwise.engine.walks.replay.build_replay`: ``free`` and ``constants``, from which ``participant_of`` makes the participant of
    particle i with the parameters in row ``place + i``; the ``count`` of particles; ``chances``, their weights at the start; ``joint``,
    whether they have parameters of their own; work arrays over actions (``shares``), over options
    (``prior``, ``terms``, ``slopes``), over particles (``weights``, ``origin``, ``origins``: whose parameters each has), over trials (``kept``, the present course), over trials and
    particles (``hidden``, ``parent``), and over particles and permutations (``scores``); ``permutations (permutations, options)``, the first of which
    changes nothing; ``key``, the random stream; ``threshold``, the effective fraction of particles below which they are resampled; ``window``,
    the number of trials by which pasts are compared first, 0 for no ancestor sampling; ``conditional``, false to draw a course without a present
    one; and ``renewed (trials,)``, to which 1 is added on each trial whose choice is another particle's than the kept one's.
    Returns whether all went well (not, if no particle can explain a response: the course is then none), the number of resamplings, and which
    particle's parameters are the new ones.
    """
    agent_at, start, reset, row, available = parts.agent_at, parts.start, parts.reset, parts.row, parts.available
    elapse, learn, seen, last_action = parts.elapse, parts.learn, parts.seen, parts.last_action
    see, acted, watch, between = parts.see, parts.acted, parts.watch, parts.between
    ancestor = build_ancestor(swarm, replay, participant_of)
    spread, at, copy, renew, pick = swarm.spread, swarm.at, swarm.copy, swarm.renew, swarm.pick

    def courses(
        free, constants, place, chances, joint, task, count, preference, options, shares, prior, terms, slopes, weights, origin, origins, kept, hidden, parent,
        copies, before, scores, permutations, observed, ints, reals, first, end, key, threshold, window, conditional, renewed,
    ):  # fmt: skip
        present = participant_of(free, place, constants, 0)
        states = spread(start(agent_at(present, ints, reals, first), task), task, 2 * count + 1)
        if joint:
            for i in range(1, count):
                agent = agent_at(participant_of(free, place + i, constants, 0), ints, reals, first)
                task.rewind(i)
                renew(states, i, start(agent, task))
        drawn, resamplings, fine, begin, chosen_origin = 0, 0, True, first, 0
        for t in range(first, end):
            kept[t - first] = ints[t, HIDDEN]
        while fine and begin < end:
            stop = begin + 1
            while stop < end and (joint or not (start_afresh and ints[stop, FLAGS] & RESET)):
                stop += 1
            if begin > first:
                agent, trial = agent_at(present, ints, reals, begin), row(ints, reals, begin)
                states = spread(reset(agent, at(states, task, 0), trial, task, 0), task, 2 * count + 1)
            for i in range(count):
                weights[i], origin[i] = chances[i], i if joint else 0
            base, last = 0, -1
            for t in range(begin, stop):
                flags = ints[t, FLAGS]
                trial = row(ints, reals, t)
                if flags & RESET and t > begin:
                    for i in range(count):
                        agent = agent_at(participant_of(free, place + origin[i], constants, 0), ints, reals, t)
                        renew(states, base + i, reset(agent, at(states, task, base + i), trial, task, base + i))
                    last = -1
                open_actions = available(trial)
                weight_sum, square_sum = 0.0, 0.0
                for i in range(count):
                    agent = agent_at(participant_of(free, place + origin[i], constants, 0), ints, reals, t)
                    state = at(states, task, base + i)
                    chosen = 0
                    if see is not None:
                        see(agent, state, trial)
                    if flags & HIDES:
                        p = weigh(
                            agent, state, trial, preference, shares, options, prior, terms, slopes, 0, last, open_actions,
                            seen(observed, t), flags,
                        )  # fmt: skip
                        if conditional and i == 0:
                            chosen = kept[t - first]
                        else:
                            chosen = pick(terms, uniform(key, drawn) * p)
                            drawn += 1
                        weights[i] *= p
                        weight_sum += weights[i]
                        square_sum += weights[i] * weights[i]
                    hidden[t - first, i] = chosen
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
                if flags & RESPONDED:
                    last = last_action(seen(observed, t), flags, last)
                parent[t - first, 0] = -1  # each particle is its own
                if not flags & HIDES:
                    continue
                if not weight_sum > 0.0:
                    fine = False
                    break
                for i in range(count):
                    weights[i] /= weight_sum
                if weight_sum * weight_sum >= threshold * count * square_sum or t + 1 == stop:
                    continue
                resamplings += 1
                other = count - base
                for i in range(count):
                    source = 0
                    if i > 0 or not conditional:
                        source = chosen_by(weights, count, uniform(key, drawn))
                        drawn += 1
                    elif window > 0:
                        source, drawn = ancestor(
                            free, constants, place, origin, states, task, count, base, preference, options, weights, kept, copies, before, scores, permutations,
                            observed, ints, reals, first, t + 1, stop, last, key, drawn, window,
                        )  # fmt: skip
                    parent[t - first, i], origins[i] = source, origin[source]
                    copy(states, task, base + source, other + i)
                base = other
                for i in range(count):
                    weights[i], origin[i] = 1.0 / count, origins[i]
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


def build_ancestor(swarm: Swarm, replay: Callable, participant_of: Callable) -> Callable:
    """Draw the past of the kept course anew, see the module.

    The returned function gives the chosen particle, after it has applied the chosen permutation to the remaining choices in ``kept``, from
    ``begin`` to ``stop``; and the counter of random numbers. ``copies``, ``before`` and ``scores`` are work arrays over pasts: particles
    and permutations.
    """
    at, copy = swarm.at, swarm.copy

    def ancestor(
        free, constants, place, origin, states, task, count, base, preference, options, weights, kept, copies, before, scores, permutations, observed, ints,
        reals, first, begin, stop, last, key, drawn, window,
    ):  # fmt: skip
        width, scratch = len(permutations), 2 * count
        pasts, slots, far, chosen = count * width, count, begin, 0
        for past in range(pasts):
            copies[past], before[past] = 1, 0.0
            if weights[past // width] > 0.0:
                before[past] = -math.log(weights[past // width])
        while far < stop:
            far = min(far + window, stop)
            top = -math.inf
            for past in range(pasts):
                scores[past] = -math.inf
                if copies[past] > 0 and weights[past // width] > 0.0:
                    for t in range(begin, far):
                        ints[t, HIDDEN] = permutations[past % width, kept[t - first]]
                    copy(states, task, base + past // width, scratch)
                    participant = participant_of(free, place + origin[past // width], constants, 0)
                    total, scale = replay(
                        participant, task, preference, options, observed, ints, reals, first, far, None, None,
                        at(states, task, scratch), last, scratch, begin,
                    )  # fmt: skip
                    value = total - math.log(scale)
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
                for _ in range(slots - 1):
                    copies[chosen_by(scores, pasts, uniform(key, drawn) * total)] += 1
                    drawn += 1
                slots, window = max(slots // 2, FEWEST), 4 * window
            else:
                chosen = chosen_by(scores, pasts, uniform(key, drawn) * total)
                drawn += 1
        for t in range(begin, stop):
            kept[t - first] = permutations[chosen % width, kept[t - first]]
        return chosen // width, drawn

    return ancestor


FEWEST = 4
"""Smallest number of pasts that are followed beyond a window."""


def chosen_by(weights, count, random):
    """The entry of ``weights (count,)`` in which a number between 0 and their sum falls, if they are laid end to end."""
    chosen, left, searching = 0, random, True
    for i in range(count):
        if searching and weights[i] > 0.0:
            chosen = i
            searching = left >= weights[i]
            left -= weights[i]
    return chosen
