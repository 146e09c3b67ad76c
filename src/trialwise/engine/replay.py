"""Replay: recorded choices through a learner, trial by trial.

One text for all numbers. :func:`build_replay` puts the parts of a learner together into a walk through one participant;
interpreted it runs on floats and a debugger can step through it, compiled it runs on doubles or on duals.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from trialwise.engine.number import is_extreme
from trialwise.engine.packed import FLAGS, LEARNS, RESET, RESPONDED


class Parts(NamedTuple):
    """What a trial is made of, for one learner and one layout of the data; plain or compiled.

    ============  ========================================================  ==========================================
    part          arguments                                                 gives
    ============  ========================================================  ==========================================
    start         agent, task                                               the first state
    reset         agent, state, trial, task                                 the state after a reset
    row           ints, reals, t                                            the trial, as the learner sees it
    available     trial                                                     which actions are open
    seen          observed, t                                               the response that was observed
    act           agent, state, trial, preference, last                     the answer: preferences, or mean and sd
    score         agent, answer, available, observed                        log-density of what was observed
    draw          agent, answer, available, random                          a simulated response, and its score
    elapse        agent, state, trial
    learn         agent, state, trial, observed, ints, reals, t             the trial's signals
    note          agent, answer, available, record, t, part, scale          keeps a trial's score and prediction
    keep          signals, t, result                                        keeps a trial's signals
    whole         response                                                  the last choice, for stickiness
    ============  ========================================================  ==========================================

    A score is ``(part, scale)`` with log-density ``part - log(scale)``.
    """

    start: Callable
    reset: Callable
    row: Callable
    available: Callable
    seen: Callable
    act: Callable
    score: Callable
    draw: Callable
    elapse: Callable
    learn: Callable
    note: Callable
    keep: Callable
    whole: Callable


def build_replay(parts: Parts) -> Callable:
    """The walk through one participant's recorded trials; its log-likelihood is ``total - log(scale)``."""
    start, reset, row, available, seen, act, score, _, elapse, learn, note, keep, whole = parts

    def replay(agent, task, preference, observed, ints, reals, first, end, record, signals):
        state = start(agent, task)
        total, scale, last = 0.0, 1.0, -1
        for t in range(first, end):
            flags = ints[t, FLAGS]
            trial = row(ints, reals, t)
            if flags & RESET and t > first:
                state = reset(agent, state, trial, task)
                last = -1
            answer = act(agent, state, trial, preference, last)
            if flags & RESPONDED:
                open_actions = available(trial)
                part, factor = score(agent, answer, open_actions, seen(observed, t))
                note(agent, answer, open_actions, record, t, part, factor)
                total = total + part
                scale *= factor
                if is_extreme(scale):
                    total = total - math.log(scale)
                    scale = 1.0
                last = whole(seen(observed, t))
            elapse(agent, state, trial)
            if flags & LEARNS:
                keep(signals, t, learn(agent, state, trial, seen(observed, t), ints, reals, t))
        return total, scale

    return replay


def build_rollout(parts: Parts) -> Callable:
    """The walk of a participant who acts for itself.

    ``potential[t, action]`` are the outcomes that each action would have brought (columns: the outcome's parts), written
    into ``reals[t, first_outcome:]`` for the action taken; ``random[t]`` is the trial's random number.
    """
    start, reset, row, available, seen, act, _, draw, elapse, learn, _, keep, whole = parts

    def rollout(
        agent, task, preference, observed, ints, reals, first, end, record, signals, potential, first_outcome, random
    ):
        state = start(agent, task)
        last = -1
        for t in range(first, end):
            flags = ints[t, FLAGS]
            trial = row(ints, reals, t)
            if flags & RESET and t > first:
                state = reset(agent, state, trial, task)
                last = -1
            answer = act(agent, state, trial, preference, last)
            if flags & RESPONDED:
                response, part, factor = draw(agent, answer, available(trial), random[t])
                observed[t] = response
                record[t, 0] = part - math.log(factor)
                last = whole(response)
                for k in range(potential.shape[2]):
                    reals[t, first_outcome + k] = potential[t, max(last, 0), k]
            elapse(agent, state, trial)
            if flags & LEARNS:
                keep(signals, t, learn(agent, state, trial, seen(observed, t), ints, reals, t))
        return 0.0, 1.0

    return rollout
