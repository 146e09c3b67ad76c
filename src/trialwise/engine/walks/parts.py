"""The parts of a trial put together from a learner's methods: once in plain Python, once compiled for a width of dual."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from trialwise.engine.packed import HIDDEN, Layout, Packed, Slots, end_of, responded, responses_of
from trialwise.engine.walks.replay import Parts
from trialwise.learners.learner import Learner
from trialwise.learners.responses.categorical import score_logits
from trialwise.learners.responses.family import ResponseParts
from trialwise.learners.responses.number import index, value
from trialwise.learners.state import Table


class Kit(NamedTuple):
    """How one world, plain or compiled, makes what methods see.

    ``adapt`` turns a function of ours or the user's into one of this world; ``row(layout, what)`` and ``anchor`` make
    readers of rows and settle states; ``store_signals`` keeps what ``learn`` returned; ``agent_at(learner, slots)`` makes the part of
    that name where parameters have several slots.
    """

    adapt: Callable[[Callable], Callable]
    row: Callable[[str, Layout], Callable]
    anchor: Callable
    store_signals: Callable
    every_action: Any
    agent_at: Callable[[Learner, Slots], Callable]


def build_parts(learner: Learner, layout: tuple, kit: Kit, *, tracing: bool) -> Parts:
    """The parts of one learner for one layout of the data. ``tracing`` keeps trial-wise scores and signals."""
    trial_layout, outcome_layout, masked, _, actions, slots, _ = layout
    method = {name: kit.adapt(function) for name, function in learner.methods.items()}
    row = kit.row("trial", trial_layout)
    anchor, every_action = kit.anchor, kit.every_action

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

    if any(count > 1 for count, _ in slots):
        make_agent = kit.agent_at(learner, slots)

        def agent_at(participant, ints, t):
            return make_agent(participant, ints, t)
    else:

        def agent_at(participant, ints, t):
            return participant

    response_parts, predict = _responses(learner, actions)

    if "elapse" in method:
        elapse = learner.methods["elapse"]
    else:

        def elapse(agent, state, trial):
            pass

    learn = _learning(learner, outcome_layout, kit, method)

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

    mine = {
        "agent_at": agent_at, "start": start, "reset": reset, "available": available, "elapse": elapse, "learn": learn,
        "note": note, "keep": keep, **response_parts, **_hidden(learner, kit, end_of(learner, actions).random),
    }  # fmt: skip
    return Parts(row=row, **{name: kit.adapt(function) for name, function in mine.items()})


def _responses(learner: Learner, actions: int) -> tuple[dict[str, Callable], Callable]:
    """The parts that the learner's responses are made of, and what writes their predictions."""
    each = [family.parts(learner, place) for _, family, place in responses_of(learner, actions)]
    first = each[0]
    own = {"act": first.act, "seen": first.seen, "foresee": first.foresee}
    if len(each) == 1 and first.survive is None:
        act_score, act_chance, act_draw, act_last = first.score, first.chance, first.draw, first.last

        def score(agent, answer, available, observed, t, flags):
            return act_score(agent, answer, available, observed, t)

        def chance(agent, answer, available, observed, t, flags, weights):
            return act_chance(agent, answer, available, observed, t, weights)

        def draw(agent, answer, available, observed, t, flags, random):
            return act_draw(agent, answer, available, observed, t, random)

        def last_action(observed, t, flags, before):
            return act_last(observed, t)

        return {**own, "score": score, "chance": chance, "draw": draw, "last_action": last_action}, first.predict
    together = _flagged(each[-1], len(each) - 1)
    for number in range(len(each) - 2, -1, -1):
        together = _both(_flagged(each[number], number), together)
    predict = together.pop("predict")
    return {**together, "seen": first.seen}, predict


def _flagged(parts: ResponseParts, number: int) -> dict[str, Callable]:
    """The parts of response ``number``, which count on trials whose flags have its bit."""
    bit = responded(number)
    own_score, own_chance, own_draw, own_last = parts.score, parts.chance, parts.draw, parts.last
    survive = parts.survive

    if survive is None:

        def score(agent, answer, available, observed, t, flags):
            part, scale = 0.0, 1.0
            if flags & bit:
                part, scale = own_score(agent, answer, available, observed, t)
            return part, scale

        def chance(agent, answer, available, observed, t, flags, weights):
            p, part = 1.0, 0.0
            if flags & bit:
                p, part = own_chance(agent, answer, available, observed, t, weights)
            return p, part
    else:

        def score(agent, answer, available, observed, t, flags):
            if flags & bit:
                return own_score(agent, answer, available, observed, t)
            return survive(agent, answer, available, observed, t)

        def chance(agent, answer, available, observed, t, flags, weights):
            if flags & bit:
                return own_chance(agent, answer, available, observed, t, weights)
            part, scale = survive(agent, answer, available, observed, t)
            return math.exp(value(part)) / scale, part

    def draw(agent, answer, available, observed, t, flags, random):
        part, scale = 0.0, 1.0
        if flags & bit:
            part, scale = own_draw(agent, answer, available, observed, t, random)
        return part, scale

    def last_action(observed, t, flags, before):
        return max(own_last(observed, t), before) if flags & bit else before

    return {
        "act": parts.act, "score": score, "chance": chance, "draw": draw, "foresee": parts.foresee, "predict": parts.predict,
        "last_action": last_action,
    }  # fmt: skip


