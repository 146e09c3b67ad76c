r"""Smooth emulators of participants' log-likelihoods, trained on noisy estimates of them.

A likelihood that is estimated by particles has no usable gradient. But every participant has few parameters and the
log-likelihood is smooth in them, so about a thousand estimates determine it well: a concave quadratic plus a Gaussian process for
the residuals, with a Matern 5/2 kernel, in coordinates in which the posterior is approximately isotropic,

.. math::

    f(u) = c + b'x + \tfrac12 x'Hx + \sum_i \alpha_i\, k(x, x_i), \qquad x = L^{-1}(t(u) - m), \qquad
    k(x, y) = a\,\bigl(1 + s + \tfrac13 s^2\bigr) e^{-s},\ s = \sqrt5\, |\mathrm{diag}(\ell)^{-1} (x - y)| .

A rate of one in ten thousand has no effect over a few hundred trials: near the ends of the parameters' ranges likelihoods
level off, unlike any quadratic. So emulators are functions of :math:`t(u) = \log(e^u + e^l) - \log(1 + e^{u - h})`, which is u between
limits l and h, and levels off beyond them.

Estimates are noisier where the likelihood is low, and their logarithms are too low by half their variance; both are taken
into account. Far below the maximum, where the posterior has no mass, log-likelihoods are compressed.

Emulators only provide proposals: :mod:`trialwise.inference.samplers.pseudo_marginal.particle` corrects the draws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from trialwise.engine import cache
from trialwise.likelihoods.concave_quadratic import compressed, concave_quadratic
from trialwise.likelihoods.likelihood import curvature_of

MAX_DISTANCE = 8.0
"""Training points farther than this, in standard deviations of the posterior, are not used."""

MAX_POINTS, PRECISE = 1600, 60
"""Number of training points of one participant: half are the nearest; a quarter the next nearest with at least ``PRECISE``
particles; and a quarter less precise ones from everywhere, without which an emulator would miss another mode."""

SCALE_POINTS = 250
"""Number of training points from which scales and noise are estimated."""

STEP = 1e-3
"""Step of the central differences of the gradient that make a curvature."""


@dataclass(frozen=True)
class Limits:
    """Unconstrained values between which a parameter affects the likelihood: ``lower, upper (parameters,)``, possibly infinite."""

    lower: np.ndarray
    upper: np.ndarray

    def __call__(self, u: np.ndarray) -> np.ndarray:
        """The coordinates of emulators at ``u (..., parameters)``."""
        return np.asarray(np.logaddexp(u, self.lower) - np.logaddexp(0.0, u - self.upper))


@dataclass(frozen=True)
class Scales:
    """Hyperparameters of one participant's surface: logarithms of length scales, of variance and of noise (of one particle)."""

    log_lengths: np.ndarray
    log_variance: float
    log_noise: float


@dataclass(frozen=True)
class Surface:
    """The emulator of one participant: its arrays, named as in the module's equation, and its training points."""

    centre: np.ndarray
    inverse: np.ndarray
    constant: float
    linear: np.ndarray
    curvature: np.ndarray
    lengths: np.ndarray
    points: np.ndarray
    alpha: np.ndarray
    scales: Scales


def noise_variance(depth: np.ndarray, particles: np.ndarray, log_noise: float) -> np.ndarray:
    """Variance of the logarithm of an estimate: increases with the depth below the maximum, decreases with the number of particles."""
    return np.asarray(np.exp(log_noise) / particles * (1.0 + (depth / 6.0) ** 2))


def _squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.maximum((a * a).sum(1)[:, None] + (b * b).sum(1) - 2.0 * a @ b.T, 0.0)


def _kernel(squares: np.ndarray) -> np.ndarray:
    s = np.sqrt(5.0 * squares)
    return np.asarray((1.0 + s + s * s / 3.0) * np.exp(-s))


