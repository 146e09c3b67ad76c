"""Exact likelihoods of learners whose hidden choices are a Markov chain, by the forward algorithm."""

from __future__ import annotations

import itertools
from functools import cached_property

import numpy as np

from trialwise.engine import FLAGS, RESET, ForwardTrace, forward_plain, trace_forward
from trialwise.likelihoods.exact import ExactLikelihood
from trialwise.likelihoods.hidden_chain import HiddenChain
from trialwise.likelihoods.likelihood import Trace


class ForwardLikelihood(ExactLikelihood):
    """The likelihood of a learner with a hidden choice that is a Markov chain: exact, with a gradient (:mod:`trialwise.engine.walks.forward`)."""

    def predictions(self, theta: np.ndarray) -> np.ndarray:
        return trace_forward(self.learner, self.packed, theta)[0].record

    def trace(self, theta: np.ndarray) -> Trace:
        """A trace with the probabilities of hidden options, filtered and smoothed, and their most probable sequence, numbered from 1."""
        traced, names = trace_forward(self.learner, self.packed, theta)
        chains = self._chains(traced)
        smoothed, filtered = (
            self._each(traced, [getattr(c, name) for c in chains]) for name in ("smoothed", "filtered")
        )
        options = range(self.learner.options)
        columns = {f"hidden_{k + 1}": smoothed[:, k] for k in options}
        columns |= {f"hidden_{k + 1}_filtered": filtered[:, k] for k in options}
        columns["hidden_path"] = self._each(traced, [chain.path[:, None] + 1.0 for chain in chains])[:, 0]
        return Trace(traced.record, columns | {name: traced.signals[:, k] for k, name in enumerate(names)}, {})

    def chains(self, theta: np.ndarray) -> list[HiddenChain]:
        """The chain of hidden choices of each participant."""
        return self._chains(trace_forward(self.learner, self.packed, theta)[0])

    def same_hidden(self, n: int, theta: np.ndarray) -> np.ndarray:
        """Probability that participant n's hidden option was the same on trials s and t, ``(trials, trials)``, at ``theta (parameters,)``; NaN where
        there is none."""
        packed = self.packed.only(n)
        traced = trace_forward(self.learner, packed, theta[None])[0]
        same = np.full((len(packed.ints),) * 2, np.nan)
        drawn = np.flatnonzero(traced.drawn)
        same[np.ix_(drawn, drawn)] = _chain(traced, slice(None), self._resets(packed.ints)).same
        return same

    def plain(self, theta: np.ndarray) -> np.ndarray:
        return forward_plain(self.learner, self.packed, theta)[0]

    @staticmethod
    def _resets(ints: np.ndarray) -> np.ndarray:
        return np.asarray((ints[:, FLAGS] & RESET) > 0)

    @cached_property
    def _spans(self) -> list[slice]:
        return [slice(int(first), int(end)) for first, end in itertools.pairwise(self.packed.offsets)]

    def _chains(self, traced: ForwardTrace) -> list[HiddenChain]:
        resets = self._resets(self.packed.ints)
        return [_chain(traced, rows, resets) for rows in self._spans]

    @staticmethod
    def _each(traced: ForwardTrace, values: list[np.ndarray]) -> np.ndarray:
        """Values of the trials with a hidden choice, a participant each, among all trials; NaN on the others."""
        together = np.concatenate(values)
        result = np.full((len(traced.drawn), together.shape[1]), np.nan)
        result[traced.drawn] = together
        return result


def _chain(traced: ForwardTrace, rows: slice, resets: np.ndarray) -> HiddenChain:
    drawn = traced.drawn[rows]
    since = np.cumsum(resets[rows])[drawn]  # number of resets so far
    first = np.diff(since, prepend=-1) != 0
    return HiddenChain(traced.transitions[rows][drawn], traced.chances[rows][drawn], first)
