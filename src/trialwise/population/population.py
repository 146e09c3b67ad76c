r"""Who comes from whom: parameters of participants, the group they are drawn from, and what is believed of it beforehand.

With partial pooling a participant's unconstrained values are :math:`u_n \sim \mathrm{Normal}(c_n, \mathrm{diag}(\sigma^2))` about a
mean of its own, :math:`c_n = X_n B`. So far every participant has the same, :math:`c_n = \mu`. Without a group each participant
comes from the prior alone; with complete pooling all share one set of values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from trialwise.base.streams import stream
from trialwise.data.trials import Trials
from trialwise.learners.learner import Learner
from trialwise.learners.parameters import Parameter
from trialwise.population.gibbs import group_given_participants
from trialwise.population.names import group_names, mean_name, median_name, median_names, spread_name
from trialwise.population.priors import GroupPrior, check_priors, default_prior, draws_of, outcome_sd, with_own


class GroupDraw(NamedTuple):
    """A group and its participants, unconstrained: ``(parameters,)``, ``(parameters,)``, ``(participants, parameters)``."""

    mu: np.ndarray
    sd: np.ndarray
    u: np.ndarray


@dataclass(frozen=True, eq=False)
class Population:
    """Where participants' parameters come from; :func:`population_of` makes one.

    Attributes
    ----------
    parameters
        The free ones, in order.
    pooling
        ``"partial"``, ``"none"`` or ``"complete"``.
    prior
        Of the group, vectors ``(parameters,)``: the default one with the user's own in it as far as they are Normal and
        HalfNormal. Without a group its ``mean`` and ``total`` are those of each participant.
    priors
        The user's own, by name.
    unusual
        Those among them that are of another kind than ``prior``.
    """

    parameters: tuple[Parameter, ...]
    pooling: str
    prior: GroupPrior
    priors: Mapping[str, Any]
    unusual: Mapping[str, Any]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the free parameters."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def grouped(self) -> bool:
        """Whether participants come from a group."""
        return self.pooling == "partial"

    @property
    def shared(self) -> bool:
        """Whether all participants share their parameters."""
        return self.pooling == "complete"

    @property
    def group_names(self) -> list[str]:
        """Names of what describes the group, which priors may be given for; see :func:`trialwise.population.names.group_names`."""
        return group_names(self.names, self.pooling)

    @property
    def median_names(self) -> list[str]:
        """Names of the group's medians on the natural scale; none without a group."""
        return median_names(self.names, self.pooling)

    # -- means and spreads of participants ---------------------------------------------------------------------------

    def owner(self, rows: int) -> np.ndarray:
        """The participant that each row of parameters belongs to, ``(rows,)``: each has one (all together, if they share it)."""
        return np.arange(rows)

    def centre(self, mu: np.ndarray, rows: int) -> np.ndarray:
        """The mean of each row of parameters, ``(..., rows, parameters)``, in groups of means ``mu (..., parameters)``."""
        return np.broadcast_to(mu[..., None, :], (*mu.shape[:-1], rows, mu.shape[-1]))

    def covariance(self, sd: np.ndarray) -> np.ndarray:
        """The covariance of participants about their means, ``(..., parameters, parameters)``, of spreads ``sd (..., parameters)``."""
        return np.asarray(sd[..., None] ** 2 * np.eye(sd.shape[-1]))

    def natural(self, u: np.ndarray) -> dict[str, np.ndarray]:
        """Unconstrained values ``(..., parameters)`` as natural ones by name, ``(...)`` each."""
        return {p.name: p.constrain(u[..., k]) for k, p in enumerate(self.parameters)}

    def by_name(self, mu: np.ndarray, sd: np.ndarray) -> dict[str, np.ndarray]:
        """Means and spreads ``(..., parameters)`` of a group by name, ``(...)`` each."""
        pairs = ((mean_name, mu), (spread_name, sd))
        return {named(name): values[..., k] for k, name in enumerate(self.names) for named, values in pairs}

    # -- draws -------------------------------------------------------------------------------------------------------

    def draw(self, people: int, random: np.random.Generator) -> GroupDraw:
        """A new group from its prior, with partial pooling, and so many new participants of it."""
        prior = self.prior
        mu = random.normal(prior.mean, prior.width)
        sd = abs(random.normal(0.0, prior.spread))
        u = random.normal(self.centre(mu, people), sd)
        if not self.unusual:
            return GroupDraw(mu, sd, u)
        import pymc as pm

        group = self.by_name(mu, sd)
        group |= {name: float(pm.draw(other, random_seed=random)) for name, other in self.unusual.items()}  # type: ignore[misc]
        means, spreads = (np.array([group[named(n)] for n in self.names]) for named in (mean_name, spread_name))
        return GroupDraw(means, spreads, self.centre(means, people) + spreads * (u - mu) / sd)

    def prior_draws(self, count: int, seed: int = 0) -> dict[str, np.ndarray]:
        """So many draws of what describes the group, before any data.

        Returns
        -------
        dict
            Of every one of :attr:`group_names` and :attr:`median_names`: ``(count,)``, or ``(count, participants)`` for a prior
            that differs between participants.
        """
        random, drawn = stream(seed, "draws of priors"), {}
        for k, p in enumerate(self.parameters):
            if self.grouped:
                drawn[mean_name(p.name)] = random.normal(self.prior.mean[k], self.prior.width[k], count)
                drawn[spread_name(p.name)] = abs(random.normal(0.0, self.prior.spread[k], count))
            else:
                drawn[p.name] = p.constrain(random.normal(self.prior.mean[k], self.prior.total[k], count))
        drawn |= {
            name: draws_of(distribution, count, stream(seed, "draws of priors", part=name))
            for name, distribution in self.unusual.items()
        }
        if self.grouped:
            drawn |= {median_name(p.name): p.constrain(drawn[mean_name(p.name)]) for p in self.parameters}
        return drawn

    def given_participants(
        self, u: np.ndarray, sd: np.ndarray, random: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """The group's Gibbs step: means and spreads given participants; see :mod:`trialwise.population.gibbs`."""
        return group_given_participants(u, sd, self.prior, random)

    def distributions(self) -> dict[str, Any]:
        """The priors of a group's means and spreads as distributions of PyMC (or whatever the user gave), by name."""
        import pymc as pm

        found = dict(self.unusual)
        for k, name in enumerate(self.names):
            found.setdefault(mean_name(name), pm.Normal.dist(self.prior.mean[k], self.prior.width[k]))
            found.setdefault(spread_name(name), pm.HalfNormal.dist(self.prior.spread[k]))
        return found


def population_of(
    learner: Learner | Sequence[Parameter],
    outcomes: Trials | float,
    priors: Mapping[str, Any] | None = None,
    pooling: str = "partial",
) -> Population:
    """The population that a learner's participants come from.

    Parameters
    ----------
    learner
        Or its free parameters, where the learner itself is not at hand.
    outcomes
        Trials, or the standard deviation of outcomes: default priors of parameters told per outcome depend on it.
    priors
        The user's own, by name: with partial pooling for ``alpha_mu`` and ``alpha_sd`` on the unconstrained scale, else for
        ``alpha`` on the natural scale.
    pooling
        ``"partial"``: participants come from a group; ``"none"``: each on its own under the prior; ``"complete"``: all share
        one set of parameters.

    Raises
    ------
    UsageError
        For an unknown pooling, a prior that there is no parameter for, or one without a width.
    """
    parameters = tuple(learner.parameters if isinstance(learner, Learner) else learner)
    names, own = [p.name for p in parameters], dict(priors or {})
    check_priors(names, pooling, own)
    prior = default_prior(parameters, outcome_sd(outcomes) if isinstance(outcomes, Trials) else outcomes)
    prior, unusual = with_own(prior, names, own) if pooling == "partial" else (prior, own)
    return Population(parameters, pooling, prior, own, unusual)
