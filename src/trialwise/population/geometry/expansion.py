r"""Modes and curvatures of participants' likelihoods: approximate location and width of each posterior.

All computations are on the unconstrained scale and for all participants at once: one call of the kernel returns every
participant's value and gradient, so a Newton step takes as many calls as there are parameters, independent of the number of
participants. With a design (:mod:`trialwise.population.design`) they are in the participants' effects.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.optimize import minimize

from trialwise.likelihoods.likelihood import Differentiable
from trialwise.population.correlations import scaled_factor, scaled_factor_pullback
from trialwise.population.design import Design
from trialwise.population.geometry.whitening import Quadratic, quadratic
from trialwise.population.population import Population


def floored(matrices: np.ndarray, floor: float = 1e-6) -> np.ndarray:
    """Symmetric matrices with their eigenvalues raised to at least ``floor``; matrices that are not finite are replaced by zeros first."""
    clean = np.where(np.isfinite(matrices).all((1, 2), keepdims=True), matrices, 0.0)
    values, vectors = np.linalg.eigh(clean)
    return (vectors * np.maximum(values, floor)[:, None, :]) @ vectors.transpose(0, 2, 1)


FARTHEST = 10.0
"""How far from its point a quadratic may have its optimum, along each of its axes."""


def limited(curvature: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Slopes ``(rows, K)`` at a point, so small along flat directions that quadratics of these curvatures have their optimum near the point.

    Where a likelihood is not concave its curvature was raised to next to nothing, and with the true slope its optimum would be far away.
    """
    values, vectors = np.linalg.eigh(curvature)
    along = np.einsum("rkl,rk->rl", vectors, np.where(np.isfinite(slope), slope, 0.0))
    return np.einsum("rkl,rl->rk", vectors, np.clip(along, -FARTHEST * values, FARTHEST * values))


@dataclass
class Modes:
    """Result of an ascent: modes ``u``, value, ``gradient`` and ``curvature`` of the likelihood alone, and whether each participant converged."""

    u: np.ndarray
    value: np.ndarray
    gradient: np.ndarray
    curvature: np.ndarray
    converged: np.ndarray


def climb(
    evaluate: Differentiable, start: np.ndarray, mean: np.ndarray, precision: np.ndarray, iterations: int = 60,
    tolerance: float = 1e-4, longest: float = 2.0,
) -> Modes:  # fmt: skip
    """Damped Newton ascent of log-likelihood plus ``-(u - mean)' precision (u - mean) / 2``, for each participant separately.

    Parameters
    ----------
    start, mean
        Starting points and prior means, ``(participants, parameters)``.
    precision
        The prior precision, ``(parameters, parameters)``, or its diagonal; with zeros the likelihood alone is maximised.
    iterations
        Maximum number of steps.
    tolerance
        A participant has converged when a full step would gain less than this in log-posterior.
    longest
        Largest change of a parameter in one step, so that no participant leaves the region where the curvature is informative.
    """

    precision = np.diag(precision) if precision.ndim == 1 else precision

    def objective(u):
        value, gradient = evaluate.gradient(u)
        pull = (u - mean) @ precision
        value = np.where(np.isfinite(value), value, -np.inf)
        return value - 0.5 * (pull * (u - mean)).sum(1), gradient - pull, gradient

    u = start.copy()
    value, slope, raw = objective(u)
    damping = np.full(len(u), 1e-3)
    converged = np.zeros(len(u), bool)
    curvature = evaluate.curvature(u)
    for _ in range(iterations):
        bent = floored(curvature + precision, 1e-4)
        scale = np.einsum("nkk->nk", bent)
        step = np.linalg.solve(
            bent + damping[:, None, None] * np.einsum("nk,kl->nkl", scale, np.eye(u.shape[1])), slope[..., None]
        )[..., 0]
        step *= np.minimum(1.0, longest / np.maximum(np.abs(step).max(1), 1e-300))[:, None]
        gain = np.einsum("nk,nk->n", slope, step)
        converged = np.isfinite(gain) & (gain < tolerance)
        step[converged | ~np.isfinite(step).all(1)] = 0.0
        if converged.all():
            break
        new_value, new_slope, new_raw = objective(u + step)
        better = new_value > value
        u = np.where(better[:, None], u + step, u)
        value, slope, raw = (
            np.where(better, new_value, value),
            np.where(better[:, None], new_slope, slope),
            np.where(better[:, None], new_raw, raw),
        )
        damping = np.clip(np.where(better, damping * 0.2, damping * 6.0), 1e-6, 1e8)
        if better.any():
            curvature = np.where(better[:, None, None], evaluate.curvature(u), curvature)
    return Modes(u, value, raw, curvature, converged)


