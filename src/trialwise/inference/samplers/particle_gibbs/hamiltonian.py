r"""Hamiltonian Monte Carlo with a given step size: some transitions of a chain, in compiled code.

From a position x with momentum :math:`p \sim \mathrm{Normal}(0, I)`, leapfrog steps of size :math:`\epsilon`,

.. math:: p \leftarrow p + \tfrac{\epsilon}{2} \nabla \log \pi(x), \qquad x \leftarrow x + \epsilon p, \qquad
    p \leftarrow p + \tfrac{\epsilon}{2} \nabla \log \pi(x),

lead to a proposal, accepted with probability :math:`\min(1, e^{-\Delta H})`, :math:`H = p'p / 2 - \log \pi(x)` (Duane et al. 1987, Physics
Letters B 195:216; Neal 2011, Handbook of Markov Chain Monte Carlo, ch. 5). In whitened coordinates a target is nearly standard Normal, whose
trajectories have a quarter of a period of :math:`\pi/2` in every direction: no mass matrix and no search for a turn is needed. Lengths vary
at random, since a fixed one could be a multiple of a direction's period.

A sampler that alternates with other draws, between which the target changes, needs single transitions, which libraries do not offer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numba
import numpy as np

LONGEST = np.pi / 2
"""Length of the longest trajectory; lengths are uniform between a third of it and all."""

JITTER = 0.2
"""Relative range of step sizes around their value."""

TOO_FAR = 1000.0
"""Loss of energy beyond which a trajectory has diverged."""


class Moves(NamedTuple):
    """Random numbers of some transitions: ``momenta (moves, dimension)``, logarithms of uniform numbers ``(moves,)``, sizes of steps
    ``(moves,)`` and their numbers ``(moves,)``."""

    momenta: np.ndarray
    chances: np.ndarray
    sizes: np.ndarray
    counts: np.ndarray


class Moved(NamedTuple):
    """Result of some transitions: the position, its log-density, and of each transition the acceptance probability ``(moves,)``; numbers
    of divergences and of gradients."""

    x: np.ndarray
    value: float
    acceptance: np.ndarray
    divergences: int
    gradients: int


def draw_moves(random: np.random.Generator, count: int, dimension: int, step: float) -> Moves:
    """Random numbers of ``count`` transitions with steps of about this size."""
    momenta, chances = random.standard_normal((count, dimension)), np.log1p(-random.random(count))
    sizes = step * random.uniform(1.0 - JITTER, 1.0 + JITTER, count)
    lengths = LONGEST * random.uniform(1.0 / 3.0, 1.0, count)
    return Moves(momenta, chances, sizes, np.maximum(1, np.rint(lengths / sizes)).astype(np.int64))


def build_transitions(density: Callable) -> Callable:
    """A compiled function of ``x``, :class:`Moves` and the density's arguments, which returns the entries of :class:`Moved`.

    ``density(x, *arguments)`` is compiled and returns a log-density and its gradient.
    """

    def transitions(x, momenta, chances, sizes, counts, arguments):
        value, slope = density(x, *arguments)
        acceptance, divergences, gradients = np.zeros(len(momenta)), 0, 1
        for move in range(len(momenta)):
            p, size = momenta[move].copy(), sizes[move]
            energy = value - 0.5 * np.dot(p, p)
            y, new, bend = x, value, slope
            for _ in range(counts[move]):
                p = p + 0.5 * size * bend
                y = y + size * p
                new, bend = density(y, *arguments)
                p = p + 0.5 * size * bend
                gradients += 1
                if not new - 0.5 * np.dot(p, p) > energy - TOO_FAR:  # NaN, too
                    break
            gain = new - 0.5 * np.dot(p, p) - energy
            if not gain > -TOO_FAR:
                divergences += 1
                continue
            acceptance[move] = min(1.0, np.exp(gain))
            if chances[move] < gain:
                x, value, slope = y, new, bend
        return x, value, acceptance, divergences, gradients

    return numba.njit(transitions, nogil=True, error_model="numpy")


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
    count
        Number of adaptations.
    """

    log: float
    log_average: float
    centre: float
    error: float
    count: float

    @classmethod
    def begin(cls, size: float) -> StepSize:
        """Before the first adaptation."""
        return cls(float(np.log(size)), float(np.log(size)), float(np.log(2.0 * size)), 0.0, 0.0)

    def adapted(self, acceptance: float, target: float = 0.8) -> StepSize:
        """After transitions with this mean acceptance probability."""
        count = self.count + 1.0
        error = self.error + (target - acceptance - self.error) / (count + 10.0)
        log = self.centre - np.sqrt(count) / 0.05 * error
        weight = count**-0.75
        return StepSize(float(log), float(weight * log + (1 - weight) * self.log_average), self.centre, error, count)

    @property
    def final(self) -> StepSize:
        """The size after adaptation: the average."""
        return self._replace(log=self.log_average)
