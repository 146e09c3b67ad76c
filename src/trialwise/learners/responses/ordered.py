r"""Ordered categories: a rating on a scale of points, confidence from 1 to 4, agreement from 1 to 7.

Marked with the lowest and the highest category, ``@tw.responses.ordered(1, 5)``. Parameters: the ``location`` :math:`\eta` and the cut points
:math:`c_1 < \dots < c_{K-1}` between the :math:`K` categories, in logits, returned by ``respond`` as one tuple,
``location, cut_1, ..., cut_4``. Observed: the number of the category :math:`y`; below, categories are counted from 1.

.. math:: P(y \le k) = \mathrm{logistic}(c_k - \eta), \qquad c_0 = -\infty,\ c_K = \infty

The cumulative logit model of McCullagh (1980, JRSS B 42:109). Adding a number to the location and to all cut points changes nothing, so that
one of them has to be fixed, for example the location at an expectation of 0. Cut points have to increase: a free first one, and positive
distances from one to the next. A category between two equal ones has probability 0; if one is below the one before it, every category has, since
the probabilities of all would not sum to 1. Lapse: a category at random, all equally likely.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from trialwise.base.errors import LearnerError
from trialwise.learners.responses.family import Responding
from trialwise.learners.responses.lapse import LAPSE, mixed_with_lapse
from trialwise.learners.responses.one_number import OneNumber
from trialwise.learners.responses.plain_numbers import chain, value

MANY = 20
"""More different whole numbers than this are no categories, for data of which nobody has said how many categories they have."""

HOW = "write the lowest and the highest category, two whole numbers: @tw.responses.ordered(1, 5)"

STEEP = 700.0
"""Distances of cut points beyond which exponentials are left out: they are 0, and would overflow."""


def log_logistic(x):
    """The logarithm of the logistic function, and its slope, accurate in both tails."""
    small = math.exp(-abs(x))
    return min(x, 0.0) - math.log1p(small), (small if x > 0.0 else 1.0) / (1.0 + small)


def log_probability(location, lower, upper, is_lowest, is_highest):
    r"""Log-probability of a category between two cut points; the lowest has no lower and the highest no upper one.

    Between them it is that of :math:`\sigma(b) - \sigma(a) = \sigma(b) \sigma(-a) (1 - e^{a - b})`, so that tails lose no digits.
    """
    part, up, down, inner = 0.0, 0.0, 0.0, 0.0
    if not is_highest:
        part, up = log_logistic(value(upper) - value(location))
    if not is_lowest:
        below, down = log_logistic(value(location) - value(lower))
        part += below
    if not (is_lowest or is_highest):
        distance = value(upper) - value(lower)
        if distance <= 0.0:
            return chain(location + 0.0 * (lower + upper), -math.inf, 0.0)
        inner = 1.0 / math.expm1(distance) if distance < STEEP else 0.0
        part += math.log(-math.expm1(-distance))
    by_lower = 0.0 if is_lowest else -down - inner
    return chain(location, part, down - up) + chain(upper, 0.0, up + inner) + chain(lower, 0.0, by_lower)


def _cut_points(number: int, count: int) -> Callable:
    """The function ``(answer, j)`` that returns cut point ``j``, of those from ``number`` on; entries of an answer may differ in type."""
    if number == count:

        def last(answer, j):
            return answer[number]

        return last
    rest = _cut_points(number + 1, count)

    def cut(answer, j):
        if j == number:
            return answer[number]
        return rest(answer, j)

    return cut


def _order_of(cut: Callable, count: int) -> Callable:
    """Whether a cut point of an answer is below the one before it."""

    def crossing(answer):
        crossed = False
        for j in range(2, count + 1):
            crossed = crossed or value(cut(answer, j)) < value(cut(answer, j - 1))
        return crossed

    return crossing


class Ordered(OneNumber):
    r"""One of ordered categories; ``respond`` returns the location and the cut points.

    .. math:: P(y \le k) = \mathrm{logistic}(c_k - \eta)

    Parameters
    ----------
    low, high
        The lowest and the highest category; by default none, for the family that no method is marked with yet.
    """

    random = ("uniform",)
    wrappers = (LAPSE,)
    noun = "rating"

    def __init__(self, low: int = 1, high: int = 0) -> None:
        self.low, self.high, self.categories = low, high, high - low + 1
        self.name = f"ordered({low}, {high})" if self.categories else "ordered"
        cuts = {f"cut_{k}": "logits" for k in range(1, self.categories)}
        self.parameters = {"location": "logits", **cuts}

    def with_settings(self, *given: object, **settings: object) -> Ordered:
        ends = [each for each in given if isinstance(each, int) and not isinstance(each, bool)]
        if settings or len(given) != 2 or len(ends) != 2 or ends[0] >= ends[1]:
            raise LearnerError(f"ordered: {HOW}")
        return Ordered(ends[0], ends[1])

    def of[M: Callable[..., object]](self, method: M) -> M:
        if not self.categories:
            raise LearnerError(f"ordered: {HOW}")
        return super().of(method)

    @property
    def returns(self) -> str:
        return f"the location of the rating and {self.categories - 1} cut points, in one tuple"

    @property
    def range(self) -> str:  # type: ignore[override]
        if not self.categories:
            return "whole numbers"
        return f"whole numbers from {self.low} to {self.high}"

    def impossible(self, observed: np.ndarray) -> np.ndarray:
        ratings = observed[:, 0]
        outside = ratings != np.floor(ratings)
        if self.categories:
            outside |= (ratings < self.low) | (ratings > self.high)
        elif len(np.unique(ratings[~np.isnan(ratings)])) > MANY:
            outside |= True
        return np.asarray(outside & ~np.isnan(ratings))

    def remedy(self, observed: np.ndarray, column: str) -> str:
        ratings = observed[~np.isnan(observed)]
        if (ratings != np.floor(ratings)).any():
            return "give the ratings as they were, not means of several; for a scale without categories use another family, such as slider"
        low, high = int(ratings.min()), int(ratings.max())
        return (
            f"if the categories are those from {low} to {high}, mark the method with @tw.responses.ordered({low}, {high}); "
            f"if these are no ratings, leave them empty: {column} = {column}.where({column}.between({self.low}, {self.high}))"
        )

    def unanswered(self, asked: np.ndarray) -> np.ndarray:
        return np.where(asked, float(self.low), np.nan)[:, None]

    def try_method(
        self, learner: Responding, agent: object, state: object, trial: object, preference: np.ndarray
    ) -> object:
        answer: tuple[object, ...] = super().try_method(learner, agent, state, trial, preference)
        cuts = np.array(answer[1:], float)
        if (np.diff(cuts) <= 0).any():
            raise LearnerError(
                f"{type(learner).__name__}.{self.method} returned cut points that do not increase, "
                f"{', '.join(f'{cut:g}' for cut in cuts)}, in the middle of the priors: add positive distances to the first one"
            )
        return answer

    def density(self, learner: Responding) -> Callable:
        highest, before, share = self.categories, self.low - 1, 1.0 / self.categories
        cut = _cut_points(1, highest - 1)
        crossing = _order_of(cut, highest - 1)

        def density(agent, answer, response):
            k = int(response) - before
            lower, upper = cut(answer, max(k - 1, 1)), cut(answer, min(k, highest - 1))
            part = log_probability(answer[0], lower, upper, k == 1, k == highest)
            if crossing(answer):
                part = chain(part, -math.inf, 0.0)
            return part, 1.0

        def with_lapse(agent, answer, response):
            part, scale = density(agent, answer, response)
            return mixed_with_lapse(part, scale, agent.lapse, share)

        return with_lapse if "lapse" in learner.declared else density

    def prediction(self, learner: Responding) -> Callable:
        highest, share, cut = self.categories, 1.0 / self.categories, _cut_points(1, self.categories - 1)

        crossing = _order_of(cut, highest - 1)

        def prediction(agent, answer, k):
            if crossing(answer):
                return 0.0
            lower, upper = value(cut(answer, max(k, 1))), value(cut(answer, min(k + 1, highest - 1)))
            return math.exp(log_probability(value(answer[0]), lower, upper, k == 0, k + 1 == highest))

        def with_lapse(agent, answer, k):
            lapse = value(agent.lapse)
            return (1.0 - lapse) * prediction(agent, answer, k) + lapse * share

        return with_lapse if "lapse" in learner.declared else prediction

    def sampler(self, learner: Responding) -> Callable:
        prediction, categories, lowest = self.prediction(learner), self.categories, float(self.low)

        def sampler(agent, answer, random, t, first):
            total = 0.0
            for k in range(categories - 1):
                total += prediction(agent, answer, k)
                if random[t, first] < total:
                    return lowest + k
            return lowest + categories - 1.0

        return sampler

    def predictions(self, actions: int) -> int:
        return self.categories

    def table(self, log_likelihood: np.ndarray, predictions: np.ndarray) -> dict[str, np.ndarray]:
        ratings = self.low + np.arange(self.categories)
        return {"predicted": predictions @ ratings, "response_probability": np.exp(log_likelihood)}

    def redraw(self, predictions: np.ndarray, random: np.ndarray) -> np.ndarray:
        cumulative = np.cumsum(predictions, 1)
        places = (cumulative <= (random[:, 0] * cumulative[:, -1])[:, None]).sum(1)
        return np.minimum(places, self.categories - 1).astype(np.float64)[:, None] + self.low

    def specimen(
        self, random: np.random.Generator, missed: np.ndarray, actions: int, masked: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        ratings = random.integers(self.low, self.high + 1, len(missed))
        return np.where(missed, np.nan, ratings)[:, None], None

    def exact(self, answer: tuple[float, ...], response: float, lapse: float) -> float:
        from scipy import special

        location, *cuts = answer
        ends = special.expit(np.array([-np.inf, *cuts, np.inf]) - location)
        place = int(response) - self.low
        return float(np.log((1 - lapse) * (ends[place + 1] - ends[place]) + lapse / self.categories))


ORDERED = Ordered()
