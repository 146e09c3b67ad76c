r"""The population model: parameters of participants, the group they are drawn from, and the priors of the group.

With partial pooling a participant's unconstrained values are :math:`u_n \sim \mathrm{Normal}(c_n, \mathrm{diag}(\sigma^2))` around its
mean :math:`c_n = X_n B`. At present all participants have the same mean, :math:`c_n = \mu`. Without a group each participant is
drawn from the prior; with complete pooling all share one set of values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from trialwise.base.streams import stream
from trialwise.data.trials import Trials
from trialwise.learners.learner import Learner
from trialwise.learners.parameters import Parameter
from trialwise.population.gibbs import group_given_participants
from trialwise.population.names import mean_name, median_name, parameter_of, spread_name
from trialwise.population.pooled import Pooled
from trialwise.population.priors import GroupPrior, check_priors, default_prior, draws_of, outcome_sd, with_own


class GroupDraw(NamedTuple):
    """A group and its participants, unconstrained: ``(parameters,)``, ``(parameters,)``, ``(participants, parameters)``."""

    mu: np.ndarray
    sd: np.ndarray
    u: np.ndarray


_DRAWS = 1000
"""Draws from which the quantiles of a user's prior are estimated."""


@dataclass(frozen=True, eq=False)
class Population(Pooled):
    """The distribution of participants' parameters; :func:`population_of` creates one.

    Attributes
    ----------
    parameters
        The free parameters, in order.
    pooling
        ``"partial"``, ``"none"`` or ``"complete"``.
    prior
        The prior of the group, vectors ``(parameters,)``: the default with the user's priors substituted where they are Normal
        and HalfNormal. Without a group, its ``mean`` and ``total`` are those of each participant.
    priors
        The user's priors, by name.
    unusual
        The user's priors of other families than ``prior``, by name.
    """

    parameters: tuple[Parameter, ...]
    pooling: str
    prior: GroupPrior
    priors: Mapping[str, Any]
    unusual: Mapping[str, Any]

    @cached_property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the free parameters."""
        return tuple(parameter.name for parameter in self.parameters)

    # -- means and spreads of participants ---------------------------------------------------------------------------

    def owner(self, rows: int) -> np.ndarray:
        """The participant of each row of parameters, ``(rows,)``: at present one row each, or one row in all if they share it."""
        return np.arange(rows)

    def centre(self, mu: np.ndarray, rows: int) -> np.ndarray:
        """The mean of each row of parameters, ``(..., rows, parameters)``, for groups with means ``mu (..., parameters)``."""
        return np.broadcast_to(mu[..., None, :], (*mu.shape[:-1], rows, mu.shape[-1]))

    def covariance(self, sd: np.ndarray) -> np.ndarray:
        """The covariance of participants around their means, ``(..., parameters, parameters)``, from spreads ``sd (..., parameters)``."""
        return np.asarray(sd[..., None] ** 2 * np.eye(sd.shape[-1]))

    def natural(self, u: np.ndarray) -> dict[str, np.ndarray]:
        """Natural values by name, ``(...)`` each, from unconstrained values ``(..., parameters)``."""
        return {p.name: p.constrain(u[..., k]) for k, p in enumerate(self.parameters)}

    def by_name(self, mu: np.ndarray, sd: np.ndarray) -> dict[str, np.ndarray]:
        """Means and spreads of a group by name, ``(...)`` each, from arrays ``(..., parameters)``."""
        pairs = ((mean_name, mu), (spread_name, sd))
        return {named(name): values[..., k] for k, name in enumerate(self.names) for named, values in pairs}

    # -- draws -------------------------------------------------------------------------------------------------------

    def draw(self, count: int, random: np.random.Generator) -> GroupDraw:
        """Draw a group from its prior, with partial pooling, and ``count`` participants from the group."""
        prior = self.prior
        mu = random.normal(prior.mean, prior.width)
        sd = abs(random.normal(0.0, prior.spread))
        u = random.normal(self.centre(mu, count), sd)
        if not self.unusual:
            return GroupDraw(mu, sd, u)
        import pymc as pm

        group = self.by_name(mu, sd)
        group |= {name: float(pm.draw(other, random_seed=random)) for name, other in self.unusual.items()}  # type: ignore[misc]
        means, spreads = (np.array([group[named(n)] for n in self.names]) for named in (mean_name, spread_name))
        return GroupDraw(means, spreads, self.centre(means, count) + spreads * (u - mu) / sd)

    def prior_draws(self, count: int, seed: int = 0) -> dict[str, np.ndarray]:
        """Draws of the group's variables from the prior.

        Returns
        -------
        dict
            Draws of all :attr:`group_names` and :attr:`median_names`: ``(count,)``, or ``(count, participants)`` for a prior that
            differs between participants.
        """
        random, draws = stream(seed, "draws of priors"), {}
        for k, p in enumerate(self.parameters):
            if self.grouped:
                draws[mean_name(p.name)] = random.normal(self.prior.mean[k], self.prior.width[k], count)
                draws[spread_name(p.name)] = abs(random.normal(0.0, self.prior.spread[k], count))
            else:
                draws[p.name] = p.constrain(random.normal(self.prior.mean[k], self.prior.total[k], count))
        draws |= {
            name: draws_of(distribution, count, stream(seed, "draws of priors", part=name))
            for name, distribution in self.unusual.items()
        }
        if self.grouped:
            draws |= {median_name(p.name): p.constrain(draws[mean_name(p.name)]) for p in self.parameters}
        return draws

    def given_participants(
        self, u: np.ndarray, sd: np.ndarray, random: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw the group's means and spreads given participants, a Gibbs step; see :mod:`trialwise.population.gibbs`."""
        return group_given_participants(u, sd, self.prior, random)

    def as_normal(self, seed: int = 0) -> GroupPrior:
        """The prior, with the user's own priors replaced by Normals (HalfNormals, for spreads) on the unconstrained scale.

        They have the same median and as much between the quantiles of 16 and 84 %: a heavy tail has no variance to match. An improper
        prior, ``pm.Flat``, from which nothing can be drawn, leaves the default in its place.
        """
        mean, width, spread = self.prior.mean.copy(), self.prior.width.copy(), self.prior.spread.copy()
        for name, distribution in self.unusual.items():
            try:
                draws = draws_of(distribution, _DRAWS, stream(seed, "quantiles of priors", part=name))
            except NotImplementedError:
                continue
            k = self.names.index(parameter_of(name) if self.grouped else name)
            parameter = self.parameters[k]
            if name == spread_name(parameter.name):
                spread[k] = np.quantile(draws, 0.683)
                continue
            u = draws if self.grouped else parameter.unconstrain(draws[parameter.holds(draws)])
            u = u[np.isfinite(u)]
            if len(u):
                low, mean[k], high = np.quantile(u, [0.159, 0.5, 0.841])
                width[k] = (high - low) / 2
                spread[k] *= self.grouped
        return replace(self.prior, mean=mean, width=width, spread=spread)

    def narrower_prior(self, name: str) -> str:
        """An example of a narrower prior for a parameter, as an entry of ``priors``; empty if no simple one has its range.

        With a group it is a prior of the group's mean on the unconstrained scale, otherwise of the parameter on its natural scale.
        """
        k = self.names.index(name)
        parameter, centre = self.parameters[k], f"{self.prior.mean[k]:.3g}"
        if self.grouped:
            return f"{mean_name(name)!r}: pm.Normal.dist({centre}, 0.5)"
        if parameter.support == "real":
            return f"{name!r}: pm.Normal.dist({centre}, 0.5)"
        if parameter.support == "positive":
            return f"{name!r}: pm.LogNormal.dist({centre}, 0.5)"
        if (parameter.lower, parameter.upper) == (0, 1):
            return f"{name!r}: pm.LogitNormal.dist({centre}, 0.5)"
        return ""

    def distributions(self) -> dict[str, Any]:
        """The priors of the group's means and spreads by name, as PyMC distributions or as the user passed them."""
        import pymc as pm

        priors = dict(self.unusual)
        for k, name in enumerate(self.names):
            priors.setdefault(mean_name(name), pm.Normal.dist(self.prior.mean[k], self.prior.width[k]))
            priors.setdefault(spread_name(name), pm.HalfNormal.dist(self.prior.spread[k]))
        return priors


