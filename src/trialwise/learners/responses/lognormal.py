r"""A positive response whose logarithm is Normal: a response time, a reproduced duration, an amount of money.

Parameters: ``log_mean`` :math:`\mu` and ``log_spread`` :math:`\sigma`, mean and standard deviation of the logarithm, returned by
``respond``. Observed: one number :math:`y > 0`.

.. math:: \log p = -\tfrac12 z^2 - \log y - \log \sigma - \tfrac12 \log 2\pi, \qquad z = (\log y - \mu) / \sigma

The median of the response is :math:`e^\mu`, its mean :math:`e^{\mu + \sigma^2 / 2}`. Johnson, Kotz & Balakrishnan (1994), Continuous
Univariate Distributions 1, chapter 14.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from trialwise.learners.responses.family import Responding
from trialwise.learners.responses.one_number import OneNumber
from trialwise.learners.responses.plain_numbers import chain, value


def log_density(log_mean, log_spread, observed):
    """Log-density of one response, as ``(log p + log s, s)``; only the standard deviation is in ``s``, since responses may be tiny."""
    mean, sd, log_observed = value(log_mean), value(log_spread), math.log(observed)
    if not sd > 0.0:
        return chain(log_mean + 0.0 * log_spread, math.nan, math.nan), 1.0
    z = (log_observed - mean) / sd
    part = chain(log_mean, -0.5 * z * z - log_observed, z / sd) + chain(log_spread, 0.0, (z * z - 1.0) / sd)
    return part, sd * math.sqrt(2.0 * math.pi)


class Lognormal(OneNumber):
    r"""A positive response whose logarithm is Normal; ``respond`` returns the mean and the standard deviation of the logarithm.

    .. math:: \log y \sim \mathrm{Normal}(\mu, \sigma)
    """

    name = "lognormal"
    parameters = {"log_mean": "log of the units of the response", "log_spread": "no unit, above 0"}
    random = ("normal",)
    returns = "the mean and the standard deviation of the logarithm of the response"
    range = "numbers above 0"

    def impossible(self, observed: np.ndarray) -> np.ndarray:
        return np.asarray(observed[:, 0] <= 0)

    def remedy(self, observed: np.ndarray, column: str) -> str:
        if np.nanmin(observed) == 0:
            return f"leave responses of 0 empty, if they are none: {column} = {column}.where({column} > 0)"
        return (
            f"leave such responses empty, if they are none: {column} = {column}.where({column} > 0); for responses of both signs use a "
            "family for real numbers, normal or student"
        )

    def unanswered(self, asked: np.ndarray) -> np.ndarray:
        return np.where(asked, 1.0, np.nan)[:, None]

    def density(self, learner: Responding) -> Callable:
        def density(agent, answer, response):
            return log_density(answer[0], answer[1], response)

        return density

    def sampler(self, learner: Responding) -> Callable:
        def sampler(agent, answer, random, t, first):
            return math.exp(value(answer[0]) + value(answer[1]) * random[t, first])

        return sampler

    def table(self, log_likelihood: np.ndarray, predictions: np.ndarray) -> dict[str, np.ndarray]:
        log_mean, log_spread = predictions.T
        return {"predicted": np.exp(log_mean + log_spread**2 / 2), "log_mean": log_mean, "log_spread": log_spread}

    def redraw(self, predictions: np.ndarray, random: np.ndarray) -> np.ndarray:
        return np.asarray(np.exp(predictions[:, :1] + predictions[:, 1:] * random))

    def specimen(
        self, random: np.random.Generator, missed: np.ndarray, actions: int, masked: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        return np.where(missed, np.nan, np.exp(random.normal(0.0, 0.7, len(missed))))[:, None], None

    def exact(self, answer: tuple[float, ...], response: float, lapse: float) -> float:
        from scipy import stats

        log_mean, log_spread = answer
        return float(stats.lognorm.logpdf(response, log_spread, scale=np.exp(log_mean)))


LOGNORMAL = Lognormal()
