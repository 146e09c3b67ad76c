r"""The posterior of the default hierarchical model as one compiled function, in coordinates suited to sampling.

The density is that of :func:`trialwise.population.pymc.model.build_model` (tests compare the two), but only the learner's kernel has to
be compiled for each learner, everything else once, and no graph is built. The coordinates of the sampler are

* ``m`` (F,), coefficients: :math:`B = c + F m`, whitened by their expected posterior; without formulas they are the group's means;
* ``s`` (Q,), spreads as signed numbers z, :math:`\sigma = |z|`, functions of s (:mod:`trialwise.population.geometry.spreads`), with density
  :math:`2\, \mathrm{Normal}(z; 0, t)\, \mathrm{logistic}(s / c)`. The two signs of a spread share its HalfNormal density,
  :math:`\mathrm{logistic}(x) + \mathrm{logistic}(-x) = 1`, with nearly all of its mass on the positive sign. So there is no
  boundary at zero, as for :math:`\sigma` itself, no infinite tail, as for its logarithm, and no valley between two equal modes, as
  for a symmetric z;
* ``r`` (pairs,), correlations: numbers x of :mod:`trialwise.population.correlations` in units of their expected posterior.
  A sign of a spread changes that of its correlations, under which the LKJ prior does not change;
* ``w`` (participants, Q): :mod:`trialwise.population.geometry.whitening`.

Without a group only ``w`` is sampled, with means and spreads of the prior; with complete pooling it has one row.
``rows`` maps segments of trials to rows of parameters, ``owner`` maps rows of parameters to participants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numba
import numpy as np

from trialwise.base.errors import UsageError
from trialwise.engine import WHOLE, Packed, cache, compilation, constants, kernel_inputs, likelihood_kernel
from trialwise.learners.learner import Learner
from trialwise.population import correlations
from trialwise.population.correlations import correlations_of, scaled_factor, scaled_factor_pullback
from trialwise.population.geometry import spreads, whitening
from trialwise.population.geometry.expansion import Expansion
from trialwise.population.geometry.spreads import SpreadMap, spread_at, spread_map
from trialwise.population.geometry.whitening import (
    effects_to_whitened,
    quadratic,
    rows_of,
    rows_pullback,
    whitened_to_effects,
    whitening_pullback,
)
from trialwise.population.population import GroupDraw, Population

LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)
SOFTNESS = 0.5
"""How far a spread's sign reaches below zero, c, in units of its posterior standard deviation."""

SUPPORTS = {"real": 0, "positive": 1, "unit": 2, "interval": 2}


# Functions that call others of other files are not cached by Numba, which would not see a change there; see :func:`stored`.
@numba.njit(nogil=True, error_model="numpy")
def split(x, grouped, maps, participants):
    """Coefficients, signed spreads, numbers of correlations and ``w`` from a flat vector of coordinates."""
    middle, factor, log_sd, slope, rate, correlation_middle, correlation_scale = maps
    common, effects, pairs = len(middle), len(log_sd), len(correlation_middle)
    if not grouped:
        return middle.copy(), np.exp(log_sd), correlation_middle, x.reshape(participants, effects)
    coefficients, z, r = np.empty(common), np.empty(effects), np.empty(pairs)
    for i in range(common):
        coefficients[i] = middle[i]
        for j in range(i + 1):
            coefficients[i] += factor[i, j] * x[j]
    for i in range(effects):
        z[i] = spread_at(x[common + i], slope[i], rate[i])[0]
    for i in range(pairs):
        r[i] = correlation_middle[i] + correlation_scale[i] * x[common + effects + i]
    return coefficients, z, r, x[common + effects + pairs :].reshape(participants, effects)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def natural(u, supports, lower, upper):
    """Natural values from unconstrained ones, and their derivatives; ``(rows, parameters)`` each."""
    theta, slope = np.empty_like(u), np.empty_like(u)
    for k in range(u.shape[1]):
        for n in range(u.shape[0]):
            if supports[k] == 0:
                theta[n, k], slope[n, k] = u[n, k], 1.0
            elif supports[k] == 1:
                theta[n, k] = np.exp(u[n, k])
                slope[n, k] = theta[n, k]
            else:
                share = 1.0 / (1.0 + np.exp(-u[n, k]))
                theta[n, k] = lower[k] + (upper[k] - lower[k]) * share
                slope[n, k] = (upper[k] - lower[k]) * share * (1.0 - share)
    return theta, slope


