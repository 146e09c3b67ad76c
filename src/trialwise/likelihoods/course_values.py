r"""Values of trials at draws from the joint posterior of parameters and hidden choices.

Each draw is a pair: parameters :math:`\theta^{(d)}`, and a course :math:`z^{(d)}_{1:T}`, the sequence of a participant's hidden choices, drawn together
by a sampler. Given a course nothing is hidden, so that a learner's signals on every trial, such as prediction errors, follow by replaying it. Means over
draws are expectations given all responses,

.. math:: E[f_t \mid a_{1:T}] \approx \frac{1}{D} \sum_d f_t(\theta^{(d)}, z^{(d)}_{1:t}),

that include the uncertainty of the parameters. Draws are joint over trials: whether two trials had the same option, however far apart, is
the share of draws in which they had.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.engine import run_trace, signal_names
from trialwise.likelihoods.estimated import EstimatedLikelihood
from trialwise.likelihoods.hidden_posterior import same_in, smoothed
from trialwise.likelihoods.likelihood import Likelihood, Trace


@dataclass(frozen=True)
class CourseDraws:
    """Draws from the joint posterior of parameters and hidden choices.

    Attributes
    ----------
    theta
        Natural parameters, ``(draws, rows, parameters)``.
    hidden
        Options from 0, ``int8 (draws, trials)``; -1 where there is none.
    """

    theta: np.ndarray
    hidden: np.ndarray

    def __len__(self) -> int:
        return len(self.hidden)

    def replayed(self, likelihood: Likelihood) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Record, see :class:`trialwise.likelihoods.likelihood.Trace`, and signals ``(trials, signals)`` of each draw, given its course."""
        learner, packed = likelihood.learner, likelihood.packed
        if self.hidden.shape[1] != len(packed.ints):
            raise UsageError(f"courses of {self.hidden.shape[1]} trials: the data have {len(packed.ints)}")
        for theta, hidden in zip(self.theta, np.maximum(self.hidden, 0), strict=True):  # where there is none, any does
            record, signals, _ = run_trace(learner, packed.with_hidden(hidden), theta)
            yield record, signals

    def trace(self, likelihood: EstimatedLikelihood, theta: np.ndarray) -> Trace:
        """A trace at ``theta (rows, parameters)`` by filters, with what is smoothed replaced by means over draws; ``courses`` is their number."""
        traced, learner, packed = likelihood.trace(theta), likelihood.learner, likelihood.packed
        weight = np.full(len(self), 1.0 / len(self))
        kinds = [
            smoothed(learner, likelihood.trials, packed, n, self.hidden[:, first:end].T, weight)
            for n, (first, end) in enumerate(pairwise(packed.offsets))
        ]
        found = {name: np.concatenate([each[name] for each in kinds]) for name in kinds[0]}
        if names := signal_names(learner, packed):
            total = np.zeros((len(packed.ints), len(names)))
            for _, signals in self.replayed(likelihood):
                total += signals
            found |= {name: total[:, k] / len(self) for k, name in enumerate(names)}
        attributes: dict[str, list | int] = {"courses": len(self), "filters": traced.attributes["filters"]}
        return replace(traced, columns=traced.columns | found, attributes=attributes)

    def same(self, likelihood: Likelihood, n: int) -> np.ndarray:
        """Probability that participant n's option was the same on trials s and t, ``(trials, trials)``, see
        :func:`trialwise.likelihoods.hidden_posterior.same_in`."""
        own = self.hidden[:, likelihood.packed.offsets[n] : likelihood.packed.offsets[n + 1]].T
        weight = np.full(len(self), 1.0 / len(self))
        return same_in(likelihood.learner, likelihood.trials, likelihood.packed, n, own, weight)
