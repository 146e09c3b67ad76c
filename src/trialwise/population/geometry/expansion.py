r"""Modes and curvatures of participants' likelihoods: approximate location and width of each posterior.

All computations are on the unconstrained scale :math:`u` and for all participants at once: one call of the kernel returns every
participant's value and gradient, so a Newton step takes as many calls as there are parameters, independent of the number of
participants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from trialwise.likelihoods.likelihood import Differentiable
from trialwise.population.population import Population


def floored(matrices: np.ndarray, floor: float = 1e-6) -> np.ndarray:
    """Symmetric matrices with their eigenvalues raised to at least ``floor``; matrices that are not finite are replaced by zeros first."""
    clean = np.where(np.isfinite(matrices).all((1, 2), keepdims=True), matrices, 0.0)
    values, vectors = np.linalg.eigh(clean)
    return (vectors * np.maximum(values, floor)[:, None, :]) @ vectors.transpose(0, 2, 1)


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
        Diagonal of the prior precision, ``(parameters,)``; with zeros the likelihood alone is maximised.
    iterations
        Maximum number of steps.
    tolerance
        A participant has converged when a full step would gain less than this in log-posterior.
    longest
        Largest change of a parameter in one step, so that no participant leaves the region where the curvature is informative.
    """

    def objective(u):
        value, gradient = evaluate.gradient(u)
        gap = u - mean
        value = np.where(np.isfinite(value), value, -np.inf)
        return value - 0.5 * (precision * gap**2).sum(1), gradient - precision * gap, gradient

    u = start.copy()
    value, slope, raw = objective(u)
    damping = np.full(len(u), 1e-3)
    converged = np.zeros(len(u), bool)
    curvature = evaluate.curvature(u)
    for _ in range(iterations):
        bent = floored(curvature + np.diag(precision), 1e-4)
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
    """Quadratic expansions of the participants' log-likelihoods, and of the group's posterior under them.

    With curvature :math:`H_n` at :math:`\\hat u_n` and :math:`b_n = H_n \\hat u_n + g_n`, the likelihood of participant n is
    approximately proportional to :math:`\\exp(b_n' u - u' H_n u / 2)`.

    Attributes
    ----------
    curvature, linear
        ``H (participants, parameters, parameters)`` and ``b (participants, parameters)``.
    mean, log_sd
        Mode of the group's means and log spreads, ``(parameters,)`` each.
    mean_factor
        Lower Cholesky factor of the posterior covariance of the means.
    sd_scale
        Approximate posterior standard deviations of the spreads.
    modes
        The participants' modes given the group at its mode, ``(participants, parameters)``.
    """

    curvature: np.ndarray
    linear: np.ndarray
    mean: np.ndarray
    log_sd: np.ndarray
    mean_factor: np.ndarray
    sd_scale: np.ndarray
    modes: np.ndarray


def group_log_posterior(
    theta: np.ndarray, curvature: np.ndarray, linear: np.ndarray, prior: Callable[[np.ndarray, np.ndarray], float]
) -> float:
    r"""Log-posterior of ``theta`` = (means, log spreads) with the participants integrated out by their expansions.

    .. math:: \sum_n \tfrac12 \log|D^{-1}| - \tfrac12 \log|A_n| + \tfrac12 c_n' A_n^{-1} c_n - \tfrac12 \mu' D^{-1} \mu,
        \quad A_n = H_n + D^{-1},\ c_n = b_n + D^{-1} \mu
    """
    size = len(theta) // 2
    mean, log_sd = theta[:size], theta[size:]
    weight = np.exp(-2.0 * log_sd)
    a = curvature + np.diag(weight)
    c = linear + weight * mean
    _, log_determinant = np.linalg.slogdet(a)
    inner = np.einsum("nk,nk->n", c, np.linalg.solve(a, c[..., None])[..., 0])
    participants = len(linear)
    return float(
        -participants * log_sd.sum() - 0.5 * log_determinant.sum() + 0.5 * inner.sum()
        - 0.5 * participants * (weight * mean**2).sum() + prior(mean, log_sd)
    )  # fmt: skip


def expand(evaluate: Differentiable, population: Population) -> Expansion:
    """Expand the likelihoods of a population's participants around their posteriors."""
    return _with_group(evaluate, population) if population.grouped else _without_group(evaluate, population)


