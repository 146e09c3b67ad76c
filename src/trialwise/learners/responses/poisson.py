r"""A count whose variance is its mean: the number of presses, pumps or mentions in a trial.

Parameter: the ``mean`` :math:`\lambda \ge 0`, which ``respond`` returns as a number. Observed: a whole number :math:`y` from 0.

.. math:: \log p = y \log \lambda - \lambda - \log y!

Johnson, Kemp & Kotz (2005), Univariate Discrete Distributions, chapter 4; computed as by Loader (2000).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from trialwise.base.errors import LearnerError
from trialwise.learners.responses.count import Count
from trialwise.learners.responses.family import Responding
from trialwise.learners.responses.gamma_functions import HALF_LOG_TWO_PI, excess, stirling_error
from trialwise.learners.responses.plain_numbers import chain, uniform, value
from trialwise.learners.responses.stream_draws import MOST, stream_key

FEW = 10.0
"""Means below this are drawn by adding probabilities."""


def log_probability(mean, count):
    """Log-probability of one count, as a score whose scale is 1."""
    rate = value(mean)
    if not rate >= 0.0:
        return chain(mean, math.nan, math.nan), 1.0
    if count == 0.0:
        return chain(mean, -rate, -1.0), 1.0
    if rate == 0.0:
        return chain(mean, -math.inf, 0.0), 1.0
    deviance = count * excess((rate - count) / count, rate / count)
    part = -deviance - stirling_error(count) - 0.5 * math.log(count) - HALF_LOG_TWO_PI
    return chain(mean, part, (count - rate) / rate), 1.0


def draw(mean, number):
    """A simulated count: by adding probabilities, or by transformed rejection (Hoermann 1993, Insurance: Mathematics and Economics 12:39)."""
    if not 0.0 <= mean <= MOST:
        return math.nan
    count = 0.0
    if mean < FEW:
        probability = math.exp(-mean)
        total = probability
        while total <= number and probability > 0.0:
            count += 1.0
            probability *= mean / count
            total += probability
        return count
    key, counter = stream_key(number), 0
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = -0.059 + 0.02483 * b
    inverse = 1.1239 + 1.1328 / (b - 3.4)
    height = 0.9277 - 3.6224 / (b - 2.0)
    while True:
        u, v = uniform(key, counter) - 0.5, 1.0 - uniform(key, counter + 1)
        counter += 2
        inside = 0.5 - abs(u)
        if inside <= 0.0:
            continue
        count = float(math.floor((2.0 * a / inside + b) * u + mean + 0.43))
        if inside >= 0.07 and v <= height:
            return count
        if count < 0.0 or (inside < 0.013 and v > inside):
            continue
        part, _ = log_probability(mean, count)
        if math.log(v * inverse / (a / (inside * inside) + b)) <= part:
            return count


class Poisson(Count):
    r"""A count whose variance is its mean; ``respond`` returns the mean.

    .. math:: y \sim \mathrm{Poisson}(\lambda)
    """

    name = "poisson"
    parameters = {"mean": "counts per trial, 0 or above"}
    random = ("uniform",)
    returns = "the mean of the count"

    def answer(self, learner: Responding) -> Callable:
        respond = learner.methods[self.method]

        def answer(agent, state, trial):
            return (respond(agent, state, trial),)

        return answer

    def try_method(
        self, learner: Responding, agent: object, state: object, trial: object, preference: np.ndarray
    ) -> tuple[object]:
        mean = learner.methods[self.method](agent, state, trial)
        if not isinstance(mean, int | float | np.number):
            raise LearnerError(
                f"{type(learner).__name__}.respond returned {mean!r}: return {self.returns}, a number: return mean"
            )
        return (mean,)

    def density(self, learner: Responding) -> Callable:
        def density(agent, answer, response):
            return log_probability(answer[0], response)

        return density

    def sampler(self, learner: Responding) -> Callable:
        def sampler(agent, answer, random, t, first):
            return draw(value(answer[0]), random[t, first])

        return sampler

    def prediction(self, learner: Responding) -> Callable:
        def prediction(agent, answer, k):
            return value(answer[0])

        return prediction

    def table(self, log_likelihood: np.ndarray, predictions: np.ndarray) -> dict[str, np.ndarray]:
        return {"predicted": predictions[:, 0]}

    def redraw(self, predictions: np.ndarray, random: np.ndarray) -> np.ndarray:
        from scipy import stats

        return np.maximum(stats.poisson.ppf(random, predictions), 0.0)

    def specimen(
        self, random: np.random.Generator, missed: np.ndarray, actions: int, masked: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        return np.where(missed, np.nan, random.poisson(2.0, len(missed)))[:, None], None

    def exact(self, answer: tuple[float, ...], response: float, lapse: float) -> float:
        from scipy import stats

        return float(stats.poisson.logpmf(response, answer[0]))


POISSON = Poisson()
