r"""A count whose variance exceeds its mean: counts that vary more than a Poisson distribution allows.

Parameters: ``mean`` :math:`\mu \ge 0` and ``size`` :math:`r > 0`, returned by ``respond``. Observed: a whole number :math:`y` from 0.

.. math::

    \log p = \log \frac{\Gamma(y + r)}{y!\, \Gamma(r)} + r \log \frac{r}{r + \mu} + y \log \frac{\mu}{r + \mu}

The variance is :math:`\mu + \mu^2 / r`: the overdispersion is :math:`1 / r`, and for large :math:`r` it is a Poisson distribution. Johnson,
Kemp & Kotz (2005), Univariate Discrete Distributions, chapter 5; computed as by Loader (2000).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from trialwise.learners.responses.count import Count
from trialwise.learners.responses.family import Responding
from trialwise.learners.responses.gamma_functions import HALF_LOG_TWO_PI, digamma_tail, excess, stirling_error
from trialwise.learners.responses.plain_numbers import chain, value
from trialwise.learners.responses.poisson import draw as draw_poisson
from trialwise.learners.responses.stream_draws import log_gamma, stream_key

FEW = 16.0
"""Up to this count, differences of digamma functions are sums."""


def log_probability(mean, size, count):
    """Log-probability of one count, as a score whose scale is 1."""
    mu, r = value(mean), value(size)
    if not (mu >= 0.0 and r > 0.0):
        return chain(mean + 0.0 * size, math.nan, math.nan), 1.0
    change = (count - mu) / (r + mu)
    gap = excess(change, (count + r) / (r + mu))
    if count == 0.0:
        return chain(mean, -r * math.log1p(mu / r), -r / (r + mu)) + chain(size, 0.0, -gap), 1.0
    if mu == 0.0:
        return chain(mean + 0.0 * size, -math.inf, 0.0), 1.0
    total = count + r
    other_gap = excess(-change * r / count, mu * total / (count * (r + mu)))
    part = -r * gap - count * other_gap + stirling_error(total) - stirling_error(count) - stirling_error(r)
    part -= 0.5 * (math.log1p(count / r) + math.log(count)) + HALF_LOG_TWO_PI
    if count <= FEW:
        by_size = -excess(-mu / (r + mu), r / (r + mu))
        for k in range(int(count)):
            by_size += (mu - k) / ((r + k) * (r + mu))
    else:
        by_size = count / (2.0 * r * total) - gap + digamma_tail(r) - digamma_tail(total)
    return chain(mean, part, r * (count - mu) / (mu * (r + mu))) + chain(size, 0.0, by_size), 1.0


def draw(mean, size, number, another):
    """A simulated count: a Poisson count whose mean is a Gamma number."""
    log_rate, _ = log_gamma(size, stream_key(number), 0)
    return draw_poisson(mean * math.exp(log_rate - math.log(size)), another) if mean > 0.0 else 0.0


class NegativeBinomial(Count):
    r"""A count whose variance exceeds its mean; ``respond`` returns the mean and the size, which is small if it does by much.

    .. math:: y \sim \mathrm{Poisson}(\lambda), \qquad \lambda \sim \mathrm{Gamma}(r,\ \mathrm{mean}\ \mu)
    """

    name = "negative_binomial"
    parameters = {"mean": "counts per trial, 0 or above", "size": "no unit, above 0"}
    random = ("uniform", "uniform")
    returns = "the mean of the count and its size"

    def density(self, learner: Responding) -> Callable:
        def density(agent, answer, response):
            return log_probability(answer[0], answer[1], response)

        return density

    def sampler(self, learner: Responding) -> Callable:
        def sampler(agent, answer, random, t, first):
            return draw(value(answer[0]), value(answer[1]), random[t, first], random[t, first + 1])

        return sampler

    def table(self, log_likelihood: np.ndarray, predictions: np.ndarray) -> dict[str, np.ndarray]:
        return {"predicted": predictions[:, 0], "size": predictions[:, 1]}

    def redraw(self, predictions: np.ndarray, random: np.ndarray) -> np.ndarray:
        from scipy import special, stats

        mean, size = predictions.T
        rates = mean * special.gammaincinv(size, random[:, 0]) / size
        return np.maximum(stats.poisson.ppf(random[:, 1], rates), 0.0)[:, None]

    def specimen(
        self, random: np.random.Generator, missed: np.ndarray, actions: int, masked: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        return np.where(missed, np.nan, random.negative_binomial(2, 0.5, len(missed)))[:, None], None

    def exact(self, answer: tuple[float, ...], response: float, lapse: float) -> float:
        from scipy import stats

        mean, size = answer
        return float(stats.nbinom.logpmf(response, size, size / (size + mean)))


NEGATIVE_BINOMIAL = NegativeBinomial()
