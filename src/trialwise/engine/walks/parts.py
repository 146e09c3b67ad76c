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

    if any(slot.kind != "one" for slot in slots):
        make_agent = kit.agent_at(learner, slots)

        def agent_at(participant, ints, reals, t):
            return make_agent(participant, ints, reals, t)
    else:

        def agent_at(participant, ints, reals, t):
            return participant

    response_parts, predict = build_responses(learner, actions)

    received = response_parts.pop("received")
    parts: dict[str, Callable | None] = {
        "agent_at": agent_at, "available": available, **{name: learner.methods.get(name) for name in ("see", "elapse", "between")},
        **_state_parts(kit, method), **_hidden(learner, kit, end_of(learner, actions).random, tracing),
        **_learning(learner, outcome_layout, kit, method, received), **_traces(kit, predict, tracing), **response_parts,
    }  # fmt: skip
    return Parts(row=row, **{name: part and kit.adapt(part) for name, part in parts.items()})  # type: ignore[arg-type]


def _traces(kit: Kit, predict: Callable, tracing: bool) -> dict[str, Callable | None]:
    """The parts that store trial-wise scores, predictions and signals."""
    if not tracing:
        return {"note": None, "keep": None}
    store_signals = kit.store_signals

    def note(agent, answer, available, record, t, part, scale):
        record[t, 0] = part - math.log(scale)
        predict(agent, answer, available, record, t)

    def keep(signals, t, result):
        store_signals(signals, t, result)

    return {"note": note, "keep": keep}


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


def _hidden(learner: Learner, kit: Kit, random_column: int, tracing: bool) -> dict[str, Callable | None]:
    """The parts for a hidden choice; ``random_column`` is the column of its random numbers."""
    if not learner.hides:
        return dict.fromkeys(("hide", "given_hidden", "score_hidden", "unscored", "pick"))
    user_hide, score, every_option = learner.methods["hide"], kit.adapt(score_logits), kit.every_action

    def hide(agent, state, trial, options, before=-1):
        clear(options)
        user_hide(agent, state, trial, options)

    def hide_after(
        agent, state, trial, options, before
    ):  # without a default: a walk that does not know the last hidden choice fails
        clear(options)
        user_hide(agent, state, trial, before, options)

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
        "hide": hide_after if learner.markov else hide,
        "given_hidden": given_hidden,
        "score_hidden": score_hidden,
        "unscored": unscored,
        "pick": pick,
    }


def _learning(
    learner: Learner, layout: Layout, kit: Kit, method: dict[str, Callable], received: Callable
) -> dict[str, Callable | None]:
    """The parts that change the state by a response, an outcome, or both; outcomes are scalar or have names."""
    user_act, user_learn, user_watch = method.get("act"), method.get("learn"), method.get("watch")
    with_hidden = learner.hides and not learner.markov

    if [name for name, *_ in layout] == [""]:
        place = layout[0][2]

        def outcome(ints, reals, t):
            return reals[t, place]

        outcome = kit.adapt(outcome)
    else:
        outcome = kit.row("outcome", layout)

    def acted(agent, state, trial, responses):
        user_act(agent, state, trial, received(responses))

    def learn(agent, state, trial, hidden, responses, ints, reals, t):
        if with_hidden:
            return user_learn(agent, state, trial, hidden, received(responses), outcome(ints, reals, t))
        return user_learn(agent, state, trial, received(responses), outcome(ints, reals, t))

    def watch(agent, state, trial, hidden, ints, reals, t):
        if with_hidden:
            return user_watch(agent, state, trial, hidden, outcome(ints, reals, t))
        return user_watch(agent, state, trial, outcome(ints, reals, t))

    return {"acted": user_act and acted, "learn": user_learn and learn, "watch": user_watch and watch}


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
    firsts = np.cumsum([0, *(slot.size for slot in slots)])

    def agent_at(participant, ints, reals, t):
        values = []
        for name, (_, kind, column), first in zip(learner.free_fields, slots, firsts[:-1], strict=True):
            if kind == "number":
                value = learner.declared[name].shifted(participant[first], participant[first + 1] * reals[t, column])
            else:
                value = participant[ints[t, column] if kind == "level" else first]
            values.append(value)
        return agent_of(learner, np.array(values))

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
    """A participant in plain Python, from the values of all slots ``(slots,)``: the values themselves if a parameter varies, else
    the agent."""
    return values if learner.varied else agent_of(learner, values)


def plain_preference(packed: Packed) -> Table:
    """The buffer that ``choose`` fills, in plain Python."""
    return np.zeros(packed.actions).view(Table)


def plain_options(packed: Packed) -> Table:
    """The buffer that ``hide`` fills, in plain Python."""
    return np.zeros(packed.options).view(Table)