def population_of(
    learner: Learner | Sequence[Parameter],
    outcomes: Trials | float,
    priors: Mapping[str, Any] | None = None,
    pooling: str = "partial",
) -> Population:
    """Create the population of a learner's participants.

    Parameters
    ----------
    learner
        The learner, or its free parameters.
    outcomes
        Trials, or the standard deviation of outcomes, on which default priors of parameters in units per outcome depend.
    priors
        The user's priors, by name: with partial pooling for ``alpha_mu`` and ``alpha_sd`` on the unconstrained scale, else for
        ``alpha`` on the natural scale.
    pooling
        ``"partial"``: participants come from a group; ``"none"``: each is drawn from the prior; ``"complete"``: all share
        one set of parameters.

    Raises
    ------
    UsageError
        For an unknown pooling, a prior for an unknown name, or a prior whose standard deviation is not above 0.
    """
    parameters = tuple(learner.parameters if isinstance(learner, Learner) else learner)
    names, priors_by_name = [p.name for p in parameters], dict(priors or {})
    check_priors(names, pooling, priors_by_name)
    prior = default_prior(parameters, outcome_sd(outcomes) if isinstance(outcomes, Trials) else outcomes)
    prior, unusual = with_own(prior, names, priors_by_name) if pooling == "partial" else (prior, priors_by_name)
    return Population(parameters, pooling, prior, priors_by_name, unusual)
