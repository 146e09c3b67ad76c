"""The parts of a trial put together from a learner's methods: once in plain Python, once compiled for a width of dual."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from trialwise.engine.packed import HIDDEN, Layout, Packed
from trialwise.engine.walks.replay import Parts
from trialwise.learners.learner import Learner
from trialwise.learners.responses import categorical, normal
from trialwise.learners.responses.number import value
from trialwise.learners.state import Table


class Kit(NamedTuple):
    """How one world, plain or compiled, makes what methods see.

    ``adapt`` turns a function of ours or the user's into one of this world; ``row(layout, what)`` and ``anchor`` make
    readers of rows and settle states; ``label`` reads a choice; ``store_signals`` keeps what ``learn`` returned.
    """

    adapt: Callable[[Callable], Callable]
    row: Callable[[str, Layout], Callable]
    anchor: Callable
    label: Callable
    store_signals: Callable
    every_action: Any


def build_parts(learner: Learner, layout: tuple, kit: Kit, *, tracing: bool) -> Parts:
    """The parts of one learner for one layout of the data. ``tracing`` keeps trial-wise scores and signals."""
    trial_layout, outcome_layout, masked, *_ = layout
    method = {name: kit.adapt(function) for name, function in learner.methods.items()}
    row = kit.row("trial", trial_layout)
    anchor, label, every_action = kit.anchor, kit.label, kit.every_action

    if "start" in method:
        user_start = method["start"]

        def start(agent, task):
            return anchor(user_start(agent, task), task)
    else:

        def start(agent, task):
            return None

    if "reset" in method:
        user_reset = method["reset"]

        def reset(agent, state, trial, task, place):
            user_reset(agent, state, trial)
            return state
    else:
        begin = kit.adapt(start)

        def reset(agent, state, trial, task, place):
            task.rewind(place)
            return begin(agent, task)

    if masked:

        def available(trial):
            return trial.available
    else:

        def available(trial):
            return every_action

    hidden_parts = _hidden(learner, kit)
    if learner.response == "categorical":
        user_choose = method["choose"]
        rule = categorical.choice_rule(
            learner.gives_probabilities, "stickiness" in learner.declared, "lapse" in learner.declared
        )
        stick, rule_score, settle = kit.adapt(rule.stick), kit.adapt(rule.score), kit.adapt(rule.settle)
        pick, rule_chance = kit.adapt(categorical.draw), kit.adapt(rule.chance)

        if learner.hides:

            def act(agent, state, trial, hidden, preference, last):
                user_choose(agent, state, trial, hidden, preference)
                stick(agent, preference, last)
                return preference
        else:

            def act(agent, state, trial, hidden, preference, last):
                user_choose(agent, state, trial, preference)
                stick(agent, preference, last)
                return preference

        def score(agent, answer, available, observed):
            return rule_score(agent, answer, available, observed)

        def chance(agent, answer, available, observed, weights):
            return rule_chance(agent, answer, available, observed, weights)

        def draw(agent, answer, available, random):
            settle(agent, answer, available)
            choice = pick(answer, random)
            return choice, 0.0, 1.0 / answer[choice]

        def predict(agent, answer, available, record, t):
            settle(agent, answer, available)
            for action in range(len(answer)):
                record[t, 1 + action] = answer[action]

        def foresee(agent, answer, available, record, t, share):
            settle(agent, answer, available)
            for action in range(len(answer)):
                record[t, 1 + action] += share * answer[action]

        def seen(observed, t):
            return label(observed[t])

        def whole(response):
            return response
    else:
        user_respond = method["respond"]
        log_density, sample = kit.adapt(normal.log_density), kit.adapt(normal.draw)

        def act(agent, state, trial, hidden, preference, last):
            return user_respond(agent, state, trial)

        def chance(agent, answer, available, observed, weights):
            return 1.0, 0.0

        def foresee(agent, answer, available, record, t, share):
            pass

        def score(agent, answer, available, observed):
            return log_density(answer[0], answer[1], observed)

        def predict(agent, answer, available, record, t):
            record[t, 1] = answer[0]
            record[t, 2] = answer[1]

        def draw(agent, answer, available, random):
            response = sample(answer[0], answer[1], random)
            part, scale = log_density(answer[0], answer[1], response)
            return response, part, scale

        def seen(observed, t):
            return observed[t]

        def whole(response):
            return -1

    if "elapse" in method:
        elapse = learner.methods["elapse"]
    else:

        def elapse(agent, state, trial):
            pass

    learn = _learning(learner, outcome_layout, kit, method)

    if tracing:
        store_signals, told = kit.store_signals, kit.adapt(predict)

        def note(agent, answer, available, record, t, part, scale):
            record[t, 0] = part - math.log(scale)
            told(agent, answer, available, record, t)

        def keep(signals, t, result):
            store_signals(signals, t, result)
    else:

        def note(agent, answer, available, record, t, part, scale):
            pass

        def keep(signals, t, result):
            pass

    mine = {
        "start": start, "reset": reset, "available": available, "seen": seen, "act": act, "score": score, "chance": chance,
        "draw": draw, "elapse": elapse, "learn": learn, "note": note, "foresee": foresee, "keep": keep, "whole": whole,
        **hidden_parts,
    }  # fmt: skip
    return Parts(row=row, **{name: kit.adapt(function) for name, function in mine.items()})


def _hidden(learner: Learner, kit: Kit) -> dict[str, Callable]:
    """The parts that a hidden choice is made of."""
    if not learner.hides:
        return {
            "hide": lambda agent, state, trial, options: None,
            "said": lambda ints, t: 0,
            "secret": lambda options, hidden: (0.0, 1.0),
            "pick": lambda ints, options, t, random: 0,
        }
    user_hide, label = learner.methods["hide"], kit.label
    score, every_option = kit.adapt(categorical.score_logits), kit.every_action

    def hide(agent, state, trial, options):
        user_hide(agent, state, trial, options)

    def said(ints, t):
        return label(ints[t, HIDDEN])

    def secret(options, hidden):
        return score(options, every_option, hidden)

    def pick(ints, options, t, random):
        most = options[0]
        for j in range(1, len(options)):
            if value(options[j]) > value(most):
                most = options[j]
        total = 0.0
        for j in range(len(options)):
            total += math.exp(value(options[j]) - value(most))
        so_far, hidden = 0.0, len(options) - 1
        for j in range(len(options)):
            so_far += math.exp(value(options[j]) - value(most)) / total
            if random < so_far:
                hidden = j
                break
        ints[t, HIDDEN] = hidden
        return hidden

    return {"hide": hide, "said": said, "secret": secret, "pick": pick}


def _learning(learner: Learner, layout: Layout, kit: Kit, method: dict[str, Callable]) -> Callable:
    """The part that learns: of a single outcome or of a record, with or without a hidden choice."""
    if "learn" not in method:
        return lambda agent, state, trial, hidden, observed, ints, reals, t: None
    user_learn = method["learn"]
    if [name for name, *_ in layout] == [""]:
        place = layout[0][2]

        def outcome(ints, reals, t):
            return reals[t, place]

        outcome = kit.adapt(outcome)
    else:
        outcome = kit.row("outcome", layout)
    if learner.hides:

        def learn(agent, state, trial, hidden, observed, ints, reals, t):
            return user_learn(agent, state, trial, hidden, observed, outcome(ints, reals, t))
    else:

        def learn(agent, state, trial, hidden, observed, ints, reals, t):
            return user_learn(agent, state, trial, observed, outcome(ints, reals, t))

    return learn


# -- the plain world ----------------------------------------------------------------------------------------------------------


class PlainRow:
    """``trial`` or ``outcome`` in plain Python: names that read one row of the packed data."""

    def __init__(self, layout: Layout, ints: np.ndarray, reals: np.ndarray, t: int):
        for name, kind, start, length in layout:
            row = (reals if kind == "r" else ints)[t]
            self.__dict__[name] = row[start : start + length] if length else row[start]


class EveryAction:
    """An availability mask in which everything is open."""

    def __getitem__(self, action: int) -> bool:
        return True


def _plain_store_signals(signals: np.ndarray, t: int, result: Any) -> None:
    if result is not None:
        values = result if isinstance(result, tuple) else (result,)
        signals[t, : len(values)] = values


PLAIN = Kit(
    adapt=lambda function: function,
    row=lambda what, layout: lambda ints, reals, t: PlainRow(layout, ints, reals, t),
    anchor=lambda state, task: state,
    label=lambda number: number,
    store_signals=_plain_store_signals,
    every_action=EveryAction(),
)


def plain_preference(packed: Packed) -> Table:
    """The buffer that ``choose`` fills, in plain Python."""
    return np.zeros(packed.actions).view(Table)


def plain_options(packed: Packed) -> Table:
    """The buffer that ``hide`` fills, in plain Python."""
    return np.zeros(packed.options).view(Table)
