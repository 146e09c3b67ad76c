"""Exact likelihoods with their gradients, by one compiled pass through the trials."""

from __future__ import annotations

import numpy as np

from trialwise.engine import check_filled, compilation, in_rows, run_plain, run_trace
from trialwise.likelihoods.filter_streams import occurrence
from trialwise.likelihoods.likelihood import Likelihood, Trace, Value

MOST_LOOKS = 5
"""How often one likelihood looks for the reason of a NaN in plain Python, which is slow."""


class ExactLikelihood(Likelihood):
    """The likelihood of a learner without hidden choices."""

    has_gradient = True
    exact = True
    looked = 0

    @property
    def arguments(self) -> tuple[np.ndarray, ...]:
        """All arguments of ``arrangement.kernel`` except the parameters."""
        settings, rows, *rest = self.arrangement.arguments
        return (settings, self.packed.rows if self.pooled else rows, *rest)

    def of_segments(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log-likelihoods ``(segments,)`` and derivatives ``(segments, parameters)`` at natural ``theta (rows, parameters)``."""
        self.calls += 1
        arrangement, theta = self.arrangement, in_rows(self.packed, theta)
        with compilation(self.learner, self.packed, tried=True, free=theta):
            likelihood, slope = arrangement.kernel(theta, *(self.arguments if self.pooled else arrangement.arguments))
        if self.looked < MOST_LOOKS and np.isnan(likelihood).any():
            self.looked += 1
            check_filled(self.learner, self.packed, theta, likelihood)
        return likelihood, slope

    def gradient_at(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As :meth:`gradient`, at and with respect to natural parameters."""
        value, slope = self.of_segments(theta)
        return self.by_row(value), self.by_row(slope)

    def gradient(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        slopes = np.ones_like(u)
        for k, p in enumerate(self.learner.parameters):
            slopes[:, k] = p.slope(u[:, k])
        value, gradient = self.of_segments(self.natural(u))
        gradient = gradient * (slopes[self.packed.rows] if self.pooled else slopes)
        return self.by_row(value), self.by_row(gradient)

    def value_at(self, theta: np.ndarray, rows: np.ndarray | None = None, particles: int | None = None) -> Value:
        values = self.gradient_at(theta)[0] if rows is None else self._in_turns(theta, np.asarray(rows))
        return Value(values, np.zeros(len(values)))

    def _in_turns(self, theta: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Values at several points of each row: every run of the kernel takes one point of each row."""
        turn = occurrence(rows)
        shape = (turn.max(initial=-1) + 1, len(self.rows))
        at = np.empty((*shape, theta.shape[1]))
        at[:] = theta[:1]  # rows without a point in this run get any point; its value is not used
        at[turn, rows] = theta
        values = np.empty(shape)
        for row_values, points in zip(values, at, strict=True):
            row_values[:] = self.gradient_at(points)[0]
        return np.asarray(values[turn, rows])

    def predictions(self, theta: np.ndarray) -> np.ndarray:
        return run_trace(self.learner, self.packed, theta)[0]

    def trial_values(self, theta: np.ndarray) -> Value:
        values = self.predictions(theta)[:, 0]
        return Value(values, np.zeros(len(values)))

    def trace(self, theta: np.ndarray) -> Trace:
        record, signals, names = run_trace(self.learner, self.packed, theta)
        return Trace(record, {name: signals[:, k] for k, name in enumerate(names)}, {})

    def plain(self, theta: np.ndarray) -> np.ndarray:
        return run_plain(self.learner, self.packed, theta)
