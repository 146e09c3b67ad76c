r"""The posterior of the default hierarchical model as one compiled function, in coordinates suited to sampling.

The density is that of :func:`trialwise.population.pymc.model.build_model` (tests compare the two), but only the learner's kernel has to
be compiled for each learner, everything else once, and no graph is built. The coordinates of the sampler are

* ``m`` (parameters,), group means: :math:`\mu = c + F m`, whitened by their expected posterior;
* ``s`` (parameters,), spreads as signed numbers: :math:`z = k s`, :math:`\sigma = |z|`, with density
  :math:`2\, \mathrm{Normal}(z; 0, t)\, \mathrm{logistic}(s / c)`. The two signs of a spread share its HalfNormal density,
  :math:`\mathrm{logistic}(x) + \mathrm{logistic}(-x) = 1`, with nearly all of its mass on the positive sign. So there is no
  boundary at zero, as for :math:`\sigma` itself, no infinite tail, as for its logarithm, and no valley between two equal modes, as
  for a symmetric z;
* ``w`` (participants, parameters): :mod:`trialwise.population.geometry.whitening`.

Without a group only ``w`` is sampled, :math:`\mu` and :math:`\sigma` being those of the prior; with complete pooling it has one row.
``rows`` maps segments of trials to rows of parameters, ``owner`` maps rows of parameters to participants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numba
import numpy as np

from trialwise.base.errors import UsageError
from trialwise.engine import WHOLE, Packed, cache, compilation, constants, gradient_kernel, kernel_inputs
from trialwise.learners.learner import Learner
from trialwise.likelihoods import emulator as emulation
from trialwise.likelihoods.emulator import Emulator, emulate
from trialwise.population.geometry import whitening
from trialwise.population.geometry.expansion import Expansion
from trialwise.population.geometry.whitening import (
    natural_to_whitened,
    rows_end,
    whitened_to_natural,
    whitening_pullback,
)
from trialwise.population.population import Population

LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)
SOFTNESS = 0.5
"""How far a spread's sign reaches below zero, c, in units of its posterior standard deviation."""

SUPPORTS = {"real": 0, "positive": 1, "unit": 2, "interval": 2}


@numba.njit(nogil=True, cache=True, error_model="numpy")
def split(x, grouped, middle, factor, log_sd, scale, participants):
    """``mu, z, w`` from a flat vector of coordinates."""
    size = len(middle)
    if not grouped:
        return middle.copy(), np.exp(log_sd), x.reshape(participants, size)
    mu, z = np.empty(size), np.empty(size)
    for i in range(size):
        mu[i] = middle[i]
        for j in range(i + 1):
            mu[i] += factor[i, j] * x[j]
        z[i] = scale[i] * x[size + i]
    return mu, z, x[2 * size :].reshape(participants, size)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def centred(mu):
    """The mean of each row of parameters: at present one for all rows, ``(1, parameters)``."""
    return mu.reshape(1, len(mu))


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


@numba.njit(
    nogil=True, error_model="numpy"
)  # not cached: Numba would not see a change of what it calls in another file
def gather(
    x, grouped, prior, factor, scale, owner, curvature, linear, mu, z, w, u, jacobian, slope, rows, likelihood, by_segment,
):  # fmt: skip
    """Log-density and gradient of the coordinates from the kernel's results."""
    mean, width, spread = prior
    participants, size = w.shape
    centre = centred(mu)
    value = 0.0
    u_bar = np.zeros(u.shape)
    for s in range(len(rows)):
        value += likelihood[s]
        for k in range(size):
            u_bar[rows[s], k] += by_segment[s, k] * slope[rows[s], k]
    direct, z_direct = np.zeros(centre.shape), np.zeros(size)
    for k in range(size):
        inverse = 1.0 / z[k]
        log_spread = np.log(abs(z[k])) + LOG_SQRT_2PI
        s = 0  # a participant's first row: all its rows have the same deviation from their means
        for _ in range(participants):
            c = s if len(centre) > 1 else 0
            gap = (u[s, k] - centre[c, k]) * inverse
            value -= 0.5 * gap * gap + log_spread
            u_bar[s, k] -= gap * inverse
            direct[c, k] += gap * inverse
            z_direct[k] += (gap * gap - 1.0) * inverse
            s = rows_end(owner, s)
    for n in range(participants):
        value += jacobian[n]
    w_bar, centre_bar, z_bar = whitening_pullback(w, centre, z, owner, curvature, linear, u_bar, np.ones(participants))
    gradient = np.empty_like(x)
    if not grouped:
        gradient[:] = w_bar.reshape(-1)
        return value, gradient
    mu_bar = np.zeros(size)
    for k in range(size):
        a, b = (mu[k] - mean[k]) / width[k], z[k] / spread[k]
        value -= 0.5 * a * a + 0.5 * b * b + np.log(width[k]) + np.log(spread[k]) + 2.0 * LOG_SQRT_2PI
        value += np.log(factor[k, k]) + np.log(scale[k])
        for c in range(len(centre)):
            mu_bar[k] += centre_bar[c, k]
        for c in range(1, len(centre)):
            direct[0, k] += direct[c, k]
        mu_bar[k] += direct[0, k] - a / width[k]
        gradient[size + k] = scale[k] * (z_bar[k] + z_direct[k] - b / spread[k])
        side = x[size + k] / SOFTNESS
        value += np.log(2.0) - np.log1p(np.exp(-abs(side))) + min(side, 0.0)
        gradient[size + k] += 1.0 / (1.0 + np.exp(side)) / SOFTNESS
    for j in range(size):
        gradient[j] = 0.0
        for i in range(j, size):
            gradient[j] += factor[i, j] * mu_bar[i]
    gradient[2 * size :] = w_bar.reshape(-1)
    return value, gradient


