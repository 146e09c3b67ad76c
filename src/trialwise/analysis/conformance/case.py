"""What a learner is checked on: its trials, parameter points, and the environment that the trials come from."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from trialwise.analysis.conformance.by_hand import HIDDEN_CHOICE
from trialwise.base.message import Input, Message
from trialwise.base.streams import stream
from trialwise.data.trials import Column, Trials
from trialwise.engine import Packed, pack, run_trace
from trialwise.environments.environment import Environment, Recorded
from trialwise.learners.learner import Learner

AGREEMENT = 1e-10
"""Largest relative difference between two computations of one number."""

POINTS = 3
"""Number of parameter points; at each, every participant has values of its own."""


class Violation(Exception):
    """The contract is violated; the message explains how."""

    def __init__(self, *parts: str | Input):
        self.message = Message(*parts)
        super().__init__(self.message)


class Beginning(NamedTuple):
    """The first trials of each participant, their rows among all trials, and which of them are the last."""

    trials: Trials
    rows: np.ndarray
    last: np.ndarray


class Case:
    """A learner, the trials it is checked on, and parameter points.

    ``task`` is the environment that the trials come from, if it is known; ``generated``, whether they were made up for the check, so
    that any others are as good.
    """

    def __init__(
        self,
        learner: Learner,
        trials: Trials,
        seed: int,
        task: Environment | Recorded | None = None,
        generated: bool = False,
    ):
        self.random, self.seed, self.task, self.generated = stream(seed, "conformance"), seed, task, generated
        if learner.hides:
            hidden = Column(stream(seed, "conformance of hidden choices").integers(0, learner.options, trials.n_trials))
            trials = replace(trials, columns={**trials.columns, HIDDEN_CHOICE: hidden})
        self.learner, self.trials = learner, trials
        spots = self.random.normal(0.0, 0.8, (POINTS, trials.n_participants, len(learner.parameters)))
        self.points = [self.natural(spot) for spot in spots]

    def natural(self, spot: np.ndarray) -> np.ndarray:
        """Parameters ``(participants, parameters)`` at a distance ``spot`` from the mean of their priors, unconstrained scale."""
        columns = [p.constrain(p.mean + spot[:, k]) for k, p in enumerate(self.learner.parameters)]
        return np.stack(columns, 1) if columns else np.zeros((len(spot), 0))

    @cached_property
    def packed(self) -> Packed:
        return self.pack(self.trials)

    def pack(self, trials: Trials) -> Packed:
        """Trials in the engine's format; hidden choices are given, so that likelihoods can be computed exactly."""
        packed = pack(self.learner, trials)
        return packed.with_hidden(trials.columns[HIDDEN_CHOICE].values) if self.learner.hides else packed

    def scores(self, free: np.ndarray, trials: Trials | None = None, packed: Packed | None = None) -> np.ndarray:
        """Log-likelihood of each trial; NaN on missed trials."""
        packed = packed or (self.packed if trials is None else self.pack(trials))
        scores: np.ndarray = run_trace(self.learner, packed, free)[0][:, 0]
        return scores

    def total(self, free: np.ndarray) -> np.ndarray:
        """Log-likelihood of each participant, compiled on doubles."""
        return self.by_participant(self.scores(free))

    def by_participant(self, scores: np.ndarray) -> np.ndarray:
        spans = zip(self.trials.offsets[:-1], self.trials.offsets[1:], strict=True)
        return np.array([np.nansum(scores[first:end]) for first, end in spans])

    def beginning(self) -> Beginning:
        """The trials up to a random one of each participant, whose outcome is missing: what is known at a choice."""
        count = 1 + (self.random.random(self.trials.n_participants) * self.trials.lengths).astype(int)
        until = self.trials.beginning(count)
        last = np.zeros(until.n_trials, bool)
        last[until.offsets[1:][until.lengths > 0] - 1] = True
        outcome = {name: np.where(last, np.nan, values) for name, values in until.outcome.items()}
        from_start = np.arange(self.trials.n_trials) - np.repeat(self.trials.offsets[:-1], self.trials.lengths)
        rows = np.flatnonzero(from_start < np.repeat(count, self.trials.lengths))
        return Beginning(replace(until, outcome=outcome), rows, last)

    def where(self, t: int) -> str:
        """A description of a trial, for messages."""
        n = int(np.searchsorted(self.trials.offsets, t, "right")) - 1
        return f"trial {t - self.trials.offsets[n] + 1} of {self.trials.participants[n]}"


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Differences relative to size, 0 where both are NaN and infinite where one is."""
    gap = np.abs(a - b) / np.maximum(1.0, np.abs(b))
    gap = np.where(a == b, 0.0, gap)  # equal infinities
    return np.where(np.isnan(a) & np.isnan(b), 0.0, np.where(np.isnan(gap), np.inf, gap))


def shown(number: float) -> str:
    return f"{number:.2g}"
