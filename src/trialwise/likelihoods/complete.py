"""Likelihoods with given courses of hidden choices, and their mean over several courses."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from trialwise.base.cores import cores
from trialwise.base.errors import ModelError
from trialwise.data.trials import Trials
from trialwise.engine import Packed
from trialwise.learners.learner import Learner
from trialwise.likelihoods.exact import ExactLikelihood


class CompleteLikelihood(ExactLikelihood):
    """The joint likelihood of the responses and of given hidden choices, ``courses (trials,)``: exact, with a gradient."""

    def __init__(self, learner: Learner, trials: Trials, courses: np.ndarray, pooled: bool = False):
        super().__init__(learner, trials, pooled)
        self.packed = self.packed.with_hidden(courses)
        packed = replace(self.arrangement.packed, ints=self.packed.ints)
        self.arrangement = replace(self.arrangement, packed=packed)


def check_explained(
    learner: Learner, packed: Packed, labels: Sequence[Hashable], fine: np.ndarray, theta: np.ndarray
) -> None:
    """Raise a ModelError, unless courses could be drawn in all segments, ``fine (segments,)`` with ``labels``, at natural values ``theta (rows,
    parameters)``."""
    if fine.all():
        return
    segment = int(np.flatnonzero(~fine)[0])
    values = zip(learner.parameters, theta[packed.rows[segment]], strict=True)
    at = ", ".join(f"{parameter.name} = {value:.4g}" for parameter, value in values)
    raise ModelError(
        f"{learner}: no course of hidden choices explains the responses of participant {labels[segment]!r} at {at}\n"
        "    -> look at the likelihood there with trialwise.log_likelihood, which names the trial"
    )


@dataclass(frozen=True)
class MeanLikelihood:
    """The mean of the log-likelihoods with several courses: that which the EM algorithm maximises, if courses are drawn from their
    posterior. Its curvature is the mean curvature given a course."""

    parts: Sequence[CompleteLikelihood]

    @property
    def rows(self) -> Sequence[Hashable]:
        """Labels of the rows of parameters."""
        return self.parts[0].rows

    def gradient(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values ``(rows,)`` and gradients ``(rows, parameters)`` at ``u (rows, parameters)``."""
        each = self._each("gradient", u)
        return np.mean([value for value, _ in each], 0), np.mean([slope for _, slope in each], 0)

    def curvature(self, u: np.ndarray) -> np.ndarray:
        """Minus the second derivatives, ``(rows, parameters, parameters)``, symmetric."""
        return np.asarray(np.mean(self._each("curvature", u), 0))

    def _each(self, method: str, u: np.ndarray) -> list:
        first = getattr(self.parts[0], method)(u)  # may compile, which threads must not do at the same time
        with ThreadPoolExecutor(cores()) as pool:
            return [first, *pool.map(lambda part: getattr(part, method)(u), self.parts[1:])]
