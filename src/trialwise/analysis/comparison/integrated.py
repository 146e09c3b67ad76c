r"""Integrated likelihoods: the probability of a participant's choices under a learner and a group, parameters integrated out.

.. math:: p(y_n | g) = \int L_n(u)\, p(u | g)\, du, \qquad g = (\mu, \sigma)

for draws g of the group's means and spreads, by importance sampling. A quadratic is fitted to each participant's
log-likelihood in the region of its posterior; given this quadratic and g, parameters are Normal, and in the whitened coordinates
of :mod:`trialwise.population.geometry.whitening` a few points are drawn for every g from a slightly wider t distribution. A spread
near zero, where all participants are alike, causes no difficulty, since each g has points of its own. With a hidden choice
likelihoods are estimated without bias, and their noise is part of the variance of the weights that errors are computed from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import gammaln

from trialwise.base.errors import UsageError
from trialwise.base.message import Argument
from trialwise.base.streams import stream
from trialwise.data.trials import Trials
from trialwise.inference.draws import Draws
from trialwise.inference.fitted import Fit
from trialwise.learners.learner import Learner
from trialwise.likelihoods.emulator import compressed, concave_quadratic
from trialwise.likelihoods.filter_streams import FreshStreams
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.likelihoods.likelihood import Likelihood
from trialwise.likelihoods.log_mean import log_mean
from trialwise.population.geometry.whitening import whitened_to_natural

if TYPE_CHECKING:
    import pandas as pd

Tell = Callable[[float], None]

FREEDOM, WIDER = 8.0, 1.1
"""Degrees of freedom of the t distribution from which points are drawn, and its scale in whitened coordinates."""

GROUPS = 200
"""Number of the group's draws over which :func:`integrated_likelihood` averages."""

TURNS, PER_FEATURE, SPACIOUS = 2, 4, 1.3
"""Rounds of fitting quadratics; points per round and coefficient of a quadratic; and the scale of the points relative to the
posterior."""

BLOCK, BLOCK_ESTIMATED = 4000, 400
"""Points of a participant evaluated at once, to bound memory; fewer for estimates, which take longer, so that progress is shown."""


DRAWS = 800
"""Default number of draws of an integrated likelihood: points of each participant, for all draws of the group together."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Draws of the group's distribution, on the unconstrained scale.

    Attributes
    ----------
    mean, spread
        ``(draws, parameters)``. Without a group there is one draw, the prior of a participant; if all participants share their
        parameters, spreads are 0.
    individual
        ``(posterior draws, participants, parameters)``: the participants' own parameters.
    """

    mean: np.ndarray
    spread: np.ndarray
    individual: np.ndarray

    @property
    def shared(self) -> bool:
        """Whether participants share their parameters."""
        return not self.spread.any()


def groups_of(fit: Fit, learner: Learner, draws: Draws) -> Groups:
    """The group's distribution in draws of a fit's posterior, for any pooling.

    Raises
    ------
    UsageError
        If participants were fitted separately under custom priors.
    """
    u = np.stack([p.unconstrain(draws.natural(p.name)) for p in learner.parameters], -1)
    individual = np.clip(u, -30.0, 30.0)
    if draws.grouped:
        mean, spread = (each.reshape(draws.count, -1) for each in (draws.means(), draws.spreads()))
    elif draws.shared:
        mean = individual[:, 0]
        spread = np.zeros_like(mean)
    else:
        if fit.priors is None or fit.priors:
            raise UsageError(
                Argument("pooling", "none"),
                " with custom priors: parameters can be integrated out under the default priors, or under a group: "
                "fit with ", Argument("pooling", "partial"),
            )  # fmt: skip
        prior = fit.population.prior
        mean, spread = prior.mean[None], prior.total[None]
    return Groups(mean, spread, individual)


def integrand(learner: Learner, trials: Trials, particles: int, seed: int) -> Likelihood:
    """The likelihood to integrate: exact, or one estimate per point, each with random numbers of its own."""
    streams = FreshStreams(trials, seed, "integrated likelihood")
    return likelihood_of(learner, trials, particles=particles, filters=1, streams=streams)