def _scales(
    x: np.ndarray, rest: np.ndarray, depth: np.ndarray, particles: np.ndarray, start: Scales, iterations: int
) -> Scales:
    """The scales that maximise the posterior probability of the residuals."""
    size = x.shape[1]
    middle = np.concatenate([np.full(size, 1.0), [1.5, 2.5]])
    width = np.concatenate([np.full(size, 0.5), [1.4, 1.0]])
    apart = (x[:, None, :] - x[None, :, :]) ** 2

    def negative_log_posterior(theta):
        inverse = np.exp(-2.0 * theta[:size])
        s = np.sqrt(5.0 * np.maximum(apart @ inverse, 0.0))
        decay = np.exp(-s)
        variance, noise = np.exp(theta[size]), noise_variance(depth, particles, theta[size + 1])
        inner = variance * (1.0 + s + s * s / 3.0) * decay
        matrix = inner + np.diag(noise + 1e-8)
        try:
            factor = cho_factor(matrix, lower=True)
        except np.linalg.LinAlgError:
            return 1e10, np.zeros_like(theta)
        alpha = cho_solve(factor, rest)
        w = cho_solve(factor, np.eye(len(rest))) - np.outer(alpha, alpha)  # twice the gradient in the matrix
        bend = w * (variance * (5.0 / 3.0) * (1.0 + s) * decay)
        slope = np.empty_like(theta)
        for k in range(size):
            slope[k] = 0.5 * (bend * apart[:, :, k]).sum() * inverse[k]
        slope[size] = 0.5 * (w * inner).sum()
        slope[size + 1] = 0.5 * (np.diag(w) * noise).sum()
        far = (theta - middle) / width
        value = 0.5 * rest @ alpha + np.log(np.diag(factor[0])).sum() + 0.5 * far @ far
        return value, slope + far / width

    theta = np.concatenate([start.log_lengths, [start.log_variance, start.log_noise]])
    best = minimize(negative_log_posterior, theta, jac=True, method="L-BFGS-B", options={"maxiter": iterations}).x
    return Scales(best[:size], float(best[size]), float(best[size + 1]))


