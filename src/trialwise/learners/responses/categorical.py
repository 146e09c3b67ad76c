r"""Choices: the log-probability under a softmax, or under given probabilities, with stickiness and lapse.

Parameters: ``preference[j]``, logits :math:`L_j` or probabilities. Observed: the index :math:`c` of the chosen action.

.. math:: \log p = L_c - \log \sum_j e^{L_j},\qquad \partial \log p = \partial L_c - \sum_j p_j\, \partial L_j

Exponentials are computed only for values, once per action; the tangent is a sum weighted by them. A score is a pair of the dual
:math:`\log(p s)` and the number :math:`s`, so that the caller can multiply the :math:`s` of many trials and take one
logarithm. The same code runs in plain Python on floats.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from trialwise.base.errors import LearnerError
from trialwise.base.message import Argument, Message
from trialwise.data.trials import MISSED, Trials
from trialwise.learners.parameters import real, unit
from trialwise.learners.responses.family import Place, Responding, ResponseFamily, ResponseParts, fill, hidden_field
from trialwise.learners.responses.plain_numbers import chain, clear, index, share_of_tangent, value
from trialwise.learners.responses.softmax import softmax_shares, softmax_sums
from trialwise.learners.state import Table

LAPSE = replace(unit("probability of choosing at random", mean=-3.0, width=1.0), name="lapse")
STICKINESS = replace(real("tendency to repeat the last choice, in logits"), name="stickiness")


def score_logits(preference, available, choice):
    """The score of a choice under the softmax of logits over the available actions."""
    gap, total, mean = softmax_sums(preference, available, choice)
    return chain(preference[choice] - mean / total, gap if available[choice] else -math.inf, 1.0), total


def score_probabilities(preference, available, choice):
    """The score of a choice under given probabilities, renormalised over the available actions."""
    total = preference[choice] - preference[choice]
    for j in range(len(preference)):
        if available[j]:
            total = total + preference[j]
    share = preference[choice] / total if available[choice] else total - total
    return chain(share, 0.0, 1.0 / value(share)), 1.0 / value(share)


def chance_logits(preference, available, choice, weights):
    """The probability of a choice, and a number with the tangent of its logarithm; ``weights`` is a work array."""
    softmax_shares(weights, preference, available)
    total, mean = 0.0, 0.0
    for j in range(len(preference)):
        total += weights[j]
        mean = mean + share_of_tangent(weights[j], preference[j])
    return weights[choice] / total, chain(preference[choice] - mean / total, 0.0, 1.0)


def chance_probabilities(preference, available, choice, weights):
    """As :func:`chance_logits`, for given probabilities."""
    part, scale = score_probabilities(preference, available, choice)
    return 1.0 / scale, part


def softmax(preference, available):
    """Turn logits into probabilities in place; actions that are not available get 0."""
    largest = -math.inf
    for j in range(len(preference)):
        if available[j] and value(preference[j]) > largest:
            largest = value(preference[j])
    for j in range(len(preference)):
        preference[j] = np.exp(preference[j] - largest) if available[j] else 0.0 * preference[j]
    normalise(preference, available)


def normalise(preference, available):
    """Normalise probabilities over the available actions, in place."""
    total = 0.0
    for j in range(len(preference)):
        if available[j]:
            total = total + preference[j]
    for j in range(len(preference)):
        preference[j] = preference[j] / total if available[j] else 0.0 * total


def mixed_with_lapse(score, scale, lapse, available, actions, choice):
    r"""The score of a choice after :math:`p \leftarrow (1 - \epsilon) p + \epsilon / n` over the available actions."""
    open_actions = 0
    for j in range(actions):
        if available[j]:
            open_actions += 1
    p = math.exp(value(score)) / scale
    mixture = (1.0 - lapse) * chain(score, p, p) + (lapse / open_actions if available[choice] else 0.0 * lapse)
    return chain(mixture, 0.0, 1.0 / value(mixture)), 1.0 / value(mixture)


def mix_lapse(preference, available, lapse):
    """Mix in random choices among the available actions, in place; ``preference`` holds probabilities."""
    open_actions = 0
    for j in range(len(preference)):
        if available[j]:
            open_actions += 1
    for j in range(len(preference)):
        if available[j]:
            preference[j] = (1.0 - lapse) * preference[j] + lapse / open_actions


def draw(preference, uniform):
    """Draw an action from probabilities by inversion, with a uniform number in [0, 1)."""
    cumulative = 0.0
    last = 0
    for j in range(len(preference)):
        if value(preference[j]) > 0.0:
            last = j
            cumulative += value(preference[j])
            if uniform < cumulative:
                return j
    return last


class ChoiceRule(NamedTuple):
    """Functions that score or draw a choice from a filled ``preference``.

    ``stick(agent, preference, last)`` is called first, with the last choice made, or -1. Then ``score(agent, preference, available,
    choice)`` returns the log-probability and ``chance`` the probability, without changing ``preference``;
    ``settle(agent, preference, available)`` replaces ``preference`` with the probabilities of all actions.
    """

    stick: Callable
    score: Callable
    chance: Callable
    settle: Callable


def choice_rule(gives_probabilities: bool, sticky: bool, lapses: bool) -> ChoiceRule:
    """The choice rule of a learner: ``choose`` gives probabilities or logits, with or without stickiness and lapse.

    Stickiness is added to the logits before the softmax; equivalently, if ``choose`` gives probabilities, that of the last choice
    is multiplied by the exponential of the stickiness. Lapse is applied afterwards.
    """
    if not sticky:

        def stick(agent, preference, last):
            pass
    elif gives_probabilities:

        def stick(agent, preference, last):
            if last >= 0:
                preference[last] = preference[last] * np.exp(agent.stickiness)
    else:

        def stick(agent, preference, last):
            if last >= 0:
                preference[last] = preference[last] + agent.stickiness

    plain_score = score_probabilities if gives_probabilities else score_logits
    plain_chance = chance_probabilities if gives_probabilities else chance_logits
    normalisation = normalise if gives_probabilities else softmax

    if lapses:

        def score(agent, preference, available, choice):
            part, scale = plain_score(preference, available, choice)
            return mixed_with_lapse(part, scale, agent.lapse, available, len(preference), choice)

        def chance(agent, preference, available, choice, weights):
            part, scale = score(agent, preference, available, choice)
            return math.exp(value(part)) / scale, part

        def settle(agent, preference, available):
            normalisation(preference, available)
            mix_lapse(preference, available, agent.lapse)
    else:

        def score(agent, preference, available, choice):
            return plain_score(preference, available, choice)

        def chance(agent, preference, available, choice, weights):
            return plain_chance(preference, available, choice, weights)

        def settle(agent, preference, available):
            normalisation(preference, available)

    return ChoiceRule(stick, score, chance, settle)


def _line(learner: Responding, error: Exception) -> str:
    """The line of the learner's source that raised an error."""
    files = {m.__code__.co_filename for m in (*learner.methods.values(), *learner.helper_methods.values())}
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
    return f"line {frames[-1].lineno} ({frames[-1].line})" if frames else ""