def values_at(likelihood: Likelihood, u: np.ndarray) -> np.ndarray:
    """Log-likelihoods ``(points, participants)`` at ``u (points, participants, parameters)``, unconstrained; -inf where impossible."""
    points, participants, size = u.shape
    value, _ = likelihood.value(u.reshape(-1, size), np.tile(np.arange(participants), points))
    return np.where(np.isnan(value), -np.inf, value).reshape(points, participants)


class Quadratics(NamedTuple):
    """Approximations ``exp(b'u - u'Hu / 2)`` of each participant's likelihood; H, b ``(participants, parameters, ...)``."""

    curvature: np.ndarray
    linear: np.ndarray


def quadratics(likelihood: Likelihood, groups: Groups, seed: int) -> Quadratics:
    """Fit quadratics to log-likelihoods where parameters are plausible: first by the posterior, then by the quadratics themselves."""
    individual = groups.individual
    participants, size = individual.shape[1:]
    count = PER_FEATURE * (1 + size) * (2 + size) // 2
    centre = middle = individual.mean(0)
    covariance = np.stack([np.cov(individual[:, n].T).reshape(size, size) for n in range(participants)])
    scale = inner = SPACIOUS * np.linalg.cholesky(covariance + 1e-8 * np.eye(size))
    random = [stream(seed, "points of a quadratic", label) for label in likelihood.trials.participants]
    points, values = np.empty((0, participants, size)), np.empty((0, participants))
    for _ in range(TURNS):
        noise = np.stack([each.standard_normal((count, size)) for each in random], 1)
        new = centre + np.einsum("nij,mnj->mni", inner, noise)
        points, values = np.concatenate([points, new]), np.concatenate([values, values_at(likelihood, new)])
        each = [_quadratic(points[:, n], values[:, n], middle[n], scale[n]) for n in range(participants)]
        fitted = Quadratics(np.stack([h for h, _ in each]), np.stack([b for _, b in each]))
        centre, covariance = _where(fitted, groups)
        inner = SPACIOUS * np.linalg.cholesky(covariance + 1e-8 * np.eye(size))
    return fitted


