"""Combine the responses of a learner: a single one, or several, each of which is scored on the trials where it was observed.

``learn`` receives the first of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from trialwise.engine.flags import responded
from trialwise.engine.packed import responses_of
from trialwise.learners.learner import Learner
from trialwise.learners.responses.family import ResponseParts
from trialwise.learners.responses.plain_numbers import value


def build_responses(learner: Learner, actions: int) -> tuple[dict[str, Callable], Callable]:
    """The parts of the learner's responses, in plain Python, and the function that writes their predictions."""
    parts = [family.parts(learner, place) for _, family, place in responses_of(learner, actions)]
    if len(parts) == 1 and parts[0].survive is None:
        combined = _single(parts[0])
    else:
        combined = _flagged(parts[-1], len(parts) - 1)
        for number in range(len(parts) - 2, -1, -1):
            combined = _pair(_flagged(parts[number], number), combined)
    predict = combined.pop("predict")
    return combined, predict


def _single(parts: ResponseParts) -> dict[str, Callable]:
    """The parts of a single response, which is scored on all trials flagged as scored."""
    own_score, own_chance, own_draw = parts.score, parts.chance, parts.draw
    own_write, own_last = parts.write, parts.last

    def write(observed, t, flags, response):
        own_write(observed, t, response)

    def score(agent, answer, available, response, flags):
        return own_score(agent, answer, available, response)

    def chance(agent, answer, available, response, flags, weights):
        return own_chance(agent, answer, available, response, weights)

    def draw(agent, answer, available, observed, t, flags, random):
        return own_draw(agent, answer, available, random, t)

    def last_action(response, flags, before):
        return own_last(response)

    return {
        "seen": parts.read, "write": write, "act": parts.act, "score": score, "chance": chance, "draw": draw,
        "foresee": parts.foresee, "predict": parts.predict, "received": parts.received, "last_action": last_action,
    }  # fmt: skip


def _flagged(parts: ResponseParts, number: int) -> dict[str, Callable]:
    """The parts of response ``number``, which is scored on trials where its flag bit is set."""
    bit = responded(number)
    own_score, own_chance, own_draw = parts.score, parts.chance, parts.draw
    read, own_write, own_last, survive = parts.read, parts.write, parts.last, parts.survive

    if survive is None:

        def score(agent, answer, available, response, flags):
            part, scale = 0.0, 1.0
            if flags & bit:
                part, scale = own_score(agent, answer, available, response)
            return part, scale

        def chance(agent, answer, available, response, flags, weights):
            p, part = 1.0, 0.0
            if flags & bit:
                p, part = own_chance(agent, answer, available, response, weights)
            return p, part
    else:

        def score(agent, answer, available, response, flags):
            if flags & bit:
                return own_score(agent, answer, available, response)
            return survive(agent, answer, available, response)

        def chance(agent, answer, available, response, flags, weights):
            if flags & bit:
                return own_chance(agent, answer, available, response, weights)
            part, scale = survive(agent, answer, available, response)
            return math.exp(value(part)) / scale, part

    def draw(agent, answer, available, observed, t, flags, random):
        response, part, scale = read(observed, t), 0.0, 1.0
        if flags & bit:
            response, part, scale = own_draw(agent, answer, available, random, t)
        return response, part, scale

    def write(observed, t, flags, response):
        if flags & bit:
            own_write(observed, t, response)

    def last_action(response, flags, before):
        action = -1
        if flags & bit:
            action = own_last(response)
        return action if action >= 0 else before

    return {
        "seen": read, "write": write, "act": parts.act, "score": score, "chance": chance, "draw": draw,
        "foresee": parts.foresee, "predict": parts.predict, "received": parts.received, "last_action": last_action,
    }  # fmt: skip


def _pair(one: dict[str, Callable], rest: dict[str, Callable]) -> dict[str, Callable]:
    """The parts of one response combined with those of the remaining ones; answers and responses are pairs."""
    one_act, one_score, one_chance, one_draw = one["act"], one["score"], one["chance"], one["draw"]
    act_rest, score_rest, chance_rest, draw_rest = rest["act"], rest["score"], rest["chance"], rest["draw"]
    one_foresee, one_predict, one_last = one["foresee"], one["predict"], one["last_action"]
    foresee_rest, predict_rest, last_rest = rest["foresee"], rest["predict"], rest["last_action"]
    one_seen, one_write, one_received = one["seen"], one["write"], one["received"]
    seen_rest, write_rest = rest["seen"], rest["write"]

    def seen(observed, t):
        return one_seen(observed, t), seen_rest(observed, t)

    def write(observed, t, flags, responses):
        one_write(observed, t, flags, responses[0])
        write_rest(observed, t, flags, responses[1])

    def act(agent, state, trial, hidden, preference, last):
        return (
            one_act(agent, state, trial, hidden, preference, last),
            act_rest(agent, state, trial, hidden, preference, last),
        )

    def score(agent, answer, available, responses, flags):
        part, scale = one_score(agent, answer[0], available, responses[0], flags)
        rest_part, rest_scale = score_rest(agent, answer[1], available, responses[1], flags)
        return part + rest_part, scale * rest_scale

    def chance(agent, answer, available, responses, flags, weights):
        p, part = one_chance(agent, answer[0], available, responses[0], flags, weights)
        q, rest_part = chance_rest(agent, answer[1], available, responses[1], flags, weights)
        return p * q, part + rest_part

    def draw(agent, answer, available, observed, t, flags, random):
        response, part, scale = one_draw(agent, answer[0], available, observed, t, flags, random)
        rest_response, rest_part, rest_scale = draw_rest(agent, answer[1], available, observed, t, flags, random)
        return (response, rest_response), part + rest_part, scale * rest_scale

    def foresee(agent, answer, available, record, t, share):
        one_foresee(agent, answer[0], available, record, t, share)
        foresee_rest(agent, answer[1], available, record, t, share)

    def predict(agent, answer, available, record, t):
        one_predict(agent, answer[0], available, record, t)
        predict_rest(agent, answer[1], available, record, t)

    def received(responses):
        return one_received(responses[0])

    def last_action(responses, flags, before):
        return one_last(responses[0], flags, last_rest(responses[1], flags, before))

    return {
        "seen": seen, "write": write, "act": act, "score": score, "chance": chance, "draw": draw, "foresee": foresee,
        "predict": predict, "received": received, "last_action": last_action,
    }  # fmt: skip
