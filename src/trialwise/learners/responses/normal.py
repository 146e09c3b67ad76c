r"""A real response with Normal noise: a rating, a skin conductance response.

Parameters: ``mean`` and ``sd``, returned by ``respond``. Observed: one real.

.. math:: \log p = -\tfrac12 z^2 - \log \sigma - \tfrac12 \log 2\pi, \qquad z = (y - \mu) / \sigma

As for choices, the scale is returned as a factor, :math:`\log p = d - \log s` with :math:`s = \sigma \sqrt{2\pi}`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trialwise.base.message import Argument, Message
from trialwise.data.trials import Trials
from trialwise.learners.responses.family import Place, Responding, ResponseFamily, ResponseParts, chance_from
from trialwise.learners.responses.plain_numbers import chain, value


def log_density(mean, sd, observed):
    """Log-density of one response, as ``(log p + log s, s)``."""
    z = (observed - mean) / sd
    half_square = z * z * -0.5
    # subtracts the tangent of log sd; its value is in the scale
    return half_square - chain(sd + 0.0 * half_square, 0.0, 1.0 / value(sd)), value(sd) * math.sqrt(2.0 * math.pi)


def draw(mean, sd, standard_normal):
    """A simulated response, from a standard normal number."""
    return value(mean) + value(sd) * standard_normal


class Normal(ResponseFamily):
    """A real number with Normal noise."""

    name = "normal"
    method = "respond"
    by_default = True
    example = "for a continuous response\n    def respond(self, state, trial):              # return mean, sd"
    columns = ("response",)
    parameters = {"mean": "units of the response", "sd": "units of the response"}
    random = ("normal",)
    returns = "the mean and the standard deviation of the response"

    def in_data(self, trials: Trials) -> bool:
        return bool(trials.response)

    def absent(self) -> Message:
        return Message("needs a response and the data have none: name the column, ", Argument("response", ...))

    def observed(self, trials: Trials, name: str) -> np.ndarray:
        values = trials.response[name] if name in trials.response else next(iter(trials.response.values()))
        return np.asarray(values, np.float64)[:, None]

    def as_trials(self, name: str, observed: np.ndarray) -> dict[str, Any]:
        return {"response": {name: np.ascontiguousarray(observed[:, 0])}}

    def unanswered(self, asked: np.ndarray) -> np.ndarray:
        return np.where(asked, 0.0, np.nan)[:, None]

    def parts(self, learner: Responding, place: Place) -> ResponseParts:
        first, first_prediction, first_random = place
        respond = learner.methods[self.method]

        def act(agent, state, trial, hidden, preference, last):
            return respond(agent, state, trial)

        def read(observed, t):
            return observed[t, first]

        def write(observed, t, response):
            observed[t, first] = response

        def score(agent, answer, available, response):
            return log_density(answer[0], answer[1], response)

        def draw_response(agent, answer, available, random, t):
            response = draw(answer[0], answer[1], random[t, first_random])
            part, scale = log_density(answer[0], answer[1], response)
            return response, part, scale

        def predict(agent, answer, available, record, t):
            record[t, first_prediction] = answer[0]
            record[t, first_prediction + 1] = answer[1]

        def foresee(agent, answer, available, record, t, share):
            record[t, first_prediction] += share * answer[0]
            record[t, first_prediction + 1] += share * answer[1]

        def received(response):
            return response

        def last(response):
            return -1

        return ResponseParts(
            read, write, act, score, chance_from(score), draw_response, predict, foresee, received, last
        )

    def table(self, log_likelihood: np.ndarray, predictions: np.ndarray) -> dict[str, np.ndarray]:
        return {"predicted": predictions[:, 0], "sd": predictions[:, 1]}

    def redraw(self, predictions: np.ndarray, random: np.ndarray) -> np.ndarray:
        return np.asarray(predictions[:, :1] + predictions[:, 1:] * random)

    def specimen(
        self, random: np.random.Generator, missed: np.ndarray, actions: int, masked: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        return np.where(missed, np.nan, random.normal(0.5, 1.0, len(missed)))[:, None], None

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
        mean, sd = learner.methods[self.method](agent, state, trial)
        return float(-0.5 * ((row[0] - mean) / sd) ** 2 - math.log(sd) - 0.5 * math.log(2 * math.pi))


NORMAL = Normal()