@numba.njit(nogil=True, error_model="numpy")
def gather(
    x, grouped, prior, maps, pairs, matrices, expanded, point, slope, rows, likelihood, by_segment,
):  # fmt: skip
    """Log-density and gradient of the coordinates from the kernel's results."""
    mean, width, spread, shapes, constant = prior
    owner, fixed, random = matrices
    coefficients, z, r, w, lower, y, log_volume, u = point
    participants, size = w.shape
    value, u_bar, y_bar = constant, np.zeros(u.shape), np.empty(w.shape)
    for s in range(len(rows)):
        value += likelihood[s]
        for k in range(u.shape[1]):
            u_bar[rows[s], k] += by_segment[s, k] * slope[rows[s], k]
    for n in range(participants):
        value -= log_volume[n] + size * LOG_SQRT_2PI
        for k in range(size):
            value -= 0.5 * y[n, k] * y[n, k]
            y_bar[n, k] = -y[n, k]
    direct, v_bar = rows_pullback(u_bar, owner, fixed, random, participants)
    w_bar, coefficients_bar, lower_bar = whitening_pullback(
        w, coefficients, lower, *expanded, v_bar, y_bar, np.full(participants, -1.0)
    )
    gradient = np.empty_like(x)
    if not grouped:
        gradient[:] = w_bar.reshape(-1)
        return value, gradient
    _, factor, _, scale, rate, _, correlation_scale = maps
    z_bar, r_bar = scaled_factor_pullback(z, r, pairs, lower_bar)
    common = len(coefficients)
    for k in range(common):
        a = (coefficients[k] - mean[k]) / width[k]
        value -= 0.5 * a * a + np.log(width[k]) + LOG_SQRT_2PI - np.log(factor[k, k])
        coefficients_bar[k] += direct[k] - a / width[k]
    for j in range(common):
        gradient[j] = 0.0
        for i in range(j, common):
            gradient[j] += factor[i, j] * coefficients_bar[i]
    for k in range(size):
        b, side = z[k] / spread[k], x[common + k] / SOFTNESS
        _, speed, growth = spread_at(x[common + k], scale[k], rate[k])
        value -= 0.5 * b * b + np.log(spread[k]) + LOG_SQRT_2PI - np.log(speed)
        value += np.log(2.0) - np.log1p(np.exp(-abs(side))) + min(side, 0.0)
        gradient[common + k] = speed * (z_bar[k] - b / spread[k]) + growth + 1.0 / (1.0 + np.exp(side)) / SOFTNESS
    for p in range(len(r)):
        log_cosh = np.log1p(np.exp(-2.0 * abs(r[p]))) + abs(r[p]) - np.log(2.0)
        value += np.log(correlation_scale[p]) - 2.0 * shapes[p] * log_cosh
        gradient[common + size + p] = correlation_scale[p] * (r_bar[p] - 2.0 * shapes[p] * np.tanh(r[p]))
    gradient[common + size + len(r) :] = w_bar.reshape(-1)
    return value, gradient


def _build_density(kernel: Callable) -> Callable:
    """The density with the likelihoods of a learner's ``kernel``."""

    def log_density(x, grouped, prior, maps, pairs, matrices, expanded, scales, constants, rows, *data):
        owner, fixed, random = matrices
        coefficients, z, r, w = split(x, grouped, maps, owner[-1] + 1)
        lower = scaled_factor(z, r, pairs)
        v, y, log_volume = whitened_to_effects(w, coefficients, lower, *expanded)
        u = rows_of(coefficients, v, owner, fixed, random)
        theta, slope = natural(u, *scales)
        likelihood, by_segment = kernel(theta, constants, rows, *data)
        point = coefficients, z, r, w, lower, y, log_volume, u
        return gather(x, grouped, prior, maps, pairs, matrices, expanded, point, slope, rows, likelihood, by_segment)

    return numba.njit(log_density, nogil=True)


@numba.njit(nogil=True, error_model="numpy")
def _participants(w, coefficients, lower, matrices, expanded, scales):
    owner, fixed, random = matrices
    points, participants, size = w.shape
    theta, density = np.empty((points, len(owner), fixed.shape[1])), np.zeros((points, participants))
    for i in range(points):
        v, y, _ = whitened_to_effects(w[i], coefficients, lower, *expanded)
        theta[i] = natural(rows_of(coefficients, v, owner, fixed, random), *scales)[0]
        for n in range(participants):
            for q in range(size):
                density[i, n] -= 0.5 * y[n, q] * y[n, q]
    return theta, density


