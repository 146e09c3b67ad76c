"""Build the parts of a trial from a learner's methods, in plain Python or compiled for one type of number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from trialwise.engine.flags import HIDDEN
from trialwise.engine.packed import Layout, Packed, Slots, end_of
from trialwise.engine.walks.replay import Parts
from trialwise.engine.walks.responses import build_responses
from trialwise.learners.learner import Learner
from trialwise.learners.responses.categorical import score_logits
from trialwise.learners.responses.plain_numbers import clear, index, value
from trialwise.learners.state import Table


class Kit(NamedTuple):
    """How plain or compiled code builds the arguments of methods.

    ``adapt`` returns the plain or compiled version of a function; ``row(what, layout)``, a reader of rows; ``agent_at(learner, slots)``,
    the part of that name if parameters have several slots. ``anchor`` places states in memory; ``store_signals`` stores the
    values that ``learn`` returned.
    """

    adapt: Callable[[Callable], Callable]
    row: Callable[[str, Layout], Callable]
    anchor: Callable
    store_signals: Callable
    every_action: Any
    agent_at: Callable[[Learner, Slots], Callable]


def build_parts(learner: Learner, layout: tuple, kit: Kit, *, tracing: bool) -> Parts:
    """The parts of one learner for one layout of the data. ``tracing`` stores trial-wise scores and signals."""
    trial_layout, outcome_layout, masked, _, actions, slots, _ = layout
    method = {name: kit.adapt(function) for name, function in learner.methods.items()}
    row = kit.row("trial", trial_layout)
    every_action = kit.every_action

    if masked:

        def available(trial):
            return trial.available
    else:

        def available(trial):
            return every_action

    if any(count > 1 for count, _ in slots):
        make_agent = kit.agent_at(learner, slots)

        def agent_at(participant, ints, t):
            return make_agent(participant, ints, t)
    else:

        def agent_at(participant, ints, t):
            return participant

    response_parts, predict = build_responses(learner, actions)

    def by_itself(name):
        def nothing(agent, state, trial):
            pass

        return learner.methods.get(name, nothing)

    received = response_parts.pop("received")
    learn, watch = _learning(learner, outcome_layout, kit, method, received)

    if "act" in method:
        user_act = method["act"]

        def acted(agent, state, trial, responses):
            user_act(agent, state, trial, received(responses))
    else:

        def acted(agent, state, trial, responses):
            pass

    if tracing:
        store_signals = kit.store_signals

        def note(agent, answer, available, record, t, part, scale):
            record[t, 0] = part - math.log(scale)
            predict(agent, answer, available, record, t)

        def keep(signals, t, result):
            store_signals(signals, t, result)
    else:

        def note(agent, answer, available, record, t, part, scale):
            pass

        def keep(signals, t, result):
            pass

    functions = {
        "agent_at": agent_at, "available": available, "acted": acted, "learn": learn, "watch": watch, "note": note, "keep": keep,
        **{name: by_itself(name) for name in ("see", "elapse", "between")},
        **_state_parts(kit, method), **_hidden(learner, kit, end_of(learner, actions).random, tracing), **response_parts,
    }  # fmt: skip
    return Parts(row=row, **{name: kit.adapt(function) for name, function in functions.items()})


def _state_parts(kit: Kit, method: dict[str, Callable]) -> dict[str, Callable]:
    """The parts that create the initial state, and the state after a reset."""
    anchor = kit.anchor

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

    return {"start": start, "reset": reset}


def _hidden(learner: Learner, kit: Kit, random_column: int, tracing: bool) -> dict[str, Callable]:
    """The parts for a hidden choice; ``random_column`` is the column of its random numbers."""
    if not learner.hides:
        return {
            "hide": lambda agent, state, trial, options: None,
            "given_hidden": lambda ints, t: 0,
            "score_hidden": lambda options, hidden: (0.0, 1.0),
            "unscored": lambda options, hidden, record, t: 0.0,
            "pick": lambda ints, options, t, random: 0,
        }
    user_hide, score, every_option = learner.methods["hide"], kit.adapt(score_logits), kit.every_action

    def hide(agent, state, trial, options):
        clear(options)
        user_hide(agent, state, trial, options)

    def given_hidden(ints, t):
        return index(ints[t, HIDDEN])

    def score_hidden(options, hidden):
        return score(options, every_option, hidden)

    if tracing:

        def unscored(options, hidden, record, t):
            part, scale = score(options, every_option, hidden)
            record[t, 0] = part - math.log(scale)
            return part - math.log(scale)
    else:

        def unscored(options, hidden, record, t):
            part, scale = score(options, every_option, hidden)
            return part - math.log(scale)

    def pick(ints, options, t, random):
        largest = options[0]
        for j in range(1, len(options)):
            if value(options[j]) > value(largest):
                largest = options[j]
        total = 0.0
        for j in range(len(options)):
            total += math.exp(value(options[j]) - value(largest))
        cumulative, hidden = 0.0, len(options) - 1
        for j in range(len(options)):
            cumulative += math.exp(value(options[j]) - value(largest)) / total
            if random[t, random_column] < cumulative:
                hidden = j
                break
        ints[t, HIDDEN] = hidden
        return hidden

    return {
        "hide": hide,
        "given_hidden": given_hidden,
        "score_hidden": score_hidden,
        "unscored": unscored,
        "pick": pick,
    }


def _learning(
    learner: Learner, layout: Layout, kit: Kit, method: dict[str, Callable], received: Callable
) -> tuple[Callable, Callable]:
    """The parts ``learn`` and ``watch``: from a scalar outcome or from named ones, with or without a hidden choice."""

    def learn(agent, state, trial, hidden, responses, ints, reals, t):
        return None

    def watch(agent, state, trial, hidden, ints, reals, t):
        return None

    if [name for name, *_ in layout] == [""]:
        place = layout[0][2]

        def outcome(ints, reals, t):
            return reals[t, place]

        outcome = kit.adapt(outcome)
    else:
        outcome = kit.row("outcome", layout)
    if "learn" in method:
        user_learn = method["learn"]
        if learner.hides:

            def learn(agent, state, trial, hidden, responses, ints, reals, t):
                return user_learn(agent, state, trial, hidden, received(responses), outcome(ints, reals, t))
        else:

            def learn(agent, state, trial, hidden, responses, ints, reals, t):
                return user_learn(agent, state, trial, received(responses), outcome(ints, reals, t))

    if "watch" in method:
        user_watch = method["watch"]
        if learner.hides:

            def watch(agent, state, trial, hidden, ints, reals, t):
                return user_watch(agent, state, trial, hidden, outcome(ints, reals, t))
        else:

            def watch(agent, state, trial, hidden, ints, reals, t):
                return user_watch(agent, state, trial, outcome(ints, reals, t))

    return learn, watch


# -- plain Python -------------------------------------------------------------------------------------------------------------


class PlainRow:
    """``trial`` or ``outcome`` in plain Python: one row of the packed data, with columns as attributes."""

    def __init__(self, layout: Layout, ints: np.ndarray, reals: np.ndarray, t: int):
        for name, kind, start, length in layout:
            row = (reals if kind == "r" else ints)[t]
            scalar = row[start] if kind == "r" else int(row[start])  # NumPy's whole numbers divided by zero give 0
            self.__dict__[name] = row[start : start + length] if length else scalar


class EveryAction:
    """An availability mask in which every action is available."""

    def __getitem__(self, action: int) -> bool:
        return True


def _plain_store_signals(signals: np.ndarray, t: int, result: Any) -> None:
    if result is not None:
        values = result if isinstance(result, tuple) else (result,)
        signals[t, : len(values)] = values


def agent_of(learner: Learner, values: np.ndarray) -> Any:
    """An agent in plain Python, from the values of the free parameters ``(parameters,)``."""
    return learner.agent(dict(zip(learner.free_fields, values, strict=True)))


def _plain_agent_at(learner: Learner, slots: Slots) -> Callable:
    """The part that creates the agent of one trial."""
    ends = np.cumsum([count for count, _ in slots])

    def agent_at(participant, ints, t):
        columns = [end - 1 if column < 0 else ints[t, column] for (_, column), end in zip(slots, ends, strict=True)]
        return agent_of(learner, participant[columns])

    return agent_at


PLAIN = Kit(
    adapt=lambda function: function,
    row=lambda what, layout: lambda ints, reals, t: PlainRow(layout, ints, reals, t),
    anchor=lambda state, task: state,
    store_signals=_plain_store_signals,
    every_action=EveryAction(),
    agent_at=_plain_agent_at,
)


def participant_of(learner: Learner, packed: Packed, values: np.ndarray) -> Any:
    """A participant in plain Python, from the values of all slots ``(slots,)``: the agent, if each parameter has one slot, else
    the values themselves."""
    return agent_of(learner, values) if packed.all_slots == len(packed.slots) else values


def plain_preference(packed: Packed) -> Table:
    """The buffer that ``choose`` fills, in plain Python."""
    return np.zeros(packed.actions).view(Table)


def plain_options(packed: Packed) -> Table:
    """The buffer that ``hide`` fills, in plain Python."""
    return np.zeros(packed.options).view(Table)