def _build(kernel: Callable, on_natural_scale: bool = True) -> Callable:
    def log_density(x, grouped, prior, maps, owner, curvature, linear, supports, lower, upper, constants, rows, *data):
        middle, factor, log_sd, scale = maps
        mu, z, w = split(x, grouped, middle, factor, log_sd, scale, owner[-1] + 1)
        u, jacobian = whitened_to_natural(w, centred(mu), z, owner, curvature, linear)
        if on_natural_scale:
            theta, slope = natural(u, supports, lower, upper)
            likelihood, by_segment = kernel(theta, constants, rows, *data)
        else:
            slope = np.ones_like(u)
            likelihood, by_segment = kernel(u, constants, rows, *data)
        return gather(
            x, grouped, prior, factor, scale, owner, curvature, linear, mu, z, w, u, jacobian, slope, rows, likelihood, by_segment,
        )  # fmt: skip

    return numba.njit(log_density, nogil=True)


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
    def owner(self) -> np.ndarray:
        """The participant of each row of parameters, ``(rows,)``; a single one with complete pooling."""
        return np.asarray(self.arguments[3])

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Number of participants (1 with complete pooling) and of parameters."""
        return int(self.owner[-1]) + 1, len(self.population.parameters)

    @property
    def dimension(self) -> int:
        """Number of coordinates."""
        participants, size = self.shape
        return participants * size + 2 * size * self.grouped

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Log-density and gradient at coordinates ``x (dimension,)``."""
        value, gradient = self.density(x, *self.arguments)
        return value, gradient

    def coordinates(self, mu: np.ndarray, sd: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Coordinates from group means, spreads and unconstrained individual values ``(rows, parameters)``."""
        e = self.expansion
        w = natural_to_whitened(np.ascontiguousarray(u), centred(mu), sd, self.owner, e.curvature, e.linear)
        if not self.grouped:
            return w.ravel()
        return np.concatenate([np.linalg.solve(e.mean_factor, mu - e.mean), sd / e.sd_scale, w.ravel()])

    def values(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """``mu``, ``sd``, unconstrained and natural individual values ``(rows, parameters)`` at coordinates ``x``."""
        _, _, maps, owner, curvature, linear, supports, lower, upper = self.arguments[:9]
        mu, z, w = split(x, self.grouped, *maps, self.shape[0])
        u, _ = whitened_to_natural(w, centred(mu), z, owner, curvature, linear)
        return mu, np.abs(z), u, natural(u, supports, lower, upper)[0]

    def start(self, random: np.random.Generator) -> np.ndarray:
        """A dispersed starting point: group and participants about one posterior standard deviation from their modes."""
        participants, size = self.shape
        w = random.standard_normal(participants * size)
        if not self.grouped:
            return w
        e, noise = self.expansion, random.standard_normal(size)
        spreads = np.exp(e.log_sd + 0.3 * noise) / e.sd_scale
        return np.concatenate([random.standard_normal(size), spreads, w])


def posterior(learner: Learner, packed: Packed, population: Population, expansion: Expansion) -> Posterior:
    """The posterior of a learner on packed trials.

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
    text = cache.text(__file__, whitening.__file__)
    layout = cache.key("density", text, learner.key, packed.layout)

    def build() -> Callable:
        with compilation(learner, packed):
            return _build(gradient_kernel(learner, packed))

    density = cache.on_disk(build, "trialwise_density", layout)
    rows, *rest = kernel_inputs(packed)
    if population.shared:
        rows = np.zeros(len(rows), WHOLE)
    arguments = (*_geometry(population, expansion), constants(learner), rows, *rest)
    return Posterior(population, expansion, density, arguments)


def emulated_posterior(emulator: Emulator, population: Population, expansion: Expansion) -> Posterior:
    """The posterior with emulators in place of likelihoods; with complete pooling there is one emulator of the total."""
    layout = cache.key("emulated density", cache.text(__file__, whitening.__file__, emulation.__file__))
    density = cache.on_disk(lambda: _build(emulate, False), "trialwise_emulated_density", layout)
    rows = np.arange(len(emulator.rows), dtype=WHOLE)
    arguments = (*_geometry(population, expansion), np.zeros(0), rows, *emulator.arrays)
    return Posterior(population, expansion, density, arguments)


def _geometry(population: Population, expansion: Expansion) -> tuple[Any, ...]:
    """The arguments of a density that define its coordinates."""
    prior, parameters = population.prior, population.parameters
    return (
        population.grouped,
        (prior.mean, prior.width, prior.spread),
        (expansion.mean, np.ascontiguousarray(expansion.mean_factor), expansion.log_sd, expansion.sd_scale),
        population.owner(len(expansion.linear)),
        np.ascontiguousarray(expansion.curvature),
        np.ascontiguousarray(expansion.linear),
        np.array([SUPPORTS[p.support] for p in parameters]),
        np.array([p.lower for p in parameters], float),
        np.array([p.upper for p in parameters], float),
    )
