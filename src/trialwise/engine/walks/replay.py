"""Replay of a learner on recorded choices, and rollout of a simulated participant, trial by trial.

:func:`build_replay` combines the parts of a learner into a loop over the trials of one participant. The same code runs in plain
Python on floats, where a debugger can step through it, and compiled on doubles or duals.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from trialwise.engine.flags import ACTED, FLAGS, HIDES, RESET, RESPONDED, SCORED, TEACHES, WATCHES
from trialwise.learners.responses.plain_numbers import is_extreme


class Parts(NamedTuple):
    """The parts of a trial, for one learner and one layout of the data; plain or compiled.

    ============  ========================================================  ==========================================
    part          arguments                                                 result
    ============  ========================================================  ==========================================
    agent_at      participant, ints, reals, t                               ``self`` with the parameters of trial t
    start         agent, task                                               the initial state
    reset         agent, state, trial, task, place                          the state after a reset
    row           ints, reals, t                                            ``trial``, as methods receive it
    see           agent, state, trial                                       changes the state by what is shown
    available     trial                                                     which actions are available
    seen          observed, t                                               the responses of trial t
    write         observed, t, flags, responses                             stores them
    hide          agent, state, trial, options, before                      fills the logits of hidden options
    given_hidden  ints, t                                                   the given hidden choice
    score_hidden  options, hidden                                           log-probability of a hidden choice
    unscored      options, hidden, record, t                                its log-probability where nothing else is scored
    pick          ints, options, t, random                                  a simulated hidden choice, stored in ints
    act           agent, state, trial, hidden, preference, last             the answer: parameters of the responses
    score         agent, answer, available, responses, flags                their log-density
    chance        agent, answer, available, responses, flags, weights       their probability, and tangent of its log
    draw          agent, answer, available, observed, t, flags, random      simulated responses, and their score
    acted         agent, state, trial, responses                            changes the state by the response itself
    elapse        agent, state, trial                                       changes the state with time
    learn         agent, state, trial, hidden, responses, ints, reals, t    the trial's signals
    watch         agent, state, trial, hidden, ints, reals, t               the trial's signals, without a response
    between       agent, state, trial                                       changes the state after learning
    note          agent, answer, available, record, t, part, scale          stores a trial's score and prediction
    foresee       agent, answer, available, record, t, share                adds to a prediction; changes the answer
    keep          signals, t, result                                        stores a trial's signals
    last_action   responses, flags, before                                  the last action taken, for stickiness
    ============  ========================================================  ==========================================

    A score is ``(part, scale)`` with log-density ``part - log(scale)``. An answer has the parameters of each of the learner's
    responses (:class:`trialwise.learners.responses.family.ResponseParts`); responses whose bits are set in ``flags`` enter the score.
    A part without which a trial is complete is None where a learner has no such method, or nothing is traced. Numba prunes
    ``if part is not None`` before it infers types, so that such a part costs no time, neither of the walk nor of its compilation.
    Without a hidden choice, there is one hidden option, number 0. ``before`` is the last hidden choice, -1 if there was none since the start
    or a reset; only the hidden choice of a Markov chain depends on it, and is not known to walks that do not pass it.
    """

    agent_at: Callable
    start: Callable
    reset: Callable
    row: Callable
    see: Callable | None
    available: Callable
    seen: Callable
    write: Callable
    hide: Callable | None
    given_hidden: Callable | None
    score_hidden: Callable | None
    unscored: Callable | None
    pick: Callable | None
    act: Callable
    score: Callable
    chance: Callable
    draw: Callable
    acted: Callable | None
    elapse: Callable | None
    learn: Callable | None
    watch: Callable | None
    between: Callable | None
    note: Callable | None
    foresee: Callable
    keep: Callable | None
    last_action: Callable


def build_replay(parts: Parts, from_start: bool = True) -> Callable:
    """The loop over one participant's recorded trials; its log-likelihood is ``total - log(scale)``.

    With a hidden choice it is the joint log-likelihood of the scored responses and of all hidden choices, which are given in ``ints``.
    ``participant`` has the values of all slots of the parameters. Unless ``from_start``, the function has four more arguments: a state, the last
    action before it, its place in the task's arenas, and the first trial to replay from it; the participant's first trial remains ``first``.
    """
    agent_at, start, reset, row, available = parts.agent_at, parts.start, parts.reset, parts.row, parts.available
    seen, hide, given_hidden, score_hidden, act, score = (
        parts.seen,
        parts.hide,
        parts.given_hidden,
        parts.score_hidden,
        parts.act,
        parts.score,
    )
    elapse, learn, note, keep, last_action = parts.elapse, parts.learn, parts.note, parts.keep, parts.last_action
    see, acted, watch, between, unscored = parts.see, parts.acted, parts.watch, parts.between, parts.unscored

    def replay(participant, task, preference, options, observed, ints, reals, first, end, record, signals, *since):
        if from_start:
            state = start(agent_at(participant, ints, reals, first), task)
            last, place, begin = -1, 0, first
        else:
            state, last, place, begin = since
        total, scale, before = 0.0, 1.0, -1
        for t in range(begin, end):
            agent = agent_at(participant, ints, reals, t)
            flags = ints[t, FLAGS]
            trial = row(ints, reals, t)
            if flags & RESET and t > first:
                state = reset(agent, state, trial, task, place)
                last, before = -1, -1
            if see is not None:
                see(agent, state, trial)
            hidden = 0
            if hide is not None:
                hidden = given_hidden(ints, t)
                hide(agent, state, trial, options, before)
                if flags & HIDES:
                    before = hidden
            answer = act(agent, state, trial, hidden, preference, last)
            if flags & SCORED:
                if hide is not None:
                    hidden_part, hidden_scale = score_hidden(options, hidden)
                open_actions = available(trial)
                part, factor = score(agent, answer, open_actions, seen(observed, t), flags)
                if hide is not None:
                    part = part + hidden_part
                    factor = factor * hidden_scale
                if note is not None:
                    note(agent, answer, open_actions, record, t, part, factor)
                total = total + part
                product = scale * factor
                if is_extreme(product):  # the factors of a choice and a hidden choice together may have overflowed
                    total = total - math.log(scale) - math.log(factor)
                    product = 1.0
                scale = product
            elif hide is not None and flags & HIDES:
                total = total + unscored(options, hidden, record, t)
            if flags & RESPONDED:
                last = last_action(seen(observed, t), flags, last)
            if acted is not None and flags & ACTED:
                acted(agent, state, trial, seen(observed, t))
            if elapse is not None:
                elapse(agent, state, trial)
            if learn is not None and flags & TEACHES:
                result = learn(agent, state, trial, hidden, seen(observed, t), ints, reals, t)
                if keep is not None:
                    keep(signals, t, result)
            if watch is not None and flags & WATCHES:
                result = watch(agent, state, trial, hidden, ints, reals, t)
                if keep is not None:
                    keep(signals, t, result)
            if between is not None:
                between(agent, state, trial)
        return total, scale

    return replay


def build_rollout(parts: Parts) -> Callable:
    """The loop over the trials of a simulated participant.

    ``potential[t, action]`` are the outcomes of each possible action (columns: parts of the outcome); those of the chosen action are
    written to ``reals[t, first_outcome:]`` on trials with the learner's first response, its choice if it has one. ``random[t]`` are the trial's random numbers, for the responses and, last, for the hidden
    choice, which is stored in ``ints``. Responses are drawn on scored trials and left unchanged on the others.
    """
    agent_at, start, reset, row, available = parts.agent_at, parts.start, parts.reset, parts.row, parts.available
    seen, hide, score_hidden, pick, act, draw = (
        parts.seen,
        parts.hide,
        parts.score_hidden,
        parts.pick,
        parts.act,
        parts.draw,
    )
    write, elapse, learn, keep, last_action = parts.write, parts.elapse, parts.learn, parts.keep, parts.last_action
    see, acted, watch, between, unscored = parts.see, parts.acted, parts.watch, parts.between, parts.unscored

    def rollout(
        participant, task, preference, options, observed, ints, reals, first, end, record, signals, potential, first_outcome,
        random,
    ):  # fmt: skip
        state = start(agent_at(participant, ints, reals, first), task)
        last, before = -1, -1
        for t in range(first, end):
            agent = agent_at(participant, ints, reals, t)
            flags = ints[t, FLAGS]
            trial = row(ints, reals, t)
            if flags & RESET and t > first:
                state = reset(agent, state, trial, task, 0)
                last, before = -1, -1
            if see is not None:
                see(agent, state, trial)
            hidden = 0
            if hide is not None:
                hide(agent, state, trial, options, before)
                hidden = pick(ints, options, t, random)
                if flags & HIDES:
                    before = hidden
            answer = act(agent, state, trial, hidden, preference, last)
            if hide is not None and flags & HIDES and not flags & SCORED:
                unscored(options, hidden, record, t)
            if flags & RESPONDED:
                if flags & SCORED:
                    responses, part, factor = draw(agent, answer, available(trial), observed, t, flags, random)
                    write(observed, t, flags, responses)
                    if hide is not None:
                        hidden_part, hidden_scale = score_hidden(options, hidden)
                        part = part + hidden_part
                        factor = factor * hidden_scale
                    record[t, 0] = part - math.log(factor)
                last = last_action(seen(observed, t), flags, last)
            if flags & ACTED:
                for k in range(potential.shape[2]):
                    reals[t, first_outcome + k] = potential[t, max(last, 0), k]
                if acted is not None:
                    acted(agent, state, trial, seen(observed, t))
            if elapse is not None:
                elapse(agent, state, trial)
            if learn is not None and flags & TEACHES:
                result = learn(agent, state, trial, hidden, seen(observed, t), ints, reals, t)
                if keep is not None:
                    keep(signals, t, result)
            if watch is not None and flags & WATCHES:
                result = watch(agent, state, trial, hidden, ints, reals, t)
                if keep is not None:
                    keep(signals, t, result)
            if between is not None:
                between(agent, state, trial)
        return 0.0, 1.0

    return rollout