def _quadratic(
    u: np.ndarray, values: np.ndarray, centre: np.ndarray, root: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The coefficients H and b of one participant."""
    inverse = np.linalg.inv(root)
    top = values.max()
    if not np.isfinite(top):
        return np.zeros_like(root), np.zeros_like(centre)
    low = compressed(np.maximum(values, top - 1e3), top)
    _, linear, curvature = concave_quadratic((u - centre) @ inverse.T, low, 1.0 / (1.0 + top - low) ** 2)
    natural = -inverse.T @ curvature @ inverse
    return natural, inverse.T @ linear + natural @ centre


def _where(fitted: Quadratics, groups: Groups) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of every participant's parameters under the quadratics, averaged over groups."""
    subset = np.linspace(0, len(groups.mean) - 1, min(GROUPS, len(groups.mean))).astype(int)
    weight = groups.spread[subset] ** -2.0
    size = weight.shape[1]
    inverse = np.linalg.inv(fitted.curvature + np.eye(size) * weight[:, None, None])
    mean = np.einsum("gnij,gnj->gni", inverse, fitted.linear + (weight * groups.mean[subset])[:, None])
    gap = mean - mean.mean(0)
    return mean.mean(0), inverse.mean(0) + np.einsum("gni,gnj->nij", gap, gap) / len(subset)


def log_weights(
    learner: Learner, trials: Trials, groups: Groups, points: int, particles: int, seed: int, tell: Tell = lambda share: None
) -> np.ndarray:  # fmt: skip
    """Log importance weights ``log L_n(u) p(u | g) / q(u | g)``; the mean weight over points estimates :math:`p(y_n | g)` without bias.

    Parameters
    ----------
    groups
        The group's distribution, with the participants of ``trials``.
    points
        Number of points for each participant and draw of the group.
    particles
        Particles of each estimate, for a learner with a hidden choice.
    tell
        Called with the progress, from 0 to 1.

    Returns
    -------
    ndarray
        ``(draws, points, participants)``.
    """
    likelihood = integrand(learner, trials, particles, seed)
    count, size = groups.mean.shape
    participants = trials.n_participants
    block = max(1, (BLOCK if likelihood.exact else BLOCK_ESTIMATED) // (points * max(1, participants // 30)))
    result = np.empty((count, points, participants))
    shape = (points, participants, size)
    if groups.shared:
        for first in range(0, count, block):
            mean = groups.mean[first : first + block]
            u = np.broadcast_to(mean[:, None, None], (len(mean), *shape)).reshape(-1, participants, size)
            result[first : first + block] = values_at(likelihood, u).reshape(len(mean), points, participants)
            tell(min(1.0, (first + block) / count))
        return result
    fitted = quadratics(likelihood, groups, seed)
    random = [stream(seed, "points under a group", label) for label in trials.participants]
    owner = np.arange(participants)
    norm = (
        gammaln((FREEDOM + size) / 2)
        - gammaln(FREEDOM / 2)
        - 0.5 * size * np.log(FREEDOM * np.pi)
        - size * np.log(WIDER)
    )
    for first in range(0, count, block):
        mean, spread = groups.mean[first : first + block], groups.spread[first : first + block]
        each = [_t_variates(generator, (len(mean), points, size)) for generator in random]
        noise = np.stack(each, 2)  # draws, points, participants, parameters
        u, stretch = np.empty(noise.shape), np.empty(noise.shape[:3])
        for g in range(len(mean)):
            for j in range(points):
                u[g, j], stretch[g, j] = whitened_to_natural(
                    WIDER * noise[g, j], mean[g : g + 1], spread[g], owner, *fitted
                )
        value = values_at(likelihood, u.reshape(-1, participants, size)).reshape(u.shape[:3])
        gap = (u - mean[:, None, None]) / spread[:, None, None]
        log_p = (-0.5 * gap**2).sum(-1) - (np.log(spread) + 0.5 * np.log(2 * np.pi)).sum(-1)[:, None, None]
        log_q = norm - 0.5 * (FREEDOM + size) * np.log1p((noise**2).sum(-1) / FREEDOM) - stretch
        result[first : first + block] = value + log_p - log_q
        tell(min(1.0, (first + block) / count))
    return result


def _t_variates(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Random numbers from a multivariate t distribution whose dimensions are the last axis."""
    return np.asarray(random.standard_normal(shape) / np.sqrt(random.chisquare(FREEDOM, (*shape[:-1], 1)) / FREEDOM))


def integrated_likelihood(fit: Fit, draws: int = DRAWS, particles: int = 200, seed: int = 0) -> pd.DataFrame:
    """The integrated likelihood of every participant, averaged over the group's posterior.

    The group is estimated from all participants, including this one: for predictions of new participants see
    :func:`trialwise.compare`.

    Parameters
    ----------
    fit
        A fit with partial pooling.
    draws
        Total number of points of each participant at which the likelihood is computed or estimated, divided equally between 200
        draws of the group.
    particles
        Particles of each estimate, for a learner with a hidden choice.
    seed
        The same seed gives the same result.

    Returns
    -------
    DataFrame
        A row a participant: ``participant``, ``log_likelihood`` (integrated), ``standard_error`` and ``effective``, the
        effective number of draws; below a tenth of ``draws``, the likelihood is not reliable.

    Raises
    ------
    UsageError
        If the fit has no group, or its learner is not available.
    """
    import pandas as pd

    if not fit.draws.grouped:
        present, required = Argument("pooling", fit.pooling), Argument("pooling", "partial")
        raise UsageError(present, " has no group to integrate over: fit with ", required)
    learner = fit.learner_for("integrated_likelihood")
    groups = groups_of(fit, learner, fit.draws)
    subset = np.linspace(0, len(groups.mean) - 1, min(GROUPS, draws, len(groups.mean))).astype(int)
    groups = Groups(groups.mean[subset], groups.spread[subset], groups.individual)
    weight = log_weights(learner, fit.trials, groups, max(1, draws // len(subset)), particles, seed)
    result, error, share = log_mean(weight.reshape(-1, fit.trials.n_participants).T)
    return pd.DataFrame(
        {
            "participant": list(fit.trials.participants),
            "log_likelihood": result,
            "standard_error": error,
            "effective": 1.0 / (share**2).sum(1),
        }
    )