def _both(one: dict[str, Callable], rest: dict[str, Callable]) -> dict[str, Callable]:
    """The parts of one response and those of the rest, whose answers are a pair."""
    one_act, one_score, one_chance, one_draw = one["act"], one["score"], one["chance"], one["draw"]
    act_rest, score_rest, chance_rest, draw_rest = rest["act"], rest["score"], rest["chance"], rest["draw"]
    one_foresee, one_predict, one_last = one["foresee"], one["predict"], one["last_action"]
    foresee_rest, predict_rest, last_rest = rest["foresee"], rest["predict"], rest["last_action"]

    def act(agent, state, trial, hidden, preference, last):
        return (
            one_act(agent, state, trial, hidden, preference, last),
            act_rest(agent, state, trial, hidden, preference, last),
        )

    def score(agent, answer, available, observed, t, flags):
        part, scale = one_score(agent, answer[0], available, observed, t, flags)
        more, factor = score_rest(agent, answer[1], available, observed, t, flags)
        return part + more, scale * factor

    def chance(agent, answer, available, observed, t, flags, weights):
        p, part = one_chance(agent, answer[0], available, observed, t, flags, weights)
        q, more = chance_rest(agent, answer[1], available, observed, t, flags, weights)
        return p * q, part + more

    def draw(agent, answer, available, observed, t, flags, random):
        part, scale = one_draw(agent, answer[0], available, observed, t, flags, random)
        more, factor = draw_rest(agent, answer[1], available, observed, t, flags, random)
        return part + more, scale * factor

    def foresee(agent, answer, available, record, t, share):
        one_foresee(agent, answer[0], available, record, t, share)
        foresee_rest(agent, answer[1], available, record, t, share)

    def predict(agent, answer, available, record, t):
        one_predict(agent, answer[0], available, record, t)
        predict_rest(agent, answer[1], available, record, t)

    def last_action(observed, t, flags, before):
        return one_last(observed, t, flags, last_rest(observed, t, flags, before))

    return {
        "act": act, "score": score, "chance": chance, "draw": draw, "foresee": foresee, "predict": predict,
        "last_action": last_action,
    }  # fmt: skip


def _hidden(learner: Learner, kit: Kit, luck: int) -> dict[str, Callable]:
    """The parts that a hidden choice is made of; ``luck`` is the column of its random numbers."""
    if not learner.hides:
        return {
            "hide": lambda agent, state, trial, options: None,
            "said": lambda ints, t: 0,
            "secret": lambda options, hidden: (0.0, 1.0),
            "pick": lambda ints, options, t, random: 0,
        }
    user_hide, score, every_option = learner.methods["hide"], kit.adapt(score_logits), kit.every_action

    def hide(agent, state, trial, options):
        user_hide(agent, state, trial, options)

    def said(ints, t):
        return index(ints[t, HIDDEN])

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
            if random[t, luck] < so_far:
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


def agent_of(learner: Learner, values: np.ndarray) -> Any:
    """An agent in plain Python, from the values of the free parameters ``(parameters,)``."""
    return learner.agent(dict(zip(learner.names, values, strict=True)))


def _plain_agent_at(learner: Learner, slots: Slots) -> Callable:
    """The part that makes the agent of one trial."""
    ends = np.cumsum([count for count, _ in slots])

    def agent_at(participant, ints, t):
        at = [end - 1 if column < 0 else ints[t, column] for (_, column), end in zip(slots, ends, strict=True)]
        return agent_of(learner, participant[at])

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
    """What walks take for a participant in plain Python, from the values of all slots ``(slots,)``: the agent, if there is one slot
    of each parameter, else the values themselves."""
    return agent_of(learner, values) if packed.all_slots == len(packed.slots) else values


def plain_preference(packed: Packed) -> Table:
    """The buffer that ``choose`` fills, in plain Python."""
    return np.zeros(packed.actions).view(Table)


def plain_options(packed: Packed) -> Table:
    """The buffer that ``hide`` fills, in plain Python."""
    return np.zeros(packed.options).view(Table)