@dataclass
class Expansion:
    """Quadratic expansions of the log-likelihoods of rows of parameters, and of the group's posterior under them.

    With curvature :math:`H_r` at :math:`\\hat u_r` and :math:`b_r = H_r \\hat u_r + g_r`, the likelihood of row r is
    approximately proportional to :math:`\\exp(b_r' u - u' H_r u / 2)`.

    Attributes
    ----------
    curvature, linear
        ``H (rows, K, K)`` and ``b (rows, K)``.
    mean, log_sd
        Mode of the group's coefficients ``(F,)`` and log spreads ``(Q,)``.
    mean_factor
        Lower Cholesky factor of the posterior covariance of the coefficients.
    sd_scale
        Approximate posterior standard deviations of the spreads.
    modes
        The rows' modes given the group at its mode, ``(rows, K)``.
    correlation, correlation_scale
        Mode and approximate posterior standard deviations of the numbers of correlations, ``(pairs,)``.
    """

    curvature: np.ndarray
    linear: np.ndarray
    mean: np.ndarray
    log_sd: np.ndarray
    mean_factor: np.ndarray
    sd_scale: np.ndarray
    modes: np.ndarray
    correlation: np.ndarray = field(default_factory=lambda: np.zeros(0))
    correlation_scale: np.ndarray = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class Effects:
    """Log-likelihoods of participants as functions of their effects, around means given by ``coefficients``: a differentiable function
    whose rows are participants."""

    evaluate: Differentiable
    design: Design
    coefficients: np.ndarray

    @property
    def rows(self) -> range:
        """The participants."""
        return range(self.design.participants)

    def at(self, v: np.ndarray) -> np.ndarray:
        """The rows of parameters ``(rows, K)`` at effects ``v (participants, Q)``."""
        return self.design.centre(self.coefficients) + self.design.deviations(v)

    def gradient(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values ``(participants,)`` and gradients ``(participants, Q)``."""
        value, slope = self.evaluate.gradient(self.at(v))
        return self.design.by_participant(value), self.of_rows(slope)

    def of_rows(self, slope: np.ndarray) -> np.ndarray:
        """Derivatives by effects ``(participants, Q)``, from those by rows ``(rows, K)``."""
        return self.design.by_participant(np.einsum("rkq,rk->rq", self.design.random, slope))

    def curvature(self, v: np.ndarray) -> np.ndarray:
        """Minus the second derivatives, ``(participants, Q, Q)``."""
        inner = np.einsum("rkq,rkl->rql", self.design.random, self.evaluate.curvature(self.at(v)))
        return self.design.by_participant(np.einsum("rql,rlp->rqp", inner, self.design.random))


@dataclass(frozen=True)
class GroupPosterior:
    r"""The group's posterior with the participants integrated out by their expansions.

    .. math:: \sum_n \Bigl( -\tfrac12 \log|A_n| + \tfrac12 a_n' A_n^{-1} a_n \Bigr) + g' B - \tfrac12 B' S B + \text{prior},
        \quad A_n = I + L' \mathcal H_n L,\ a_n = L' (\beta_n - \Gamma_n B),

    with :math:`g = \sum_r X_r' b_r` and :math:`S = \sum_r X_r' H_r X_r`, in the notation of :mod:`trialwise.population.geometry.whitening`.
    Its variables are the coefficients, log spreads and numbers of correlations, in one vector.
    """

    population: Population
    design: Design
    curvature: np.ndarray
    linear: np.ndarray

    @cached_property
    def _parts(self) -> tuple[Quadratic, np.ndarray, np.ndarray]:
        fixed = self.design.fixed
        slope = np.einsum("rkf,rk->f", fixed, self.linear)
        return (
            quadratic(self.design, self.curvature, self.linear),
            slope,
            np.einsum("rkf,rkl,rlg->fg", fixed, self.curvature, fixed),
        )

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """The log-density of ``theta``, up to a constant, and its gradient."""
        coefficients, log_sd, x = _group_of(self.design, theta)
        (bent, linear, mixed), slope, curved = self._parts
        pairs, sd = self.population.correlations, np.exp(log_sd)
        lower = scaled_factor(sd, x, pairs.pairs)
        product = bent @ lower
        a = lower.T @ product + np.eye(len(sd))
        gap = linear - mixed @ coefficients
        towards = gap @ lower
        _, log_determinant = np.linalg.slogdet(a)
        middle = np.linalg.solve(a, towards[..., None])[..., 0]
        inverse = np.linalg.inv(a)
        value = 0.5 * ((towards * middle).sum() - log_determinant.sum()) + slope @ coefficients
        value -= 0.5 * coefficients @ curved @ coefficients
        a_bar = -0.5 * (inverse + middle[:, :, None] * middle[:, None, :])
        lower_bar = 2.0 * np.einsum("nij,njk->ik", product, a_bar) + gap.T @ middle
        coefficients_bar = slope - curved @ coefficients - np.einsum("nqf,nq->f", mixed, middle @ lower.T)
        sd_bar, x_bar = scaled_factor_pullback(sd, x, pairs.pairs, np.ascontiguousarray(np.tril(lower_bar)))
        prior = self.population.prior
        standard = (coefficients - prior.mean) / prior.width
        value += -0.5 * (standard**2).sum() - 0.5 * (sd**2 / prior.spread**2).sum() + log_sd.sum()
        value += pairs.log_density(x)
        gradient = np.concatenate(
            [
                coefficients_bar - standard / prior.width,
                sd * sd_bar - sd**2 / prior.spread**2 + 1.0,
                x_bar - 2.0 * pairs.shapes * np.tanh(x),
            ]
        )
        return float(value), gradient

    def mode(self, theta: np.ndarray) -> np.ndarray:
        """The mode, searched from ``theta``."""
        coefficients, log_sd, x = _group_of(self.design, theta)
        bounds = [(None, None)] * len(coefficients) + [(-4.0, 3.0)] * len(log_sd) + [(-2.0, 2.0)] * len(x)
        best = minimize(lambda at: tuple(-part for part in self(at)), theta, jac=True, method="L-BFGS-B", bounds=bounds)
        return np.asarray(best.x)

    def covariance(self, theta: np.ndarray, step: float = 1e-4) -> np.ndarray:
        """The inverse of minus the second derivatives, whose eigenvalues are raised to at least 1."""
        moves = step * np.eye(len(theta))
        second = np.stack([(self(theta - move)[1] - self(theta + move)[1]) / (2 * step) for move in moves])
        return np.asarray(np.linalg.inv(floored((0.5 * (second + second.T))[None], 1.0)[0]))


def _group_of(design: Design, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, log spreads and numbers of correlations, from one vector of all."""
    first = len(design.coefficients)
    second = first + len(design.effects)
    return theta[:first], theta[first:second], theta[second:]


def expand(evaluate: Differentiable, population: Population) -> Expansion:
    """Expand the likelihoods of a population's rows of parameters around their posteriors."""
    design = population.matrices(len(evaluate.rows))
    return (
        _with_group(evaluate, population, design)
        if population.grouped
        else _without_group(evaluate, population, design)
    )


def _with_group(
    evaluate: Differentiable, population: Population, design: Design, rounds: int = 4, averages: int = 2
) -> Expansion:
    """The expansion with a group, alternating between the modes of the group and of the participants.

    It is first computed at the participants' modes, then averaged over their posteriors: the best quadratic for coordinates is not
    the one at the mode but the one whose curvature is the posterior's mean curvature (Opper & Archambeau 2009, Neural
    Computation 21:786), here over 2 x effects points.
    """
    prior, pairs = population.prior, population.correlations
    effects = np.zeros((design.participants, len(design.effects)))
    theta = np.concatenate([prior.mean, population.start_log_sd(), np.zeros(len(pairs))])
    for turn in range(rounds):
        coefficients, log_sd, x = _group_of(design, theta)
        of_effects = Effects(evaluate, design, coefficients)
        lower = scaled_factor(np.exp(log_sd), x, pairs.pairs)
        tolerance = 1e-2 if turn < rounds - 1 else 1e-4
        modes = climb(of_effects, effects, np.zeros_like(effects), np.linalg.inv(lower @ lower.T), tolerance=tolerance)
        effects = modes.u
        at = of_effects.at(effects)
        curvature = floored(evaluate.curvature(at))
        linear = np.einsum("rkl,rl->rk", curvature, at) + limited(curvature, evaluate.gradient(at)[1])
        theta, before = GroupPosterior(population, design, curvature, linear).mode(theta), theta
        if np.abs(theta - before).max() < 0.05:
            break
    for _ in range(averages):
        curvature, linear = averaged(evaluate, population, design, curvature, linear, theta)
        theta = GroupPosterior(population, design, curvature, linear).mode(theta)

    covariance = GroupPosterior(population, design, curvature, linear).covariance(theta)
    coefficients, log_sd, x = _group_of(design, theta)
    common = len(coefficients)
    _, sd_width, x_width = _group_of(design, np.sqrt(np.diag(covariance)))
    return Expansion(
        curvature, linear, coefficients, log_sd, np.linalg.cholesky(covariance[:common, :common]), np.exp(log_sd) * sd_width,
        at, x, x_width,
    )  # fmt: skip


def averaged(
    evaluate: Differentiable, population: Population, design: Design, curvature: np.ndarray, linear: np.ndarray, theta: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The expansion averaged over the Normal posteriors of the participants' effects, given the group at ``theta``.

    Curvature and slope are means over the points ``centre +- sqrt(effects) x column of the covariance's root``, which
    have the posterior's mean and covariance.
    """
    coefficients, log_sd, x = _group_of(design, theta)
    of_effects = Effects(evaluate, design, coefficients)
    lower = scaled_factor(np.exp(log_sd), x, population.correlations.pairs)
    parts = quadratic(design, curvature, linear)
    a = lower.T @ parts.curvature @ lower + np.eye(len(log_sd))
    gap = (parts.linear - parts.mixed @ coefficients) @ lower
    centre = np.linalg.solve(a, gap[..., None])[..., 0] @ lower.T
    root = lower @ np.linalg.inv(np.linalg.cholesky(a)).transpose(0, 2, 1)  # root root' = covariance of effects
    bent, slope, size = np.zeros_like(curvature), np.zeros_like(linear), len(log_sd)
    for k in range(size):
        for sign in (-1.0, 1.0):
            at = of_effects.at(centre + sign * np.sqrt(size) * root[:, :, k])
            bent += np.where(np.isfinite(c := evaluate.curvature(at)), c, 0.0) / (2 * size)
            slope += np.where(np.isfinite(g := evaluate.gradient(at)[1]), g, 0.0) / (2 * size)
    bent = floored(bent)
    return bent, np.einsum("rkl,rl->rk", bent, of_effects.at(centre)) + limited(bent, slope)


def _without_group(evaluate: Differentiable, population: Population, design: Design) -> Expansion:
    """The expansion without a group: every participant (or the total, if ``evaluate`` pools) under the prior."""
    mean, total = population.prior.mean, population.prior.total
    start = design.centre(mean)
    modes = climb(evaluate, start, start, 1.0 / total**2)
    curvature = floored(modes.curvature)
    linear = np.einsum("nkl,nl->nk", curvature, modes.u) + modes.gradient
    theta = np.concatenate([mean, np.log(total)])
    curvature, linear = averaged(evaluate, population, design, curvature, linear, theta)
    return Expansion(curvature, linear, mean, np.log(total), np.eye(len(mean)), total, modes.u)
