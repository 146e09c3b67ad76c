"""Locate each participant's posterior approximately, by an ensemble of walkers on noisy estimates.

Differential evolution (ter Braak 2006, Stat. Comput. 16:239): a walker's proposal is a step along the difference of two
others, so that the ensemble adapts to scale and direction and needs no gradient. The positions of the walkers are not used for
inference; all estimates, of accepted and rejected proposals, are archived as training points of emulators.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from trialwise.inference.samplers.pseudo_marginal.estimates import Archive
from trialwise.likelihoods.emulator import Limits
from trialwise.likelihoods.likelihood import Likelihood

WALKERS, PARTICLES = 24, 40


def explore(
    likelihood: Likelihood, mean: np.ndarray, spread: np.ndarray, turns: int, random: np.random.Generator,
    tell: Callable[[float], None],
) -> Archive:  # fmt: skip
    """Estimates around each unit's posterior under ``Normal(mean, spread)``, ``(parameters,)`` each; ``tell`` receives the progress, 0 to 1."""
    units, size = len(likelihood.rows), len(mean)
    walkers = max(WALKERS, 3 * size)
    unit = np.repeat(np.arange(units), walkers)

    def estimates_at(u):
        values = likelihood.value(u.reshape(-1, size), unit, PARTICLES).log_likelihood.reshape(units, walkers)
        return np.where(np.isfinite(values), values, -1e4)

    def prior(u):
        return -0.5 * (((u - mean) / spread) ** 2).sum(-1)

    archive = Archive(units, size)
    at = mean + spread * random.standard_normal((units, walkers, size))
    value = estimates_at(at)
    archive.add(at, value, PARTICLES)
    for turn in range(turns):
        pairs = np.array([random.choice(walkers - 1, 2, replace=False) for _ in range(walkers)])
        pairs += pairs >= np.arange(walkers)[:, None]  # never the walker itself
        far = 2.38 / np.sqrt(2 * size) * random.uniform(0.3, 1.2, (units, walkers, 1))
        if turn % 8 == 7:
            far[:] = 1.0  # from one mode to another, if there are several
        step = far * (at[:, pairs[:, 0]] - at[:, pairs[:, 1]])
        proposal = at + step + 0.02 * random.standard_normal(at.shape)
        new = estimates_at(proposal)
        archive.add(proposal, new, PARTICLES)
        better = np.log(random.random(value.shape)) < new + prior(proposal) - value - prior(at)
        at, value = np.where(better[..., None], proposal, at), np.where(better, new, value)
        tell((turn + 1) / turns)
    return archive


def about(archive: Archive, mean: np.ndarray, spread: np.ndarray, limits: Limits) -> tuple[np.ndarray, np.ndarray]:
    """Centres ``(units, parameters)`` and wide covariances of the units' posteriors within limits, from the estimates."""
    centres, covariances = [], []
    for u, estimates in zip(archive.u, archive.found, strict=True):
        height = estimates - 0.5 * (((u - mean) / spread) ** 2).sum(1)
        weight = np.exp(np.maximum(0.25 * (height - height.max()), -40.0))
        weight /= weight.sum()
        seen = limits(u)
        centre = weight @ seen
        gap = seen - centre
        centres.append(centre)
        covariances.append(gap.T @ (gap * weight[:, None]) + 1e-2 * np.eye(u.shape[1]))
    return np.array(centres), np.array(covariances)
