r"""Hamiltonian Monte Carlo with a given step size: one transition of a chain, in compiled code.

From a position x with momentum :math:`p \sim \mathrm{Normal}(0, I)`, leapfrog steps of size :math:`\epsilon`,

.. math:: p \leftarrow p + \tfrac{\epsilon}{2} A' \nabla \log \pi(x), \qquad x \leftarrow x + \epsilon A p, \qquad
    p \leftarrow p + \tfrac{\epsilon}{2} A' \nabla \log \pi(x),

lead to a proposal, accepted with probability :math:`\min(1, e^{-\Delta H})`, :math:`H = p'p / 2 - \log \pi(x)` (Duane et al. 1987, Physics
Letters B 195:216; Neal 2011, Handbook of Markov Chain Monte Carlo, ch. 5). A scales directions: blocks for the group and for each
participant, the inverse fourth root of their curvature. That is half the way from the coordinates as they are to coordinates in which the
curvature is 1: where it varies the whole way would leave the wide regions too wide for a trajectory. Roots are averaged over points, not
curvatures: few points with hundreds of times the usual curvature would make all steps short.
Lengths vary at random, since a fixed one could be a multiple of a direction's period.

A sampler that alternates with other draws, between which the target changes, needs single transitions, which libraries do not offer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numba
import numpy as np

LONGEST = 2 * np.pi
"""Length of the longest trajectory, a whole period where curvature is 1; lengths are uniform between a third of it and all."""

JITTER = 0.2
"""Relative range of step sizes around their value."""

CAREFUL, SHORTER = 8, 3.0
"""One in so many transitions is careful: its steps are shorter by this factor. Where curvature is far above its mean, as at participants far from all
others, trajectories of the usual steps diverge and are rejected, twenty in a row were seen; careful ones move there."""

ACCEPTANCE = 0.85
"""Mean acceptance probability to which steps are adapted."""

LEAST = 0.1
"""Smallest curvature that counts as such."""

MOST_STEPS = 1000
"""Largest number of steps of a transition: after some rejections in a row adaptation tries steps so small that trajectories would not end."""

TOO_FAR = 1000.0
"""Loss of energy beyond which a trajectory has diverged."""


class Roots(NamedTuple):
    """The matrix A in blocks: ``group (G, G)`` and ``participants (participants, Q, Q)``, symmetric."""

    group: np.ndarray
    participants: np.ndarray


class Moved(NamedTuple):
    """Result of a transition: the position, its log-density, the acceptance probability, whether it diverged, and number of gradients."""

    x: np.ndarray
    value: float
    acceptance: float
    diverged: bool
    gradients: int


def no_scale(group: int, participants: int, size: int) -> Roots:
    """Roots that change nothing."""
    return Roots(np.eye(group), np.tile(np.eye(size), (participants, 1, 1)))


def roots_of(curvatures: Sequence[Roots]) -> Roots:
    """The means of the inverse fourth roots of blocks of curvature."""

    def root(blocks: np.ndarray) -> np.ndarray:
        values, vectors = np.linalg.eigh(blocks)
        scaled = vectors * np.maximum(values, LEAST)[..., None, :] ** -0.25
        return np.ascontiguousarray(np.mean(scaled @ np.swapaxes(vectors, -1, -2), 0))

    return Roots(*(root(np.array(each)) for each in zip(*curvatures, strict=True)))


def curvature_at(
    density: Callable[[np.ndarray], tuple[float, np.ndarray]],
    x: np.ndarray,
    group: int,
    participants: int,
    step: float = 1e-4,
) -> Roots:
    """Minus the second derivatives of a log-density at ``x``, by blocks, by central differences of its gradient; zeros where they are not finite.

    Given the group the participants are independent, so that one difference serves all participants.
    """
    size = (len(x) - group) // participants

    def bend(move: np.ndarray) -> np.ndarray:
        return (density(x - move)[1] - density(x + move)[1]) / (2 * step)

    of_group, of_each = np.zeros((group, group)), np.zeros((participants, size, size))
    for k in range(group):
        of_group[k] = bend(step * (np.arange(len(x)) == k))[:group]
    for k in range(size):
        of_each[:, k] = bend(step * ((np.arange(len(x)) >= group) & ((np.arange(len(x)) - group) % size == k)))[
            group:
        ].reshape(-1, size)
    clean = (np.nan_to_num(each, nan=0.0, posinf=0.0, neginf=0.0) for each in (of_group, of_each))
    return Roots(*(0.5 * (each + np.swapaxes(each, -1, -2)) for each in clean))


def build_transition(density: Callable) -> Callable:
    """A compiled function ``(x, momentum, log of a uniform number, step size, number of steps, roots, arguments)``, which returns the entries of
    :class:`Moved`.

    ``density(x, *arguments)`` is compiled and returns a log-density and its gradient.
    """

    def scaled(vector, of_group, of_each):
        result, group, size = np.empty_like(vector), len(of_group), of_each.shape[1]
        for i in range(group):
            result[i] = 0.0
            for j in range(group):
                result[i] += of_group[i, j] * vector[j]
        for n in range(len(of_each)):
            first = group + n * size
            for i in range(size):
                result[first + i] = 0.0
                for j in range(size):
                    result[first + i] += of_each[n, i, j] * vector[first + j]
        return result

    scale = numba.njit(scaled, nogil=True, error_model="numpy")

    def transition(x, momentum, chance, size, count, roots, arguments):
        of_group, of_each = roots
        value, slope = density(x, *arguments)
        p, energy = momentum, value - 0.5 * np.dot(momentum, momentum)
        y, new, bend = x, value, scale(slope, of_group, of_each)
        for number in range(count):
            p = p + 0.5 * size * bend
            y = y + size * scale(p, of_group, of_each)
            new, slope = density(y, *arguments)
            bend = scale(slope, of_group, of_each)
            p = p + 0.5 * size * bend
            gain = new - 0.5 * np.dot(p, p) - energy
            if not gain > -TOO_FAR:  # NaN, too
                return x, value, 0.0, True, number + 2
        if chance < gain:
            x, value = y, new
        return x, value, min(1.0, np.exp(gain)), False, count + 1

    return numba.njit(transition, nogil=True, error_model="numpy")


def draw_transition(
    random: np.random.Generator, dimension: int, step: float, careful: bool = False
) -> tuple[np.ndarray, float, float, int]:
    """The random numbers of a transition with steps of about this size, or shorter ones if it is ``careful``: momentum, logarithm of a uniform number, size
    and number of steps."""
    momentum, chance = random.standard_normal(dimension), np.log1p(-random.random())
    size, length = step * random.uniform(1.0 - JITTER, 1.0 + JITTER), LONGEST * random.uniform(1.0 / 3.0, 1.0)
    count = max(1, round(min(length / size, MOST_STEPS)))
    return momentum, float(chance), float(size / SHORTER if careful else size), count


class StepSize(NamedTuple):
    """The size of steps, adapted to a mean acceptance probability by dual averaging (Hoffman & Gelman 2014, JMLR 15:1593, section 3.2).

    Attributes
    ----------
    log, log_average
        Logarithms of the size now, and of its average.
    centre
        The value of ``log`` to which it is drawn.
    error
        The running mean of the deviations of acceptance.
    times
        Number of adaptations.
    """

    log: float
    log_average: float
    centre: float
    error: float
    times: float

    @classmethod
    def begin(cls, size: float) -> StepSize:
        """Before the first adaptation."""
        return cls(float(np.log(size)), float(np.log(size)), float(np.log(2.0 * size)), 0.0, 0.0)

    def adapted(self, acceptance: float, target: float = ACCEPTANCE) -> StepSize:
        """After transitions with this mean acceptance probability."""
        times = self.times + 1.0
        error = self.error + (target - acceptance - self.error) / (times + 10.0)
        log = self.centre - np.sqrt(times) / 0.05 * error
        weight = times**-0.75
        return StepSize(float(log), float(weight * log + (1 - weight) * self.log_average), self.centre, error, times)

    @classmethod
    def pooled(cls, steps: Sequence[StepSize]) -> StepSize:
        """The size after adaptation, the same for all chains, since all have the same target: the mean of their averages."""
        return cls.begin(float(np.exp(np.mean([step.log_average for step in steps]))))