def fit_surface(
    t: np.ndarray, values: np.ndarray, particles: np.ndarray, centre: np.ndarray, covariance: np.ndarray,
    before: Scales | None = None, iterations: int = 20,
) -> Surface:  # fmt: skip
    """Train the emulator of one participant.

    Parameters
    ----------
    t, values, particles
        Points, ``(estimates, parameters)`` in the coordinates of :class:`Limits`, estimates of the log-likelihood there, and their
        numbers of particles.
    centre, covariance
        Approximate mean and covariance of the participant's posterior, in the same coordinates.
    before
        Scales to start from.
    iterations
        Number of iterations that adapt the scales; 0 leaves them unchanged.
    """
    size = t.shape[1]
    lower = np.linalg.cholesky(covariance + 1e-6 * np.eye(size))
    inverse = np.linalg.inv(lower)
    x = (t - centre) @ inverse.T
    estimates = np.where(np.isfinite(values), values, -1e4)
    top = float(np.sort(estimates)[-min(10, len(estimates)) :].mean())
    estimates = np.maximum(estimates, top - 1e3)
    far = np.sqrt((x**2).sum(1))
    near = np.flatnonzero(far < MAX_DISTANCE * np.sqrt(size / 2.0))
    near = near[np.argsort(far[near])]
    near, more = near[: MAX_POINTS // 2], near[MAX_POINTS // 2 :]
    precise, rough = more[particles[more] >= PRECISE][: MAX_POINTS // 4], more[particles[more] < PRECISE]
    rough = rough[:: max(1, -(-len(rough) // (MAX_POINTS // 4)))]
    near = np.concatenate([near, precise, rough])
    x, estimates, particles = x[near], estimates[near], particles[near]
    scales = before or Scales(np.full(size, 1.0), 1.5, 2.5)
    depth = np.maximum(top - compressed(estimates, top), 0.0)
    y = compressed(estimates, top) + np.minimum(0.5 * noise_variance(depth, particles, scales.log_noise), 1.0)
    constant, linear, curvature = concave_quadratic(x, y, 1.0 / (1.0 + depth) ** 2)
    rest = y - constant - x @ linear - 0.5 * np.einsum("ni,ij,nj->n", x, curvature, x)
    if iterations:
        order = np.argsort(depth + 0.5 * (x**2).sum(1), kind="stable")
        subset = order[np.unique(np.linspace(0, len(order) - 1, SCALE_POINTS).astype(int))]
        scales = _scales(x[subset], rest[subset], depth[subset], particles[subset], scales, iterations)
    lengths, variance = np.exp(scales.log_lengths), float(np.exp(scales.log_variance))
    points = x / lengths
    matrix = variance * _kernel(_squares(points, points))
    matrix[np.diag_indices(len(x))] += noise_variance(depth, particles, scales.log_noise) + 1e-8
    alpha = variance * cho_solve(cho_factor(matrix, lower=True, overwrite_a=True), rest)
    return Surface(centre, inverse, constant, linear, curvature, lengths, points, alpha, scales)


@numba.njit(nogil=True, error_model="numpy")
def within_limits(u, lower, upper):
    """:class:`Limits` at one unconstrained value, and the slope there."""
    below, above = np.exp(-abs(u - lower)), np.exp(-abs(u - upper))
    seen = max(u, lower) + np.log1p(below) - max(u - upper, 0.0) - np.log1p(above)
    rising = 1.0 / (1.0 + below) if u > lower else below / (1.0 + below)
    level = 1.0 / (1.0 + above) if u > upper else above / (1.0 + above)
    return seen, rising - level


@numba.njit(nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "arcp", "nsz"})
def surface_at(
    u, n, lower, upper, offsets, centre, inverse, constant, linear, curvature, lengths, points, alpha, x, slope, gradient
):  # fmt: skip
    """The value of participant n's surface at ``u (parameters,)``; writes ``gradient``, and uses ``x`` and ``slope`` as scratch."""
    size = len(u)
    for j in range(size):
        slope[j] = within_limits(u[j], lower[j], upper[j])[0] - centre[n, j]
    for i in range(size):
        x[i] = 0.0
        for j in range(i + 1):
            x[i] += inverse[n, i, j] * slope[j]
    value = constant[n]
    for i in range(size):
        bent = 0.0
        for j in range(size):
            bent += curvature[n, i, j] * x[j]
        value += x[i] * (linear[n, i] + 0.5 * bent)
        gradient[i] = linear[n, i] + bent
    for i in range(size):
        x[i] /= lengths[n, i]
        slope[i] = 0.0
    for m in range(offsets[n], offsets[n + 1]):
        square = 0.0
        for i in range(size):
            square += (x[i] - points[m, i]) ** 2
        s = np.sqrt(5.0 * square)
        decay = alpha[m] * np.exp(-s)
        value += (1.0 + s + s * s / 3.0) * decay
        pull = (5.0 / 3.0) * (1.0 + s) * decay
        for i in range(size):
            slope[i] -= pull * (x[i] - points[m, i])
    for i in range(size):
        x[i] = gradient[i] + slope[i] / lengths[n, i]
    for j in range(size):
        gradient[j] = 0.0
        for i in range(j, size):
            gradient[j] += inverse[n, i, j] * x[i]
        gradient[j] *= within_limits(u[j], lower[j], upper[j])[1]
    return value


@numba.njit(nogil=True, error_model="numpy")
def emulate(
    u, constants, rows, lower, upper, offsets, centre, inverse, constant, linear, curvature, lengths, points, alpha
):
    """Values ``(rows,)`` and gradients ``(rows, parameters)`` at ``u (rows, parameters)``, row i of participant ``rows[i]``.

    ``constants`` exist only to match the signature of learners' kernels.
    """
    count, size = u.shape
    values, gradients = np.empty(count), np.empty((count, size))
    x, slope = np.empty(size), np.empty(size)
    for i in range(count):
        values[i] = surface_at(
            u[i], rows[i], lower, upper, offsets, centre, inverse, constant, linear, curvature, lengths, points, alpha, x, slope,
            gradients[i],
        )  # fmt: skip
    return values, gradients


def compiled() -> Callable:
    """:func:`emulate`, with its machine code cached on disk."""
    return cache.on_disk(lambda: emulate, "trialwise_emulate", cache.key("emulate", cache.text(__file__)))


class Emulator:
    """The surfaces of all participants, used by :mod:`trialwise.population.geometry.expansion` and :mod:`trialwise.population.density`."""

    def __init__(self, surfaces: list[Surface], limits: Limits):
        self.surfaces, self.limits = surfaces, limits
        sizes = [len(surface.alpha) for surface in surfaces]

        def stack(name):
            return np.ascontiguousarray(np.stack([getattr(surface, name) for surface in surfaces]), dtype=float)

        self.arrays = (
            limits.lower,
            limits.upper,
            np.concatenate([[0], np.cumsum(sizes)]),
            *(stack(name) for name in ("centre", "inverse", "constant", "linear", "curvature", "lengths")),
            np.ascontiguousarray(np.concatenate([surface.points for surface in surfaces])),
            np.concatenate([surface.alpha for surface in surfaces]),
        )

    @property
    def rows(self) -> range:
        """Numbers of the participants."""
        return range(len(self.surfaces))

    def at(self, rows: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values and gradients at many points ``u (points, parameters)``, each of the participant in ``rows``."""
        arguments = np.ascontiguousarray(u), np.zeros(0), np.asarray(rows, np.int32)
        values, gradients = compiled()(*arguments, *self.arrays)
        return values, gradients

    def gradient(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values ``(participants,)`` and gradients ``(participants, parameters)`` at one point of each participant."""
        return self.at(np.arange(len(u)), u)

    def curvature(self, u: np.ndarray) -> np.ndarray:
        """Minus the second derivatives, ``(participants, parameters, parameters)``, symmetric."""
        return curvature_of(self.gradient, u, STEP)
