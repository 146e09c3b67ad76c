"""The interface of likelihoods of a learner on trials, exact or estimated.

:func:`trialwise.likelihoods.kinds.likelihood_of` creates one. Parameters are arranged in rows: one per participant, or one for all.
``u`` is on the unconstrained scale, ``theta`` on the natural one; both are ``(rows, parameters)``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, Protocol

import numpy as np

from trialwise.data.trials import Trials
from trialwise.engine import Response, responses_of
from trialwise.learners.learner import Learner
from trialwise.learners.responses.family import random_numbers
from trialwise.likelihoods.arrangement import arrangement

STEP = 1e-4
"""Step of the central differences of the gradient that make a curvature."""

EVERYBODY = "all participants"
"""Label of the row of parameters if all participants share it."""


class Value(NamedTuple):
    """Log-likelihoods, in nats, and their Monte Carlo standard errors: 0 where exact, NaN for a single estimate."""

    log_likelihood: np.ndarray
    standard_error: np.ndarray


@dataclass(frozen=True)
class Trace:
    """Predictions and signals of a learner trial by trial.

    Attributes
    ----------
    record
        Log-likelihood of each trial, then its predictions: the probability of each action, or mean and standard deviation of a
        continuous response; ``(trials, ...)``, NaN where there was no response.
    columns
        Signals and, with a hidden choice, probabilities of its options, by name, ``(trials,)`` each.
    attributes
        Measures of Monte Carlo error by name, one number per participant or for all; empty for exact likelihoods.
    """

    record: np.ndarray
    columns: dict[str, np.ndarray]
    attributes: dict[str, list | int]


class Differentiable(Protocol):
    """A differentiable log-likelihood: of a learner, of its participants' effects, or an approximation."""

    @property
    def rows(self) -> Sequence[Hashable]:
        """Labels of the rows of parameters."""

    def gradient(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values ``(rows,)`` and gradients ``(rows, parameters)`` at ``u (rows, parameters)``."""

    def curvature(self, u: np.ndarray) -> np.ndarray:
        """Minus the second derivatives, ``(rows, parameters, parameters)``, symmetric."""


class Likelihood(ABC):
    """The likelihood of a learner on trials.

    Attributes
    ----------
    learner, trials
        The learner and its data.
    rows
        Labels of the rows of parameters: the participants, or :data:`EVERYBODY` where they share their parameters.
    packed
        The trials in the layout of kernels; ``packed.rows`` is the row of parameters of each segment of trials.
    calls
        Number of runs of the kernel: gradients of all rows, or particle filters.
    has_gradient
        Whether values come with a gradient that a sampler can follow.
    exact
        Whether values are free of Monte Carlo error.
    """

    has_gradient: ClassVar[bool]
    exact: ClassVar[bool]

    def __init__(self, learner: Learner, trials: Trials, pooled: bool = False):
        self.arrangement = arrangement(learner, trials)
        self.learner, self.trials, self.pooled, self.calls = learner, trials, pooled, 0
        self.packed = self.arrangement.packed
        self.rows: Sequence[Hashable] = trials.participants
        if pooled:
            self.packed = replace(self.packed, rows=np.zeros_like(self.packed.rows))
            self.rows = (EVERYBODY,)

    @property
    def has_courses(self) -> bool:
        """Whether the learner makes hidden choices whose courses have to be drawn, since there is no exact sum over them."""
        return self.learner.hides and not self.has_gradient

    def natural(self, u: np.ndarray) -> np.ndarray:
        """Natural values from unconstrained ones, ``(..., parameters)``."""
        if not self.learner.parameters:
            return u
        return np.stack([p.constrain(u[..., k]) for k, p in enumerate(self.learner.parameters)], -1)

    def by_row(self, of_segments: np.ndarray) -> np.ndarray:
        """Sums over the segments of each row of parameters, ``(rows, ...)``, of ``of_segments (segments, ...)``."""
        if len(self.rows) == len(of_segments):
            return of_segments
        return np.stack([of_segments[self.packed.rows == row].sum(0) for row in range(len(self.rows))])

    # -- of every row ----------------------------------------------------------------------------------------------

    def value(self, u: np.ndarray, rows: np.ndarray | None = None, particles: int | None = None) -> Value:
        """Log-likelihoods at unconstrained points.

        Parameters
        ----------
        u
            Unconstrained parameters, ``(points, parameters)``.
        rows
            The row each point belongs to, ``(points,)``; by default there is one point for each row, in order.
        particles
            Number of particles per filter, instead of the likelihood's default; ignored where values are exact.

        Returns
        -------
        Value
            ``(points,)`` each.
        """
        return self.value_at(self.natural(u), rows, particles)

    @abstractmethod
    def value_at(self, theta: np.ndarray, rows: np.ndarray | None = None, particles: int | None = None) -> Value:
        """As :meth:`value`, at natural parameters."""

    @abstractmethod
    def gradient(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log-likelihoods ``(rows,)`` and their derivatives ``(rows, parameters)`` at ``u (rows, parameters)``.

        Raises
        ------
        LearnerError
            If the likelihood has no gradient, or the learner breaks the contract or cannot be compiled.
        """

    def curvature(self, u: np.ndarray) -> np.ndarray:
        """Minus the second derivatives, ``(rows, parameters, parameters)``, symmetric, by central differences of :meth:`gradient`; errors as its."""
        columns = []
        for k in range(u.shape[1]):
            move = np.zeros(u.shape[1])
            move[k] = STEP
            columns.append((self.gradient(u - move)[1] - self.gradient(u + move)[1]) / (2 * STEP))
        curvature = np.stack(columns, 1)
        return 0.5 * (curvature + curvature.transpose(0, 2, 1))

    # -- of every trial --------------------------------------------------------------------------------------------

    @abstractmethod
    def predictions(self, theta: np.ndarray) -> np.ndarray:
        """The record of a :class:`Trace`: each trial given the recorded ones before it, ``(trials, ...)``."""

    @abstractmethod
    def trial_values(self, theta: np.ndarray) -> Value:
        """Log-likelihood of each trial given the recorded ones before it, ``(trials,)``; NaN where there was no response."""

    @abstractmethod
    def trace(self, theta: np.ndarray) -> Trace:
        """Predictions and signals of the learner trial by trial."""

    @abstractmethod
    def plain(self, theta: np.ndarray) -> np.ndarray:
        """Log-likelihoods ``(participants,)`` in interpreted Python, where a debugger can step through the learner."""

    def draw(self, theta: np.ndarray, random: np.ndarray) -> np.ndarray:
        """Draw responses on each trial given the recorded ones before it, ``(trials, columns)``; missing where none was recorded, and
        as recorded where it is not scored.

        ``random (trials, numbers)`` are the random numbers for the learner's responses, see :meth:`random_numbers`.
        """
        record, drawn = self.predictions(theta), self.packed.observed.copy()
        for response, recorded in self._recorded(drawn):
            first = response.place.random
            numbers = random[recorded, first : first + len(response.family.random)]
            predictions = response.predictions(record, self.packed.actions)[recorded]
            response.observed(drawn)[recorded] = response.family.redraw(predictions, numbers)
        return drawn

    def random_numbers(self, random: np.random.Generator) -> np.ndarray:
        """Random numbers for :meth:`draw`, ``(trials, numbers)``; 0 on trials that need none."""
        responses = list(self._recorded(self.packed.observed))
        numbers = np.zeros((len(self.packed.observed), sum(len(each.family.random) for each, _ in responses)))
        for response, recorded in responses:
            first, kinds = response.place.random, response.family.random
            numbers[recorded, first : first + len(kinds)] = random_numbers(kinds, random, int(recorded.sum()))
        return numbers

    def _recorded(self, observed: np.ndarray) -> Iterator[tuple[Response, np.ndarray]]:
        """Each response of the learner, with the mask of trials on which it was recorded and enters the likelihood."""
        for response in responses_of(self.learner, self.packed.actions):
            yield response, self.packed.scored & ~response.family.missing(response.observed(observed))