class Point(NamedTuple):
    """A point of the posterior: coefficients ``(F,)``, signed spreads ``(Q,)``, effects of participants ``(participants, Q)``, and numbers of
    correlations ``(pairs,)``."""

    coefficients: np.ndarray
    spreads: np.ndarray
    effects: np.ndarray
    correlations: np.ndarray


@dataclass(frozen=True)
class Posterior:
    """The log-density and gradient of a learner's default model on its trials, for a sampler.

    Attributes
    ----------
    population, expansion
        The population and the expansion of the likelihoods; without a group ``expansion`` has the prior's mean and spread.
    density
        The compiled function of ``x`` and ``arguments``, which returns ``(log-density, gradient)``.
    arguments
        All arguments except ``x``: arrays only, so that other data of the same layout need no compilation.
    """

    population: Population
    expansion: Expansion
    density: Callable
    arguments: tuple[Any, ...]

    @property
    def grouped(self) -> bool:
        """Whether there is a group (partial pooling)."""
        return self.population.grouped

    @property
    def participants(self) -> int:
        """Number of participants; 1 with complete pooling."""
        return int(self.arguments[4][0][-1]) + 1

    @property
    def shape(self) -> tuple[int, int]:
        """Number of participants (1 with complete pooling) and of effects of each."""
        return self.participants, len(self.expansion.log_sd)

    @property
    def group_size(self) -> int:
        """Number of coordinates of the group: coefficients, spreads, correlations."""
        e = self.expansion
        return (len(e.mean) + len(e.log_sd) + len(e.correlation)) * self.grouped

    @property
    def dimension(self) -> int:
        """Number of coordinates."""
        participants, size = self.shape
        return participants * size + self.group_size

    @property
    def _spreads(self) -> SpreadMap:
        return SpreadMap(*self.arguments[2][3:5])

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Log-density and gradient at coordinates ``x (dimension,)``."""
        value, gradient = self.density(x, *self.arguments)
        return value, gradient

    def coordinates(
        self, coefficients: np.ndarray, spreads: np.ndarray, effects: np.ndarray, correlations: np.ndarray | None = None
    ) -> np.ndarray:
        """Coordinates of a point.

        Parameters
        ----------
        coefficients, spreads
            Of the group, ``(F,)`` and ``(Q,)``.
        effects
            Deviations of the participants, ``(participants, Q)``.
        correlations
            Numbers x of :mod:`trialwise.population.correlations`, ``(pairs,)``; None where there are none.
        """
        e, pairs = self.expansion, self.arguments[3]
        x = np.zeros(len(pairs)) if correlations is None else correlations
        lower = scaled_factor(np.asarray(spreads, float), x, pairs)
        w = effects_to_whitened(np.ascontiguousarray(effects), coefficients, lower, *self.arguments[5])
        if not self.grouped:
            return w.ravel()
        group = np.linalg.solve(e.mean_factor, coefficients - e.mean), self._spreads.coordinates(spreads)
        return np.concatenate([*group, (x - e.correlation) / e.correlation_scale, w.ravel()])

    def point(self, x: np.ndarray) -> Point:
        """The point with coordinates ``x (dimension,)``, whose :meth:`coordinates` they are; in other coordinates it has others."""
        _, _, maps, pairs, _, expanded = self.arguments[:6]
        coefficients, z, r, w = stored(split)(x, self.grouped, maps, self.participants)
        v, _, _ = whitened_to_effects(w, coefficients, scaled_factor(z, r, pairs), *expanded)
        return Point(coefficients, z, v, r)

    def natural_at(self, x: np.ndarray) -> np.ndarray:
        """Natural values ``(rows, K)`` at the coordinates ``x (dimension,)``."""
        point = self.point(x)
        return np.asarray(
            natural(rows_of(point.coefficients, point.effects, *self.arguments[4]), *self.arguments[6])[0]
        )

    @property
    def owners(self) -> np.ndarray:
        """The participant of each row of parameters, ``(rows,)``."""
        return np.asarray(self.arguments[4][0])

    def participants_at(self, x: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Participants elsewhere, while the group is that at the coordinates ``x (dimension,)``.

        Parameters
        ----------
        x
            Coordinates.
        w
            Other coordinates of the participants, ``(points, participants, Q)``.

        Returns
        -------
        tuple
            Natural values ``(points, rows, K)``, and log-densities of the participants given the group, ``(points, participants)``, up to
            a constant.
        """
        _, _, maps, pairs, matrices, expanded, scales = self.arguments[:7]
        coefficients, z, r, _ = stored(split)(x, self.grouped, maps, self.participants)
        return stored(_participants)(w, coefficients, scaled_factor(z, r, pairs), matrices, expanded, scales)  # type: ignore[no-any-return]

    def values(self, x: np.ndarray) -> tuple[GroupDraw, np.ndarray]:
        """The group and its participants at the coordinates ``x (dimension,)``, and natural values ``(rows, K)``."""
        _, _, _, pairs, matrices, _, scales = self.arguments[:7]
        coefficients, z, v, r = self.point(x)
        u, spreads = rows_of(coefficients, v, *matrices), np.abs(z)
        group = GroupDraw(coefficients, spreads, correlations_of(scaled_factor(z, r, pairs), spreads, pairs), u)
        return group, natural(u, *scales)[0]

    def start(self, random: np.random.Generator) -> np.ndarray:
        """A dispersed starting point: group and participants about one posterior standard deviation from their modes."""
        participants, size = self.shape
        w = random.standard_normal(participants * size)
        if not self.grouped:
            return w
        e, noise = self.expansion, random.standard_normal(size)
        spreads = self._spreads.coordinates(np.exp(e.log_sd + 0.3 * noise))
        means, correlations = random.standard_normal(len(e.mean)), random.standard_normal(len(e.correlation))
        return np.concatenate([means, spreads, correlations, w])


