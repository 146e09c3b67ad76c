"""The likelihood of a learner on trials, whatever it takes to compute it.

:func:`trialwise.likelihoods.kinds.likelihood_of` makes one. Parameters stand in rows: a row a participant, or one row for all.
``u`` is on the unconstrained scale, ``theta`` on the natural one; both are ``(rows, parameters)``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Sequence
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
"""The label of the one row of parameters that all participants share."""


class Value(NamedTuple):
    """Log-likelihoods, in nats, and their Monte Carlo standard errors: 0 where exact, NaN where a single estimate tells none."""

    log_likelihood: np.ndarray
    standard_error: np.ndarray


@dataclass(frozen=True)
class Trace:
    """What goes on in a learner trial by trial.

    Attributes
    ----------
    record
        Log-likelihood of each trial, then its predictions: the probability of each action, or mean and standard deviation of a
        continuous response; ``(trials, ...)``, NaN where nothing was chosen.
    columns
        Signals and, of a hidden choice, probabilities of its options, by name, ``(trials,)`` each.
    attributes
        What is known of the Monte Carlo error, by name, a number a participant; nothing where there is none.
    """

    record: np.ndarray
    columns: dict[str, np.ndarray]
    attributes: dict[str, list]


class Differentiable(Protocol):
    """A log-likelihood that can be climbed: a learner's, or an emulator of it."""

    @property
    def rows(self) -> Sequence[Hashable]:
        """Labels of the rows of parameters."""

    def gradient(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values ``(rows,)`` and gradients ``(rows, parameters)`` at ``u (rows, parameters)``."""

    def curvature(self, u: np.ndarray) -> np.ndarray:
        """Minus the second derivatives, ``(rows, parameters, parameters)``, symmetric."""


def curvature_of(gradient: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], u: np.ndarray, step: float) -> np.ndarray:  # fmt: skip
    """Minus the second derivatives at ``u (rows, parameters)``, by central differences of the gradient."""
    columns = []
    for k in range(u.shape[1]):
        move = np.zeros(u.shape[1])
        move[k] = step
        columns.append((gradient(u - move)[1] - gradient(u + move)[1]) / (2 * step))
    curvature = np.stack(columns, 1)
    return 0.5 * (curvature + curvature.transpose(0, 2, 1))


class Likelihood(ABC):
    """A learner on trials.

    Attributes
    ----------
    learner, trials
        Of whom, on what.
    rows
        Labels of the rows of parameters: the participants, or :data:`EVERYBODY` where they share their parameters.
    packed
        The trials as kernels read them; ``packed.rows`` is the row of parameters of each segment of trials.
    calls
        How often the kernel ran: gradients of all rows, or particle filters.
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

    def natural(self, u: np.ndarray) -> np.ndarray:
        """Natural values of unconstrained ones ``(..., parameters)``."""
        return np.stack([p.constrain(u[..., k]) for k, p in enumerate(self.learner.parameters)], -1)

    def by_row(self, of_segments: np.ndarray) -> np.ndarray:
        """Sums over the segments of each row of parameters, ``(rows, ...)``, of ``of_segments (segments, ...)``."""
        if len(self.rows) == len(of_segments):
            return of_segments
        return np.stack([of_segments[self.packed.rows == row].sum(0) for row in range(len(self.rows))])

    # -- of every row ----------------------------------------------------------------------------------------------

    def value(self, u: np.ndarray, rows: np.ndarray | None = None, particles: int | np.ndarray | None = None) -> Value:
        """Log-likelihoods at unconstrained points.

        Parameters
        ----------
        u
            ``(points, parameters)``.
        rows
            Of which row each point is, ``(points,)``; without it there is one point for each row, in order.
        particles
            How many each estimate is made by, one number or ``(points,)``, in place of the likelihood's own; without meaning
            where values are exact.

        Returns
        -------
        Value
            ``(points,)`` each.
        """
        return self.value_at(self.natural(u), rows, particles)

    @abstractmethod
    def value_at(
        self, theta: np.ndarray, rows: np.ndarray | None = None, particles: int | np.ndarray | None = None
    ) -> Value:
        """As :meth:`value`, at natural parameters."""

    @abstractmethod
    def gradient(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log-likelihoods ``(rows,)`` and their derivatives ``(rows, parameters)`` at ``u (rows, parameters)``.

        Raises
        ------
        LearnerError
            If there is no gradient to follow, or the learner breaks the contract or cannot be compiled.
        """

    def curvature(self, u: np.ndarray) -> np.ndarray:
        """Minus the second derivatives, ``(rows, parameters, parameters)``, symmetric; errors as :meth:`gradient`'s."""
        return curvature_of(self.gradient, u, STEP)

    # -- of every trial --------------------------------------------------------------------------------------------

    @abstractmethod
    def predictions(self, theta: np.ndarray) -> np.ndarray:
        """The record of a :class:`Trace`: each trial given the recorded ones before it, ``(trials, ...)``."""

    @abstractmethod
    def trial_values(self, theta: np.ndarray) -> Value:
        """Log-likelihood of each trial given the recorded ones before it, ``(trials,)``; NaN where nothing was chosen."""

    @abstractmethod
    def trace(self, theta: np.ndarray) -> Trace:
        """What goes on in the learner trial by trial."""

    @abstractmethod
    def plain(self, theta: np.ndarray) -> np.ndarray:
        """Log-likelihoods ``(participants,)`` in interpreted Python, where a debugger steps through the learner's lines."""

    def draw(self, theta: np.ndarray, random: np.ndarray) -> np.ndarray:
        """Responses on each trial given the recorded ones before it, ``(trials, columns)``; missing where none was recorded.

        ``random (trials, numbers)`` are the random numbers that the learner's responses take, see :meth:`random_numbers`.
        """
        record, drawn = self.predictions(theta), self.packed.observed.copy()
        for response, recorded in self._recorded(drawn):
            first = response.place.random
            numbers = random[recorded, first : first + len(response.family.random)]
            predictions = response.predictions(record, self.packed.actions)[recorded]
            response.observed(drawn)[recorded] = response.family.redraw(predictions, numbers)
        return drawn

    def random_numbers(self, random: np.random.Generator) -> np.ndarray:
        """Random numbers for :meth:`draw`, ``(trials, numbers)``; 0 on trials that take none."""
        responses = list(self._recorded(self.packed.observed))
        numbers = np.zeros((len(self.packed.observed), sum(len(each.family.random) for each, _ in responses)))
        for response, recorded in responses:
            first, kinds = response.place.random, response.family.random
            numbers[recorded, first : first + len(kinds)] = random_numbers(kinds, random, int(recorded.sum()))
        return numbers

    def _recorded(self, observed: np.ndarray) -> Iterator[tuple[Response, np.ndarray]]:
        """Each response of the learner, and on which trials it was recorded."""
        for response in responses_of(self.learner, self.packed.actions):
            yield response, ~response.family.missing(response.observed(observed))
