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
from dataclasses import dataclass, replace
from functools import cached_property
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
from trialwise.likelihoods.concave_quadratic import compressed, concave_quadratic
from trialwise.likelihoods.filter_streams import FreshStreams
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.likelihoods.likelihood import Likelihood
from trialwise.likelihoods.log_mean import log_mean
from trialwise.population.correlations import correlations
from trialwise.population.design import Design, plain_design
from trialwise.population.geometry.whitening import quadratic, rows_of, whitened_to_effects

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
    coefficients, spreads, correlations
        ``(draws, F)``, ``(draws, Q)`` and ``(draws, pairs)``; without a design the first two are means and spreads of the parameters. Without
        a group there is one draw, the prior of a participant; if all participants share their parameters, spreads are 0.
    individual
        ``(posterior draws, rows, parameters)``: the participants' own parameters.
    design
        How the participants of ``individual`` differ; None without formulas.
    """

    coefficients: np.ndarray
    spreads: np.ndarray
    individual: np.ndarray
    correlations: np.ndarray | None = None
    design: Design | None = None

    @property
    def count(self) -> int:
        """Number of draws of the group."""
        return len(self.coefficients)

    @property
    def shared(self) -> bool:
        """Whether participants share their parameters."""
        return not self.spreads.any()

    @cached_property
    def matrices(self) -> Design:
        """The design, or that without formulas."""
        rows, size = self.individual.shape[1:]
        return self.design or plain_design([str(k) for k in range(size)], range(rows))

    def at(self, draws: np.ndarray) -> Groups:
        """Some of the draws of the group."""
        correlations = None if self.correlations is None else self.correlations[draws]
        return replace(
            self, coefficients=self.coefficients[draws], spreads=self.spreads[draws], correlations=correlations
        )

    def of(self, participant: int) -> Groups:
        """The same group, with one of the participants."""
        individual = self.individual[:, self.matrices.owner == participant]
        return replace(
            self, individual=individual, design=None if self.design is None else self.design.only(participant)
        )

    @cached_property
    def factors(self) -> np.ndarray:
        """The Cholesky factors of the covariance of effects, ``(draws, Q, Q)``."""
        pairs = correlations(self.matrices, [1.0] * len(self.matrices.blocks))
        matrix = pairs.matrix(np.zeros((self.count, 0)) if self.correlations is None else self.correlations)
        return np.ascontiguousarray(self.spreads[:, :, None] * np.linalg.cholesky(matrix))


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
        group = draws.groups()
        parts = [part.reshape(draws.count, -1) for part in (group.coefficients, group.spreads, group.correlations)]
        return Groups(parts[0], parts[1], individual, parts[2], draws.design)
    if draws.shared:
        mean = individual[:, 0]
        return Groups(mean, np.zeros_like(mean), individual)
    if fit.priors is None or fit.priors:
        raise UsageError(
            Argument("pooling", "none"),
            " with custom priors: parameters can be integrated out under the default priors, or under a group: "
            "fit with ", Argument("pooling", "partial"),
        )  # fmt: skip
    prior = fit.population.prior
    return Groups(prior.mean[None], prior.total[None], individual)


def integrand(learner: Learner, trials: Trials, particles: int, seed: int) -> Likelihood:
    """The likelihood to integrate: exact, or one estimate per point, each with random numbers of its own."""
    streams = FreshStreams(trials, seed, "integrated likelihood")
    return likelihood_of(learner, trials, particles=particles, filters=1, streams=streams)


def values_at(likelihood: Likelihood, u: np.ndarray) -> np.ndarray:
    """Log-likelihoods ``(points, rows)`` at ``u (points, rows, parameters)``, unconstrained; -inf where impossible."""
    points, rows, size = u.shape
    value, _ = likelihood.value(u.reshape(-1, size), np.tile(np.arange(rows), points))
    return np.where(np.isnan(value), -np.inf, value).reshape(points, rows)


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
    groups = groups.at(np.linspace(0, groups.count - 1, min(GROUPS, groups.count)).astype(int))
    design, lower = groups.matrices, groups.factors[:, None]
    parts = quadratic(design, *fitted)
    a = np.swapaxes(lower, -1, -2) @ parts.curvature @ lower + np.eye(lower.shape[-1])
    gap = parts.linear - np.einsum("nqf,gf->gnq", parts.mixed, groups.coefficients)
    covariance = lower @ np.linalg.solve(a, np.swapaxes(lower, -1, -2) + np.zeros_like(a))
    effects = np.einsum("gnij,gnj->gni", covariance, gap)
    mean = design.centre(groups.coefficients) + design.deviations(effects)
    within = np.einsum("rkp,grpq,rlq->rkl", design.random, covariance[:, design.owner], design.random) / groups.count
    away = mean - mean.mean(0)
    return mean.mean(0), within + np.einsum("gri,grj->rij", away, away) / groups.count


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
    design, count = groups.matrices, groups.count
    participants, size, rows = design.participants, groups.spreads.shape[1], design.rows
    block = max(1, (BLOCK if likelihood.exact else BLOCK_ESTIMATED) // (points * max(1, rows // 30)))
    result = np.empty((count, points, participants))

    def values(u: np.ndarray) -> np.ndarray:
        """Log-likelihoods of participants ``(draws, points, participants)`` at ``u (draws, points, rows, parameters)``."""
        of_rows = values_at(likelihood, u.reshape(-1, rows, u.shape[-1]))
        return design.by_participant(of_rows.T).T.reshape(*u.shape[:2], participants)

    if groups.shared:
        for first in range(0, count, block):
            mean = design.centre(groups.coefficients[first : first + block])
            result[first : first + block] = values(np.broadcast_to(mean[:, None], (len(mean), points, *mean.shape[1:])))
            tell(min(1.0, (first + block) / count))
        return result
    parts = quadratic(design, *quadratics(likelihood, groups, seed))
    labels = trials.participants if groups.design is None else range(participants)
    random = [stream(seed, "points under a group", label) for label in labels]
    norm = (
        gammaln((FREEDOM + size) / 2)
        - gammaln(FREEDOM / 2)
        - 0.5 * size * np.log(FREEDOM * np.pi)
        - size * np.log(WIDER)
    )
    fixed, effects = np.ascontiguousarray(design.fixed), np.ascontiguousarray(design.random)
    for first in range(0, count, block):
        chosen = range(first, min(first + block, count))
        each = [_t_variates(generator, (len(chosen), points, size)) for generator in random]
        noise = np.stack(each, 2)  # draws, points, participants, effects
        u, log_ratio = np.empty((*noise.shape[:2], rows, fixed.shape[1])), np.empty(noise.shape[:3])
        for g, draw in enumerate(chosen):
            coefficients, lower = groups.coefficients[draw], groups.factors[draw]
            for j in range(points):
                v, y, log_volume = whitened_to_effects(WIDER * noise[g, j], coefficients, lower, *parts)
                u[g, j] = rows_of(coefficients, v, design.owner, fixed, effects)
                log_ratio[g, j] = -0.5 * (y**2).sum(-1) - log_volume
        log_p = log_ratio - 0.5 * size * np.log(2 * np.pi)
        log_q = norm - 0.5 * (FREEDOM + size) * np.log1p((noise**2).sum(-1) / FREEDOM)
        result[first : first + block] = values(u) + log_p - log_q
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
    groups = groups.at(np.linspace(0, groups.count - 1, min(GROUPS, draws, groups.count)).astype(int))
    weight = log_weights(learner, fit.trials, groups, max(1, draws // groups.count), particles, seed)
    result, error, share = log_mean(weight.reshape(-1, weight.shape[-1]).T)
    return pd.DataFrame(
        {
            "participant": list(fit.data.participants),
            "log_likelihood": result,
            "standard_error": error,
            "effective": 1.0 / (share**2).sum(1),
        }
    )
