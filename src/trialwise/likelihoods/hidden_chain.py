r"""Hidden choices that are a Markov chain, given the responses: the forward-backward algorithm, and the most probable sequence.

Everything is of one participant, on the T trials with a hidden choice, and exact: with :math:`h_t(k \mid j)` the probability of option k after
option j and :math:`\ell_t(k)` the likelihood of the trial's responses with option k,

.. math:: f_t(k) \propto \ell_t(k) \sum_j f_{t-1}(j)\, h_t(k \mid j), \qquad
    b_{t-1}(j) \propto \sum_k h_t(k \mid j)\, \ell_t(k)\, b_t(k), \qquad
    p(z_t = k \mid \text{all}) \propto f_t(k)\, b_t(k)

(Rabiner 1989, Proc. IEEE 77:257; the most probable sequence by Viterbi 1967, IEEE Trans. Inf. Theory 13:260).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class HiddenChain:
    """One participant's chain.

    Attributes
    ----------
    transitions
        :math:`h_t(k \\mid j)`, ``(trials, j, k)``; all rows the same where no hidden choice precedes.
    chances
        :math:`\\log \\ell_t(k)`, ``(trials, options)``.
    first
        Whether no hidden choice precedes: the first trial, and the first after a reset, ``bool (trials,)``.
    """

    transitions: np.ndarray
    chances: np.ndarray
    first: np.ndarray

    @cached_property
    def likelihoods(self) -> np.ndarray:
        """Likelihoods of the responses relative to the largest of the trial, ``(trials, options)``."""
        return np.asarray(np.exp(self.chances - self.chances.max(1, keepdims=True, initial=-np.inf)))

    @cached_property
    def filtered(self) -> np.ndarray:
        """Probabilities given the trials up to the current one, ``(trials, options)``."""
        values = np.empty(self.chances.shape)
        before = np.full(values.shape[1], 1.0 / values.shape[1])
        for t, (transition, likelihood) in enumerate(zip(self.transitions, self.likelihoods, strict=True)):
            now = (before @ transition) * likelihood
            values[t] = before = now / now.sum()
        return values

    @cached_property
    def _behind(self) -> np.ndarray:
        """:math:`b_t(k)`, scaled to sum to 1, ``(trials, options)``."""
        values = np.empty(self.chances.shape)
        now = np.full(values.shape[1], 1.0 / values.shape[1])
        for t in range(len(values) - 1, -1, -1):
            values[t] = now
            now = self.transitions[t] @ (self.likelihoods[t] * now)
            now = now / now.sum()
        return values

    @cached_property
    def smoothed(self) -> np.ndarray:
        """Probabilities given all trials, ``(trials, options)``."""
        values = self.filtered * self._behind
        return np.asarray(values / values.sum(1, keepdims=True))

    @cached_property
    def onward(self) -> np.ndarray:
        """Probability of option k given option j on the trial before and all responses, ``(trials, j, k)``; 0 where j is impossible."""
        values = self.transitions * (self.likelihoods * self._behind)[:, None, :]
        totals = values.sum(2, keepdims=True)
        return np.divide(values, totals, out=np.zeros(values.shape), where=totals > 0)

    @property
    def pairs(self) -> np.ndarray:
        """Probability of option j on the trial before and k on the trial, given all trials, ``(trials, j, k)``; 0 where none precedes."""
        values = np.zeros(self.transitions.shape)
        values[1:] = self.smoothed[:-1, :, None] * self.onward[1:]
        values[self.first] = 0.0
        return values

    @property
    def same(self) -> np.ndarray:
        """Probability that the same option was in use on trials s and t, ``(trials, trials)``, given all trials."""
        trials, options = self.chances.shape
        values, joint = np.empty((trials, trials)), np.zeros((trials, options, options))
        for t in range(trials):
            joint[:t] = joint[:t] @ self.onward[t]  # of the option on an earlier trial and that on trial t
            joint[t] = np.diag(self.smoothed[t])
            values[t, : t + 1] = values[: t + 1, t] = np.trace(joint[: t + 1], axis1=1, axis2=2)
        return values

    @property
    def path(self) -> np.ndarray:
        """The most probable sequence of options, from 0, ``(trials,)``."""
        trials, options = self.chances.shape
        came, best = np.zeros((trials, options), np.int64), np.zeros(options)
        with np.errstate(divide="ignore"):
            steps = np.log(self.transitions)
        for t in range(trials):
            scores = best[:, None] + steps[t]
            came[t] = scores.argmax(0)
            best = scores.max(0) + self.chances[t]
        path = np.empty(trials, np.int64)
        at = int(best.argmax()) if trials else 0
        for t in range(trials - 1, -1, -1):
            path[t], at = at, came[t, at]
        return path
