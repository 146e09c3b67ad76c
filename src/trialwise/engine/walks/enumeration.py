r"""The exact likelihood of a few trials: the sum over all sequences of hidden choices.

With T trials and m options there are :math:`m^T` sequences, so this is a reference for :mod:`trialwise.engine.walks.particles`, too
slow for fitting. As there, the same code runs on all types of number; the states along a sequence are stored like particles.
"""

from __future__ import annotations

from collections.abc import Callable

from trialwise.engine.flags import ACTED, FLAGS, HIDES, RESET, RESPONDED, TEACHES, WATCHES
from trialwise.engine.walks.particles import Swarm
from trialwise.engine.walks.replay import Parts
from trialwise.learners.responses.plain_numbers import chain, tangent


def build_enumeration(parts: Parts, swarm: Swarm, weigh: Callable, start_afresh: bool) -> Callable:
    """The sum over all sequences of one participant's hidden choices, by depth-first search.

    Arguments as for :func:`trialwise.engine.walks.particles.build_particles`; with one entry per trial and one more, ``path``,
    ``mass`` (probability of the sequence so far), ``used`` and ``next_option``; with one entry per trial and option, ``chances`` and,
    flattened, ``steps`` (tangents of the log-probability). Returns the likelihood, with its derivatives as tangents, and the number
    of sequences.
    """
    agent_at, start, reset, row, available = parts.agent_at, parts.start, parts.reset, parts.row, parts.available
    seen, elapse, learn, last_action = parts.seen, parts.elapse, parts.learn, parts.last_action
    see, acted, watch, between = parts.see, parts.acted, parts.watch, parts.between
    spread, at, copy, renew = swarm.spread, swarm.at, swarm.copy, swarm.renew

    def enumeration(
        participant, task, preference, options, shares, prior, joint, slopes, path, mass, used, next_option, chances, steps,
        observed, ints, reals, first, end,
    ):  # fmt: skip
        trials, width = end - first, len(options)
        states = spread(start(agent_at(participant, ints, reals, first), task), task, trials + 1)
        mass[0], used[0], path[0], next_option[0] = 1.0, 0, 0.0, -1
        total, derivative, sequences, n = 0.0, 0.0 * path[0], 0, 0
        while n >= 0:
            if n == trials:
                total += mass[n]
                derivative = derivative + mass[n] * path[n]
                sequences += 1
                n -= 1
                continue
            t = first + n
            agent = agent_at(participant, ints, reals, t)
            flags = ints[t, FLAGS]
            trial = row(ints, reals, t)
            if next_option[n] < 0:  # reached for the first time in this sequence
                if flags & RESET and n > 0:
                    renew(states, n, reset(agent, at(states, task, n), trial, task, n))
                    if start_afresh:
                        used[n] = 0
                if see is not None:
                    see(agent, at(states, task, n), trial)
                for k in range(width):
                    chances[n, k] = 1.0 if k == 0 else 0.0
                    steps[n * width + k] = 0.0
                if flags & HIDES:
                    last, before, earlier = -1, -1, n
                    while earlier > 0 and before < 0 and not ints[first + earlier, FLAGS] & RESET:
                        earlier -= 1
                        if ints[first + earlier, FLAGS] & HIDES:
                            before = next_option[earlier] - 1
                    earlier = n
                    while earlier > 0 and last < 0 and not ints[first + earlier, FLAGS] & RESET:
                        earlier -= 1
                        if ints[first + earlier, FLAGS] & RESPONDED:
                            last = last_action(seen(observed, first + earlier), ints[first + earlier, FLAGS], last)
                    weigh(
                        agent, at(states, task, n), trial, preference, shares, options, prior, joint, slopes, used[n], last,
                        available(trial), seen(observed, t), flags, before,
                    )  # fmt: skip
                    for k in range(width):
                        chances[n, k] = joint[k]
                        steps[n * width + k] = slopes[k]
                next_option[n] = 0
            k = next_option[n]
            if k == width:
                n -= 1
                continue
            next_option[n] += 1
            if chances[n, k] == 0.0:
                continue
            copy(states, task, n, n + 1)
            state = at(states, task, n + 1)
            if acted is not None and flags & ACTED:
                acted(agent, state, trial, seen(observed, t))
            if elapse is not None:
                elapse(agent, state, trial)
            if learn is not None and flags & TEACHES:
                learn(agent, state, trial, k, seen(observed, t), ints, reals, t)
            if watch is not None and flags & WATCHES:
                watch(agent, state, trial, k, ints, reals, t)
            if between is not None:
                between(agent, state, trial)
            mass[n + 1] = mass[n] * chances[n, k]
            path[n + 1] = path[n] + steps[n * width + k]
            used[n + 1] = max(used[n], k + 1) if flags & HIDES else used[n]
            n += 1
            if n < trials:
                next_option[n] = -1
        return chain(derivative, total, 1.0) if total > 0.0 else chain(0.0 * tangent(derivative), total, 1.0), sequences

    return enumeration
