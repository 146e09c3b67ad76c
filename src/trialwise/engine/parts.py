"""The parts of a trial put together from a learner's methods: once in plain Python, once compiled for a width of dual."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from trialwise.engine.families import categorical, normal
from trialwise.engine.packed import Layout, Packed
from trialwise.engine.replay import Parts
from trialwise.learner import Learner
from trialwise.state import Table


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

        def reset(agent, state, trial, task):
            user_reset(agent, state, trial)
            return state
    else:
        begin = kit.adapt(start)

        def reset(agent, state, trial, task):
            task.rewind()
            return begin(agent, task)

    if masked:

        def available(trial):
            return trial.available
    else:

        def available(trial):
            return every_action

    if learner.response == "categorical":
        user_choose = method["choose"]
        rule = categorical.choice_rule(
            learner.gives_probabilities, "stickiness" in learner.declared, "lapse" in learner.declared
        )
        stick, rule_score, settle = kit.adapt(rule.stick), kit.adapt(rule.score), kit.adapt(rule.settle)
        pick = kit.adapt(categorical.draw)

        def act(agent, state, trial, preference, last):
            user_choose(agent, state, trial, preference)
            stick(agent, preference, last)
            return preference

        def score(agent, answer, available, observed):
            return rule_score(agent, answer, available, observed)

        def draw(agent, answer, available, random):
            settle(agent, answer, available)
            choice = pick(answer, random)
            return choice, 0.0, 1.0 / answer[choice]

        def predict(agent, answer, available, record, t):
            settle(agent, answer, available)
            for action in range(len(answer)):
                record[t, 1 + action] = answer[action]

        def seen(observed, t):
            return label(observed[t])

        def whole(response):
            return response
    else:
        user_respond = method["respond"]
        log_density, sample = kit.adapt(normal.log_density), kit.adapt(normal.draw)

        def act(agent, state, trial, preference, last):
            return user_respond(agent, state, trial)

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

    if "learn" not in method:

        def learn(agent, state, trial, observed, ints, reals, t):
            return None
    elif [name for name, *_ in outcome_layout] == [""]:
        user_learn, place = method["learn"], outcome_layout[0][2]

        def learn(agent, state, trial, observed, ints, reals, t):
            return user_learn(agent, state, trial, observed, reals[t, place])
    else:
        user_learn, outcome = method["learn"], kit.row("outcome", outcome_layout)

        def learn(agent, state, trial, observed, ints, reals, t):
            return user_learn(agent, state, trial, observed, outcome(ints, reals, t))

    if tracing:
        store_signals, foresee = kit.store_signals, kit.adapt(predict)

        def note(agent, answer, available, record, t, part, scale):
            record[t, 0] = part - math.log(scale)
            foresee(agent, answer, available, record, t)

        def keep(signals, t, result):
            store_signals(signals, t, result)
    else:

        def note(agent, answer, available, record, t, part, scale):
            pass

        def keep(signals, t, result):
            pass

    mine = {"row": row}
    for name, function in (
        ("start", start), ("reset", reset), ("available", available), ("seen", seen), ("act", act), ("score", score), ("draw", draw),
        ("elapse", elapse), ("learn", learn), ("note", note), ("keep", keep), ("whole", whole),
    ):  # fmt: skip
        mine[name] = kit.adapt(function)
    return Parts(**mine)


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
