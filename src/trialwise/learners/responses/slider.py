r"""A slider between two ends: a rating on a line, a probability, a share of money.

Ends of the scale are 0 and 1, or those that the method is marked with: ``@tw.responses.slider(0, 100)``. Parameters: the ``mean``
:math:`\mu` of responses between the ends, as a share of the range (above 0 and below 1), their ``precision`` :math:`\phi > 0`, the probability
``ends`` :math:`\pi` of a response at an end, and the probability ``upper`` :math:`\gamma` that it is then the upper one, returned by
``respond``. Observed: a number :math:`y` in the units of the scale. With :math:`x` its share of the range and :math:`w` the range,

.. math::

    P(y \text{ at the lower end}) &= \pi (1 - \gamma)

    P(y \text{ at the upper end}) &= \pi \gamma

    p(y) &= (1 - \pi)\, \mathrm{Beta}(x;\ \mu \phi,\ (1 - \mu) \phi) / w \quad \text{between them}

The zero-one inflated Beta distribution of Ospina & Ferrari (2010, Statistical Papers 51:111). The variance between the ends is
:math:`\mu (1 - \mu) / (1 + \phi)`. Lapse: a response at random, uniform between the ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from trialwise.base.errors import LearnerError
from trialwise.learners.responses.family import Responding
from trialwise.learners.responses.gamma_functions import (
    HALF_LOG_TWO_PI,
    digamma_tail,
    excess,
    log_ratio,
    stirling_error,
)
from trialwise.learners.responses.lapse import LAPSE, mixed_with_lapse
from trialwise.learners.responses.one_number import OneNumber
from trialwise.learners.responses.plain_numbers import chain, value
from trialwise.learners.responses.stream_draws import log_gamma, stream_key


def log_between(mean, precision, share, rest):
    """Log-density of a response between the ends, at a share of the range, of which ``rest`` is above."""
    mu, phi = value(mean), value(precision)
    nu = 1.0 - mu
    if not (0.0 < mu < 1.0 and phi > 0.0):
        return chain(mean + 0.0 * precision, math.nan, math.nan)
    a, b = mu * phi, nu * phi
    change, other_change = (share - mu) / mu, (mu - share) / nu
    gap, other_gap = excess(change, share / mu), excess(other_change, rest / nu)
    part = 0.5 * (math.log(phi) + math.log(mu) + math.log(nu)) - math.log(share) - math.log(rest)
    part -= a * gap + b * other_gap + HALF_LOG_TWO_PI
    by_mean = phi * (log_ratio(change, share / mu) - log_ratio(other_change, rest / nu) + 0.5 / a - 0.5 / b)
    by_precision = -mu * gap - nu * other_gap + 0.5 / phi
    shapes, signs, slopes = (phi, a, b), (1.0, -1.0, -1.0), (0.0, phi, -phi)
    for k in range(3):  # a loop, to compile the functions once
        tail = digamma_tail(shapes[k])
        part += signs[k] * stirling_error(shapes[k])
        by_mean += slopes[k] * tail
        by_precision -= signs[k] * shapes[k] / phi * tail
    return chain(mean, part, by_mean) + chain(precision, 0.0, by_precision)


def log_share(probability):
    """The logarithm of a probability, without an infinite slope at 0."""
    p = value(probability)
    return (
        chain(probability, math.log(p), 1.0 / p)
        if p > 0.0
        else chain(probability, -math.inf if p == 0.0 else math.nan, 0.0)
    )


def log_density(answer, response, low, high):
    """Log-density of a response between the ends, or log-probability of one at an end, as a score whose scale is 1."""
    if response <= low:
        part = log_share(answer[2]) + log_share(1.0 - answer[3]) + 0.0 * (answer[0] + answer[1])
    elif response >= high:
        part = log_share(answer[2]) + log_share(answer[3]) + 0.0 * (answer[0] + answer[1])
    else:
        width = high - low
        between = log_between(answer[0], answer[1], (response - low) / width, (high - response) / width)
        part = between + log_share(1.0 - answer[2]) + (0.0 * answer[3] - math.log(width))
    if not (0.0 <= value(answer[2]) <= 1.0 and 0.0 <= value(answer[3]) <= 1.0):
        part = chain(part, math.nan, math.nan)  # whatever the response, or those with a factor above 1 would be likely
    return part, 1.0


def within(response, low, high):
    """The response, or the closest number to an end if it is rounded to that end."""
    if response <= low:
        return np.nextafter(low, high)
    return np.nextafter(high, low) if response >= high else response


def draw(answer, lapse, low, high, number, another):
    """A simulated response: the first number says of which kind it is, the second where it is between the ends."""
    if number < lapse:
        return within(low + (high - low) * another, low, high)
    if lapse > 0.0:
        number = (number - lapse) / (1.0 - lapse)
    ends, upper = value(answer[2]), value(answer[3])
    if number < ends:
        return high if number < ends * upper else low
    mean, precision, key = value(answer[0]), value(answer[1]), stream_key(another)
    above, counter = log_gamma(mean * precision, key, 0)
    below, _ = log_gamma((1.0 - mean) * precision, key, counter)
    ratio = math.exp(-abs(above - below))
    share = (1.0 if above > below else ratio) / (1.0 + ratio)
    return within(low + (high - low) * share, low, high)


class Slider(OneNumber):
    r"""A slider between two ends; ``respond`` returns mean, precision, the probability of the ends, and that of the upper one of them.

    .. math:: y \sim \mathrm{Beta}(\mu \phi,\ (1 - \mu) \phi) \text{ between the ends}

    Parameters
    ----------
    low, high
        The ends of the scale.
    """

    parameters = {
        "mean": "share of the range, between 0 and 1",
        "precision": "no unit, above 0",
        "ends": "probability of an end",
        "upper": "probability of the upper end, at an end",
    }
    random = ("uniform", "uniform")
    wrappers = (LAPSE,)
    returns = "mean and precision of responses between the ends, the probability of the ends, and that of the upper one of them"

    def __init__(self, low: float = 0.0, high: float = 1.0) -> None:
        self.low, self.high = low, high
        self.name = "slider" if (low, high) == (0.0, 1.0) else f"slider({low:.17g}, {high:.17g})"
        self.range = f"numbers from {low:g} to {high:g}"

    def with_settings(self, *given: object, **settings: object) -> Slider:
        ends = [float(each) for each in given if isinstance(each, int | float) and math.isfinite(each)]
        if settings or len(given) != 2 or len(ends) != 2 or ends[0] >= ends[1]:
            raise LearnerError(
                "slider: write both ends of the scale, the lower one first: @tw.responses.slider(0, 100)"
            )
        return Slider(ends[0], ends[1])

    def impossible(self, observed: np.ndarray) -> np.ndarray:
        return np.asarray((observed[:, 0] < self.low) | (observed[:, 0] > self.high))

    def remedy(self, observed: np.ndarray, column: str) -> str:
        low, high = float(np.nanmin(observed)), float(np.nanmax(observed))
        ends = (
            (0, 100)
            if low >= 0 and 1 < high <= 100
            else (math.floor(min(low, self.low)), math.ceil(max(high, self.high)))
        )
        return (
            f"if the ends of the scale are {ends[0]} and {ends[1]}, mark the method with @tw.responses.slider({ends[0]}, {ends[1]}); if "
            f"these are no responses, leave them empty: {column} = {column}.where({column}.between({self.low:g}, {self.high:g}))"
        )

    def unanswered(self, asked: np.ndarray) -> np.ndarray:
        return np.where(asked, self.low, np.nan)[:, None]

    def density(self, learner: Responding) -> Callable:
        low, high = self.low, self.high
        uniform = 1.0 / (high - low)

        def density(agent, answer, response):
            return log_density(answer, response, low, high)

        def with_lapse(agent, answer, response):
            part, scale = log_density(answer, response, low, high)
            return mixed_with_lapse(part, scale, agent.lapse, uniform if low < response < high else 0.0)

        return with_lapse if "lapse" in learner.declared else density

    def sampler(self, learner: Responding) -> Callable:
        low, high = self.low, self.high

        def sampler(agent, answer, random, t, first):
            return draw(answer, 0.0, low, high, random[t, first], random[t, first + 1])

        def with_lapse(agent, answer, random, t, first):
            return draw(answer, value(agent.lapse), low, high, random[t, first], random[t, first + 1])

        return with_lapse if "lapse" in learner.declared else sampler

    def predictions(self, actions: int) -> int:
        return len(self.parameters) + 1

    def prediction(self, learner: Responding) -> Callable:
        def parameter(answer, k):
            if k < 2:
                return value(answer[0]) if k == 0 else value(answer[1])
            return value(answer[2]) if k == 2 else value(answer[3])

        def prediction(agent, answer, k):
            return parameter(answer, k) if k < 4 else 0.0

        def with_lapse(agent, answer, k):
            return parameter(answer, k) if k < 4 else value(agent.lapse)

        return with_lapse if "lapse" in learner.declared else prediction

    def table(self, log_likelihood: np.ndarray, predictions: np.ndarray) -> dict[str, np.ndarray]:
        mean, precision, ends, upper, lapse = predictions.T
        share = (1 - lapse) * ((1 - ends) * mean + ends * upper) + lapse / 2
        return {
            "predicted": self.low + (self.high - self.low) * share,
            "precision": precision,
            "ends": ends,
            "upper": upper,
        }

    def redraw(self, predictions: np.ndarray, random: np.ndarray) -> np.ndarray:
        from scipy import special

        mean, precision, ends, upper, lapse = predictions.T
        at_random = random[:, 0] < lapse
        number = (random[:, 0] - lapse) / np.where(lapse < 1, 1 - lapse, 1.0)
        share = np.where(
            at_random, random[:, 1], special.betaincinv(mean * precision, (1 - mean) * precision, random[:, 1])
        )
        between = self.low + (self.high - self.low) * share
        between = np.clip(between, np.nextafter(self.low, self.high), np.nextafter(self.high, self.low))
        at_end = np.where(number < ends * upper, self.high, self.low)
        return np.where(~at_random & (number < ends), at_end, between)[:, None]

    def specimen(
        self, random: np.random.Generator, missed: np.ndarray, actions: int, masked: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        shares = np.clip(random.uniform(-0.2, 1.2, len(missed)), 0.0, 1.0)  # some at each end
        return np.where(missed, np.nan, self.low + (self.high - self.low) * shares)[:, None], None

    def exact(self, answer: tuple[float, ...], response: float, lapse: float) -> float:
        from scipy import stats

        mean, precision, ends, upper = answer
        width, between = self.high - self.low, self.low < response < self.high
        if between:
            beta = stats.beta(mean * precision, (1 - mean) * precision, self.low, width)
            density = (1 - ends) * beta.pdf(response)
        else:
            density = ends * (upper if response == self.high else 1 - upper)
        return float(np.log((1 - lapse) * density + lapse * between / width))


SLIDER = Slider()