def text_of_density() -> str:
    """The text of the files that densities are compiled from, for the keys of all that contains one."""
    return cache.text(__file__, spreads.__file__, whitening.__file__, correlations.__file__)


@lru_cache
def stored(function: Callable) -> Callable:
    """A compiled function of this file for use from Python, its machine code kept under the text of all files that it calls."""
    key = cache.key(function.__name__, text_of_density())
    return cache.on_disk(lambda: function, f"trialwise_{function.__name__.lstrip('_')}", key)


def posterior(
    learner: Learner, packed: Packed, population: Population, expansion: Expansion, errors: float = np.inf
) -> Posterior:
    """The posterior of a learner on packed trials; ``errors`` is that of :func:`trialwise.population.geometry.spreads.spread_map`.

    Raises
    ------
    UsageError
        If the population has not one parameter for each column that the kernel reads.
    """
    if packed.all_slots != len(population.parameters):
        raise UsageError(
            f"a population of {len(population.parameters)} parameters for trials with {packed.all_slots} slots of parameters: "
            "expected as many of each"
        )
    layout = cache.key("density", text_of_density(), learner.key, packed.layout)

    def build() -> Callable:
        with compilation(learner, packed):
            return _build_density(likelihood_kernel(learner, packed))

    density = cache.on_disk(build, "trialwise_density", layout)
    rows, *rest = kernel_inputs(packed)
    if population.shared:
        rows = np.zeros(len(rows), WHOLE)
    arguments = (*_geometry(population, expansion, errors), constants(learner), rows, *rest)
    return Posterior(population, expansion, density, arguments)


def _geometry(population: Population, expansion: Expansion, errors: float) -> tuple[Any, ...]:
    """The arguments of a density that define its coordinates."""
    prior, parameters, pairs = population.prior, population.parameters, population.correlations
    design = population.matrices(len(expansion.linear))
    expanded = quadratic(design, expansion.curvature, expansion.linear)
    c = np.ascontiguousarray
    return (
        population.grouped,
        (prior.mean, prior.width, prior.spread, pairs.shapes, pairs.constant),
        (
            expansion.mean, c(expansion.mean_factor), expansion.log_sd,
            *spread_map(expanded.curvature, np.exp(expansion.log_sd), expansion.sd_scale, errors),
            expansion.correlation, expansion.correlation_scale,
        ),
        pairs.pairs,
        (design.owner, c(design.fixed), c(design.random)),
        tuple(expanded),
        (
            np.array([SUPPORTS[p.support] for p in parameters]),
            np.array([p.lower for p in parameters], float),
            np.array([p.upper for p in parameters], float),
        ),
    )  # fmt: skip
