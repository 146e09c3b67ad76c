r"""A real response with heavy tails, so that a few far ones do not decide: a rating with slips, a skin conductance with artefacts.

Parameters: ``mean`` :math:`\mu`, ``scale`` :math:`\sigma` and ``df`` :math:`\nu`, the degrees of freedom, returned by ``respond``.
Observed: one real.

.. math::

    \log p = \log \Gamma(\tfrac{\nu + 1}{2}) - \log \Gamma(\tfrac\nu2) - \tfrac12 \log(\pi \nu) - \log \sigma
    - \tfrac{\nu + 1}{2} \log(1 + z^2 / \nu), \qquad z = (y - \mu) / \sigma

The mean exists for :math:`\nu > 1`, the variance :math:`\sigma^2 \nu / (\nu - 2)` for :math:`\nu > 2`; for large :math:`\nu` it is a Normal
distribution. Few data tell the degrees of freedom: fixing them, ``learner.fix(df=4)``, is usual. Lange, Little & Taylor (1989), JASA 84:881.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from trialwise.learners.responses.family import Responding
from trialwise.learners.responses.gamma_functions import excess, log_half_step
from trialwise.learners.responses.one_number import OneNumber
from trialwise.learners.responses.plain_numbers import chain, value
from trialwise.learners.responses.stream_draws import log_gamma, normal, stream_key

FAR = 1e8
"""From this :math:`|z| / \\sqrt\\nu` on, 1 is negligible beside the square."""


def log_density(mean, scale, df, observed):
    """Log-density of one response, as ``(log p + log s, s)``; differences of log-gamma functions and logarithms are taken by hand."""
    sigma, nu = value(scale), value(df)
    if not (sigma > 0.0 and nu > 0.0):
        return chain(mean + 0.0 * (scale + df), math.nan, math.nan), 1.0
    z = (observed - value(mean)) / sigma
    t = z / math.sqrt(nu)
    gamma_part, slope = log_half_step(0.5 * nu)
    if abs(t) < FAR:
        square = t * t
        share = square / (1.0 + square)  # of the tail
        log_tail, gap = math.log1p(square), excess(-share, 1.0 / (1.0 + square))
        by_z = (nu + 1.0) * z / (nu * (1.0 + square))
    else:
        share, log_tail = 1.0, 2.0 * math.log(abs(t))
        gap = log_tail - 1.0
        by_z = (nu + 1.0) / z
    by_df = 0.5 * (slope - gap + share / nu)
    part = chain(mean, gamma_part - 0.5 * (nu + 1.0) * log_tail, by_z / sigma)
    part = part + chain(scale, 0.0, (by_z * z - 1.0) / sigma) + chain(df, 0.0, by_df)
    return part, sigma * math.sqrt(2.0 * math.pi)


def draw(mean, scale, df, number):
    """A simulated response: a Normal number over the root of a Gamma number."""
    key = stream_key(number)
    log_chi, _ = log_gamma(0.5 * df, key, 2)
    return mean + scale * normal(key, 0) * math.exp(0.5 * (math.log(0.5 * df) - log_chi))


class Student(OneNumber):
    r"""A real response with heavy tails; ``respond`` returns the mean, the scale and the degrees of freedom.

    .. math:: (y - \mu) / \sigma \sim \mathrm{Student}(\nu)
    """

    name = "student"
    parameters = {
        "mean": "units of the response",
        "scale": "units of the response, above 0",
        "df": "degrees of freedom, above 0",
    }
    random = ("uniform",)
    returns = "the mean, the scale and the degrees of freedom of the response"

    def density(self, learner: Responding) -> Callable:
        def density(agent, answer, response):
            return log_density(answer[0], answer[1], answer[2], response)

        return density

    def sampler(self, learner: Responding) -> Callable:
        def sampler(agent, answer, random, t, first):
            return draw(value(answer[0]), value(answer[1]), value(answer[2]), random[t, first])

        return sampler

    def prediction(self, learner: Responding) -> Callable:
        def prediction(agent, answer, k):
            return value(answer[0]) if k == 0 else value(answer[1]) if k == 1 else value(answer[2])

        return prediction

    def table(self, log_likelihood: np.ndarray, predictions: np.ndarray) -> dict[str, np.ndarray]:
        return {"predicted": predictions[:, 0], "scale": predictions[:, 1], "df": predictions[:, 2]}

    def redraw(self, predictions: np.ndarray, random: np.ndarray) -> np.ndarray:
        from scipy import special

        mean, scale, df = predictions.T
        return np.asarray(mean + scale * special.stdtrit(df, np.maximum(random[:, 0], 2.0**-54)))[:, None]

    def specimen(
        self, random: np.random.Generator, missed: np.ndarray, actions: int, masked: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        return np.where(missed, np.nan, 0.5 + random.standard_t(3.0, len(missed)))[:, None], None

    def exact(self, answer: tuple[float, ...], response: float, lapse: float) -> float:
        from scipy import stats

        mean, scale, df = answer
        return float(stats.t.logpdf(response, df, mean, scale))


STUDENT = Student()