class Categorical(ResponseFamily):
    """A choice among the actions of the environment."""

    name = "categorical"
    method = "choose"
    arguments = ("state", "trial", "preference")
    by_default = True
    example = (
        "For choices write\n    def choose(self, state, trial, preference):   # fill preference[action] with logits"
    )
    goes_with_hidden = True
    columns = ("choice",)
    dtype = "int32"
    parameters = {"preference": "logits, or probabilities"}
    random = ("uniform",)
    wrappers = (STICKINESS, LAPSE)
    acts = True
    learns_when_missing = False
    noun = "choice"

    def in_data(self, trials: Trials) -> bool:
        return trials.choice is not None

    def absent(self) -> Message:
        return Message("needs choices and the data have none: name the column, ", Argument("choice", ...))

    def observed(self, trials: Trials, name: str) -> np.ndarray:
        return np.asarray(trials.choice, np.int32)[:, None]

    def missing(self, observed: np.ndarray) -> np.ndarray:
        return np.asarray(observed[:, 0] == MISSED)

    def as_trials(self, name: str, observed: np.ndarray) -> dict[str, Any]:
        return {"choice": observed[:, 0].astype(np.int64)}

    def unanswered(self, asked: np.ndarray) -> np.ndarray:
        return np.where(asked, 0.0, float(MISSED))[:, None]

    def actions(self, observed: np.ndarray) -> np.ndarray | None:
        return np.asarray(observed[:, 0].astype(np.int64))

    def parts(self, learner: Responding, place: Place) -> ResponseParts:
        first, first_prediction, first_random = place
        choose = learner.methods[self.method]
        rule = choice_rule(learner.gives_probabilities, "stickiness" in learner.declared, "lapse" in learner.declared)
        stick, settle = rule.stick, rule.settle

        if learner.hides:

            def act(agent, state, trial, hidden, preference, last):
                clear(preference)
                choose(agent, state, trial, hidden, preference)
                stick(agent, preference, last)
                return preference
        else:

            def act(agent, state, trial, hidden, preference, last):
                clear(preference)
                choose(agent, state, trial, preference)
                stick(agent, preference, last)
                return preference

        def read(observed, t):
            return index(observed[t, first])

        def write(observed, t, choice):
            observed[t, first] = choice

        def draw_choice(agent, answer, available, random, t):
            settle(agent, answer, available)
            choice = draw(answer, random[t, first_random])
            return choice, 0.0, 1.0 / answer[choice]

        def predict(agent, answer, available, record, t):
            settle(agent, answer, available)
            for action in range(len(answer)):
                record[t, first_prediction + action] = answer[action]

        def foresee(agent, answer, available, record, t, share):
            settle(agent, answer, available)
            for action in range(len(answer)):
                record[t, first_prediction + action] += share * answer[action]

        def unchanged(choice):
            return choice

        return ResponseParts(
            read, write, act, rule.score, rule.chance, draw_choice, predict, foresee, received=unchanged, last=unchanged
        )

    def try_method(self, learner: Responding, agent: Any, state: Any, trial: Any, preference: np.ndarray) -> Any:
        available = getattr(trial, "available", True)
        for option in range(learner.options):  # each is possible
            hidden = (option,) if learner.hides else ()
            try:
                fill(learner, self.method, preference, "action", agent, state, trial, *hidden, wanted=available)
            except IndexError as error:
                if not (learner.hides and option):
                    raise
                raise LearnerError(
                    f"{type(learner).__name__}.choose, {_line(learner, error)}: {error}. hide has {learner.options} "
                    f"options and choose does not know number {option}. {hidden_field(learner)}"
                ) from error
        return preference

    def predictions(self, actions: int) -> int:
        return actions

    def table(self, log_likelihood: np.ndarray, predictions: np.ndarray) -> dict[str, np.ndarray]:
        return {"choice_probability": np.exp(log_likelihood)}

    def redraw(self, predictions: np.ndarray, random: np.ndarray) -> np.ndarray:
        cumulative = np.cumsum(predictions, 1)
        actions = (cumulative <= (random[:, 0] * cumulative[:, -1])[:, None]).sum(1)
        return np.minimum(actions, cumulative.shape[1] - 1).astype(np.float64)[:, None]

    def specimen(
        self, random: np.random.Generator, missed: np.ndarray, actions: int, masked: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        count, available = len(missed), None
        scores = random.random((count, actions))
        if masked:
            available = random.random((count, actions)) < 0.7
            available[np.arange(count), random.integers(0, actions, count)] = True
            scores = scores * available
        return np.where(missed, MISSED, scores.argmax(1)).astype(np.float64)[:, None], available

    def by_hand(
        self,
        learner: Responding,
        agent: Any,
        state: Any,
        trial: Any,
        hidden: tuple[int, ...],
        last: int,
        row: np.ndarray,
    ) -> float:
        preference = np.zeros(len(trial.available)).view(Table)
        learner.methods[self.method](agent, state, trial, *hidden, preference)
        logits = np.log(preference) if learner.gives_probabilities else np.array(preference)
        if "stickiness" in learner.declared and last >= 0:
            logits[last] += agent.stickiness
        logits[~trial.available] = -np.inf
        p = np.exp(logits - logits.max())
        p = p / p.sum()
        if "lapse" in learner.declared:
            p = (1 - agent.lapse) * p + agent.lapse * trial.available / trial.available.sum()
        return float(np.log(p[int(row[0])]))

    def received(self, row: np.ndarray) -> Any:
        return int(row[0])


CATEGORICAL = Categorical()