def _with_group(evaluate: Differentiable, population: Population, rounds: int = 4, averages: int = 2) -> Expansion:
    """The expansion with a group, alternating between the modes of the group and of the participants.

    It is first computed at the participants' modes, then averaged over their posteriors: the best quadratic for coordinates is not
    the one at the mode but the one whose curvature is the posterior's mean curvature (Opper & Archambeau 2009, Neural
    Computation 21:786), here over 2 x parameters points.
    """
    mean, width, spread = population.prior.mean, population.prior.width, population.prior.spread
    participants, size = len(evaluate.rows), len(mean)

    def prior(mu, log_sd):
        z = (mu - mean) / width
        return float(-0.5 * (z**2).sum() - 0.5 * (np.exp(2 * log_sd) / spread**2).sum() + log_sd.sum())

    def group(theta, curvature, linear):
        best = minimize(
            lambda t: -group_log_posterior(t, curvature, linear, prior),
            theta,
            method="L-BFGS-B",
            bounds=[(None, None)] * size + [(-4.0, 3.0)] * size,
        )
        return best.x

    theta = np.concatenate([mean, 0.5 * np.log(width**2 + spread**2)])
    u = population.centre(mean, participants)
    for turn in range(rounds):
        mu, sd = theta[:size], np.exp(theta[size:])
        tolerance = 1e-2 if turn < rounds - 1 else 1e-4
        modes = climb(evaluate, u, population.centre(mu, participants), 1.0 / sd**2, tolerance=tolerance)
        u = modes.u
        curvature = floored(modes.curvature)
        linear = np.einsum("nkl,nl->nk", curvature, u) + modes.gradient
        theta, before = group(theta, curvature, linear), theta
        if np.abs(theta - before).max() < 0.05:
            break
    for _ in range(averages):
        curvature, linear = averaged(evaluate, curvature, linear, theta[:size], np.exp(-2 * theta[size:]))
        theta = group(theta, curvature, linear)

    covariance = np.linalg.inv(_curvature_of(lambda t: group_log_posterior(t, curvature, linear, prior), theta))
    sd_scale = np.exp(theta[size:]) * np.sqrt(np.diag(covariance)[size:])
    mean_factor = np.linalg.cholesky(covariance[:size, :size])
    return Expansion(curvature, linear, theta[:size], theta[size:], mean_factor, sd_scale, u)


def averaged(
    evaluate: Differentiable, curvature: np.ndarray, linear: np.ndarray, mean: np.ndarray, precision: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The expansion averaged over the participants' Normal posteriors under a group ``Normal(mean, 1 / precision)``.

    Curvature and slope are means over the points ``centre +- sqrt(parameters) x column of the covariance's root``, which
    have the posterior's mean and covariance.
    """
    size = len(mean)
    a = curvature + np.diag(precision)
    centre = np.linalg.solve(a, (linear + precision * mean)[..., None])[..., 0]
    root = np.linalg.inv(np.linalg.cholesky(a)).transpose(0, 2, 1)  # root root' = covariance
    bent, slope = np.zeros_like(curvature), np.zeros_like(linear)
    for k in range(size):
        for sign in (-1.0, 1.0):
            at = centre + sign * np.sqrt(size) * root[:, :, k]
            bent += np.where(np.isfinite(c := evaluate.curvature(at)), c, 0.0) / (2 * size)
            slope += np.where(np.isfinite(g := evaluate.gradient(at)[1]), g, 0.0) / (2 * size)
    bent = floored(bent)
    return bent, np.einsum("nkl,nl->nk", bent, centre) + slope


def _without_group(evaluate: Differentiable, population: Population) -> Expansion:
    """The expansion without a group: every participant (or the total, if ``evaluate`` pools) under the prior."""
    mean, total = population.prior.mean, population.prior.total
    start = population.centre(mean, len(evaluate.rows))
    modes = climb(evaluate, start, start, 1.0 / total**2)
    curvature = floored(modes.curvature)
    linear = np.einsum("nkl,nl->nk", curvature, modes.u) + modes.gradient
    curvature, linear = averaged(evaluate, curvature, linear, mean, 1.0 / total**2)
    return Expansion(curvature, linear, mean, np.log(total), np.eye(len(mean)), total, modes.u)


def _curvature_of(function: Callable[[np.ndarray], float], at: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """Minus the second derivatives of a function of a few variables, with eigenvalues of at least 1."""
    size = len(at)
    second = np.empty((size, size))
    for i in range(size):
        for j in range(i + 1):
            a, b = np.zeros(size), np.zeros(size)
            a[i], b[j] = step, step
            difference = function(at + a + b) - function(at + a - b) - function(at - a + b) + function(at - a - b)
            second[i, j] = second[j, i] = -difference / (4 * step**2)
    return floored(second[None], 1.0)[0]
