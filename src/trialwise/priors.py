"""The default priors of a learner's parameters, on the unconstrained scale, in units of the data at hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trialwise.learner import Learner
from trialwise.trials import Trials


@dataclass(frozen=True)
class GroupPrior:
    r"""Priors of all parameters as vectors ``(parameters,)``.

    Group means :math:`\mu \sim \mathrm{Normal}(m, s)` with ``mean`` m and ``width`` s; group spreads
    :math:`\sigma \sim \mathrm{HalfNormal}(t)` with ``spread`` t.
    """

    mean: np.ndarray
    width: np.ndarray
    spread: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Spread of a participant about ``mean``, group unknown: the prior of a participant without a group."""
        return np.sqrt(self.width**2 + self.spread**2)


def outcome_sd(trials: Trials) -> float:
    """Standard deviation of the outcomes, of the widest if there are several; 1 where they do not vary."""
    spreads = [float(np.nanstd(v)) for v in trials.outcome.values() if np.isfinite(v).any()]
    return max((s for s in spreads if s > 0), default=1.0)


def group_prior(learner: Learner, trials: Trials) -> GroupPrior:
    """The default prior; parameters told per outcome are shifted by the spread of the outcomes at hand."""
    shift = np.log(outcome_sd(trials))
    parameters = learner.parameters
    return GroupPrior(
        np.array([p.mean - shift * p.per_outcome for p in parameters]),
        np.array([p.width for p in parameters]),
        np.array([p.spread for p in parameters]),
    )
