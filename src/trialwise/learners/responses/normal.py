r"""A real response with Normal noise: a rating, a skin conductance response.

Parameters: ``mean`` and ``sd``, returned by ``respond``. Observed: one real.

.. math:: \log p = -\tfrac12 z^2 - \log \sigma - \tfrac12 \log 2\pi, \qquad z = (y - \mu) / \sigma

As for choices, the scale is returned as a factor, :math:`\log p = d - \log s` with :math:`s = \sigma \sqrt{2\pi}`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from trialwise.learners.responses.family import Responding
from trialwise.learners.responses.one_number import OneNumber
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


class Normal(OneNumber):
    """A real number with Normal noise."""

    name = "normal"
    by_default = True
    example = "for a continuous response\n    def respond(self, state, trial):              # return mean, sd"
    parameters = {"mean": "units of the response", "sd": "units of the response"}
    random = ("normal",)
    returns = "the mean and the standard deviation of the response"

    def density(self, learner: Responding) -> Callable:
        def density(agent, answer, response):
            return log_density(answer[0], answer[1], response)

        return density

    def sampler(self, learner: Responding) -> Callable:
        def sampler(agent, answer, random, t, first):
            return draw(answer[0], answer[1], random[t, first])

        return sampler

    def table(self, log_likelihood: np.ndarray, predictions: np.ndarray) -> dict[str, np.ndarray]:
        return {"predicted": predictions[:, 0], "sd": predictions[:, 1]}

    def redraw(self, predictions: np.ndarray, random: np.ndarray) -> np.ndarray:
        return np.asarray(predictions[:, :1] + predictions[:, 1:] * random)

    def specimen(
        self, random: np.random.Generator, missed: np.ndarray, actions: int, masked: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        return np.where(missed, np.nan, random.normal(0.5, 1.0, len(missed)))[:, None], None

    def exact(self, answer: tuple[float, ...], response: float, lapse: float) -> float:
        mean, sd = answer
        return float(-0.5 * ((response - mean) / sd) ** 2 - math.log(sd) - 0.5 * math.log(2 * math.pi))


NORMAL = Normal()
