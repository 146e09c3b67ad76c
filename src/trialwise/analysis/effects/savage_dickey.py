r"""The Savage-Dickey Bayes factor: how much less, or more, probable the data made an effect of exactly 0.

.. math:: \mathrm{BF}_{01} = p(\delta = 0 \mid y) \,/\, p(\delta = 0)

The prior's density is exact. That of the posterior is the mean over draws of the density of :math:`\delta` given the participants of the draw,
which is exact as well (:mod:`trialwise.analysis.effects.coefficients`; Gelfand & Smith 1990), or else a kernel estimate.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from trialwise.analysis.effects.coefficients import Conditional, log_normal_at_zero
from trialwise.analysis.pareto import pareto_smoothed

UNRELIABLE = 0.7
"""The Pareto k-hat above which a mean of densities is not relied on."""

FEWEST = 20
"""Draws near 0 that a kernel estimate needs."""

ROUGH = 0.25
"""The Monte Carlo error above which a Bayes factor is called rough, relative to it."""

EXACT, KERNEL = "exact given participants", "kernel density"


class BayesFactor(NamedTuple):
    """A Bayes factor for no effect.

    Attributes
    ----------
    bf01
        How many times more probable the data are without the effect than with it, under its prior.
    error
        Its Monte Carlo standard error.
    half, double
        The Bayes factor with half and twice the prior standard deviation of the effect.
    method
        How the posterior's density at 0 was computed.
    pareto_k
        Pareto k-hat of the densities of the draws; NaN for a kernel estimate.
    near
        Whether enough draws lie near 0 for a kernel estimate, if it is one.
    """

    bf01: float
    error: float
    half: float
    double: float
    method: str
    pareto_k: float
    near: bool = True

    @property
    def reliable(self) -> bool:
        """Whether it is known to within a quarter: enough draws near 0, densities without a heavy tail."""
        return bool(self.near and not self.pareto_k > UNRELIABLE and self.error <= ROUGH * self.bf01)


def bayes_factor(
    vectors: np.ndarray,
    coefficients: np.ndarray,
    mean: np.ndarray,
    width: np.ndarray,
    conditional: Conditional | None,
) -> BayesFactor:
    r"""The Bayes factor for :math:`\delta = C B = 0`.

    Parameters
    ----------
    vectors
        C, ``(m, F)``, of full rank.
    coefficients
        Draws of B, ``(chains, draws, F)``.
    mean, width
        Means and standard deviations of the coefficients' Normal priors, ``(F,)``.
    conditional
        The coefficients given participants; None for a kernel estimate.
    """
    effect, centre = coefficients @ vectors.T, vectors @ mean
    covariance = (vectors * width**2) @ vectors.T
    prior = float(log_normal_at_zero(centre, covariance))
    density, k, near = None, float("nan"), True
    if conditional is not None:
        log_density = conditional.log_density_at_zero(vectors)
        density, k = np.exp(log_density - prior), _pareto_k(log_density)
    method = EXACT
    if density is None or k > UNRELIABLE:
        kernel, near = _kernel(effect, prior)
        if density is None or near:
            density, method, k = kernel, KERNEL, float("nan")
    bf01 = float(density.mean())
    half, double = (bf01 / _ratio(effect, centre, covariance, scale) for scale in (0.5, 2.0))
    return BayesFactor(bf01, _mcse(density), half, double, method, k, near or method == EXACT)


def _ratio(effect: np.ndarray, centre: np.ndarray, covariance: np.ndarray, scale: float) -> float:
    """The mean over draws of the ratio of two priors of the effect, one of which has ``scale`` times the standard deviation.

    The posterior's density at 0 under the other prior is the present one times the ratio at 0, divided by this mean; and the ratio at 0
    is also that of the priors' densities there, so that it cancels in the Bayes factor.
    """
    away = effect - centre
    square = np.einsum("...i,ij,...j->...", away, np.linalg.inv(covariance), away)
    return float(np.mean(np.exp(-0.5 * square * (scale**-2 - 1.0)))) * scale ** -len(centre)


def _kernel(effect: np.ndarray, prior: float) -> tuple[np.ndarray, bool]:
    """Kernels of the draws at 0 over the prior's density, ``(chains, draws)``, and whether enough draws are near."""
    from scipy.stats import gaussian_kde

    draws = effect.reshape(-1, effect.shape[-1])
    width = np.atleast_2d(gaussian_kde(draws.T).covariance)
    kernels = np.exp(log_normal_at_zero(effect, width) - prior)
    distance = np.einsum("ni,ij,nj->n", draws, np.linalg.inv(width), draws)
    return kernels, int((distance < 4.0).sum()) >= FEWEST


def _pareto_k(log_density: np.ndarray) -> float:
    if np.ptp(log_density) < 1e-9:
        return float("nan")
    return float(pareto_smoothed(-log_density.reshape(1, -1))[1][0])


def _mcse(values: np.ndarray) -> float:
    from arviz_stats.base import array_stats

    return float(array_stats.mcse(values, chain_axis=0, draw_axis=1, method="mean"))
