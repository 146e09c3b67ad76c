r"""The population model: parameters of participants, the group they are drawn from, and the priors of the group.

With partial pooling the unconstrained values of a participant's rows of parameters are :math:`u_r = X_r B + Z_r v_n` with effects
:math:`v_n \sim \mathrm{Normal}(0, L L')` (:mod:`trialwise.population.design`); without formulas
:math:`u_n \sim \mathrm{Normal}(\mu, \mathrm{diag}(\sigma^2))`. Without a group each participant is drawn from the prior; with complete
pooling all share one set of values.
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
from trialwise.population.correlations import Correlations, correlations
from trialwise.population.design import Design, plain_design
from trialwise.population.known import Known, with_known
from trialwise.population.names import GroupNames, mean_name, median_name, names_of_design, spread_name
from trialwise.population.pooled import Pooled
from trialwise.population.priors import (
    GroupPrior,
    check_priors,
    default_prior,
    draws_of,
    outcome_sd,
    prior_of_design,
    spelled_out,
    with_own,
)


class GroupDraw(NamedTuple):
    """A group and its participants, or several: coefficients ``(..., F)``, which without a design are the means, spreads ``(..., Q)``,
    correlations ``(..., pairs)``, and unconstrained values ``(..., rows, parameters)``: one row per participant, one per session of each,
    or a single one if all share it."""

    coefficients: np.ndarray
    spreads: np.ndarray
    correlations: np.ndarray
    u: np.ndarray


LKJ, LKJ_OF_ONE = 2.0, 1.0
"""Shapes of the LKJ priors of correlations: of several parameters, and of the effects of one parameter, such as its values in two
sessions, whose correlation is the question."""


class Marginal(NamedTuple):
    """Mean and standard deviation of each row of parameters before the data, ``(rows, parameters)``."""

    mean: np.ndarray
    total: np.ndarray


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
    design
        How participants differ by groups, covariates, sessions and conditions; None without formulas.
    """

    parameters: tuple[Parameter, ...]
    pooling: str
    prior: GroupPrior
    priors: Mapping[str, Any]
    unusual: Mapping[str, Any]
    design: Design | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the free parameters."""
        return tuple(parameter.name for parameter in self.parameters)

    # -- means and spreads of participants ---------------------------------------------------------------------------

    def matrices(self, rows: int) -> Design:
        """The design, or without formulas that of so many rows of parameters: one per participant, or one that all share."""
        return self.design or plain_design(self.names, range(rows))

    @cached_property
    def terms(self) -> Design:
        """The design, or without formulas that of no participant: for what does not depend on participants."""
        return self.matrices(0)

    @cached_property
    def weights(self) -> dict[str, np.ndarray]:
        """The coefficients' weights in the mean of each parameter, see :meth:`trialwise.population.design.Design.weights`."""
        return {name: self.terms.weights(name) for name in self.terms.parameters}

    @cached_property
    def correlations(self) -> Correlations:
        """The correlations of the participants' effects; none without a design that asks for them."""
        return correlations(self.terms, self.lkj_shapes)

    @property
    def lkj_shapes(self) -> list[float]:
        """The shape of the LKJ prior of each block of correlated effects."""
        design = self.terms
        of_one = [len({design.effects[k].parameter for k in block}) == 1 for block in design.blocks]
        return [LKJ_OF_ONE if one else LKJ for one in of_one]

    @cached_property
    def variables(self) -> GroupNames:
        """Names of the group's coefficients, spreads and correlations."""
        return names_of_design(self.terms)

    def centre(self, mu: np.ndarray, rows: int) -> np.ndarray:
        """The mean of each row of parameters, ``(..., rows, parameters)``, for groups with coefficients ``mu (..., F)``."""
        return self.matrices(rows).centre(mu)

    def start_log_sd(self) -> np.ndarray:
        """Log spreads from which a search of the mode starts, ``(Q,)``: those of participants and group together."""
        design, prior = self.terms, self.prior
        widths = dict(zip(design.coefficients, prior.width, strict=True))
        return np.array(
            [
                0.5 * np.log(t**2 + widths.get(term, 0.0) ** 2)
                for term, t in zip(design.effects, prior.spread, strict=True)
            ]
        )

    def natural(self, u: np.ndarray) -> dict[str, np.ndarray]:
        """Natural values by name, ``(...)`` each, from unconstrained values ``(..., parameters)``."""
        return {p.name: p.constrain(u[..., k]) for k, p in enumerate(self.parameters)}

    def by_name(self, mu: np.ndarray, sd: np.ndarray, correlations: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """The group's variables by name, ``(...)`` each, from arrays ``(..., F)``, ``(..., Q)`` and ``(..., pairs)``."""
        names, parts = self.variables, (mu, sd, np.zeros(0) if correlations is None else correlations)
        group = {
            name: values[..., k] for named, values in zip(names, parts, strict=True) for k, name in enumerate(named)
        }
        return {name: group[name] for name in self.group_names}

    def derived(self, group: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Variables that follow from the group's, by name: medians; and the means and spreads of parameters without an intercept.

        A median is that at average covariates. Without an intercept the mean is that of the cells, weighted equally, and the
        spread the root of their mean squared spread.
        """
        if not self.grouped:
            return {}
        found: dict[str, np.ndarray] = {}
        coefficients = np.stack([group[name] for name in self.variables.coefficients], -1)
        for name, weights in self.weights.items():
            centre = coefficients @ weights
            if mean_name(name) not in group:
                found[mean_name(name)] = centre
            if spread_name(name) not in group:
                found[spread_name(name)] = np.sqrt(np.mean([group[each] ** 2 for each in self.cells(name)], 0))
            found[median_name(name)] = self.base[name].constrain(centre)
        return found

    @cached_property
    def derived_names(self) -> list[str]:
        """Names of the variables of :meth:`derived`."""
        return list(self.derived(dict.fromkeys(self.group_names, np.ones(())))) if self.grouped else []

    def cells(self, parameter: str) -> list[str]:
        """Names of the spreads of the cells of a parameter without an intercept; empty for one with an intercept."""
        if spread_name(parameter) in self.variables.spreads:
            return []
        pairs = zip(self.variables.spreads, self.terms.effects, strict=True)
        return [name for name, term in pairs if term.parameter == parameter and term.like_intercept]

    def base_name(self, name: str) -> str:
        """The parameter that a column of the rows of parameters belongs to: itself, unless it is one of several slots."""
        return name if self.design is None else self.design.columns[self.names.index(name)].parameter

    @cached_property
    def base(self) -> dict[str, Parameter]:
        """The parameters by name; with a design, each once, also if it has several slots."""
        if self.design is None:
            return {p.name: p for p in self.parameters}
        return {name: self.parameters[self.design.place[name]] for name in self.design.parameters}

    # -- draws -------------------------------------------------------------------------------------------------------

    def draw(self, count: int, random: np.random.Generator, known: Known | None = None) -> GroupDraw:
        """Draw a group from its prior, with partial pooling, and ``count`` participants from the group.

        With a design the participants are those of the design, and ``count`` is its number of rows. If combinations of coefficients
        are ``known``, the draw is one given these.
        """
        prior, design, pairs = self.prior, self.matrices(count), self.correlations
        mu = random.normal(prior.mean, prior.width)
        sd = abs(random.normal(0.0, prior.spread))
        y = random.standard_normal((design.participants, len(sd)))
        factor = pairs.factor(pairs.draw(1, random)[0])
        if self.unusual:
            import pymc as pm

            group = self.by_name(mu, sd, np.zeros(len(pairs)))
            group |= {name: float(pm.draw(other, random_seed=random)) for name, other in self.unusual.items()}  # type: ignore[misc]
            mu, sd = (np.array([group[name] for name in names]) for names in self.variables[:2])
        if known is not None:
            mu = with_known(mu, self.as_normal().width if self.unusual else prior.width, known)
        return GroupDraw(mu, sd, pairs.of_pairs(factor @ factor.T), self._members(mu, sd, factor, y))

    def _members(self, mu: np.ndarray, sd: np.ndarray, factor: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The rows of participants with the effects ``sd * (factor @ y)``, ``(..., rows, K)``, for ``y (..., participants, Q)``."""
        design = self.matrices(y.shape[-2])
        return design.centre(mu) + design.deviations(sd[..., None, :] * (y @ np.swapaxes(factor, -1, -2)))

    def members(self, group: GroupDraw, y: np.ndarray) -> np.ndarray:
        r"""Participants of groups, :math:`u = X B + Z L y`, with :math:`L L' = G` the covariance of their effects.

        Parameters
        ----------
        group
            Draws of groups, ``(draws, ...)``; their own participants play no part.
        y
            Standard Normal numbers, ``(draws, participants, Q)``.

        Returns
        -------
        ndarray
            Unconstrained values, ``(draws, rows, parameters)``, one row a participant without a design.
        """
        factor = np.linalg.cholesky(self.correlations.matrix(group.correlations))
        return self._members(group.coefficients, group.spreads, factor, y)

    def prior_draws(self, count: int, seed: int = 0) -> dict[str, np.ndarray]:
        """Draws of the group's variables from the prior.

        Returns
        -------
        dict
            Draws of all :attr:`group_names` and :attr:`median_names`: ``(count,)``, or ``(count, participants)`` for a prior that
            differs between participants.
        """
        random, draws = stream(seed, "draws of priors"), {}
        if self.grouped:
            prior, pairs = self.prior, self.correlations
            mu = random.normal(prior.mean, prior.width, (count, len(prior.mean)))
            sd = abs(random.normal(0.0, prior.spread, (count, len(prior.spread))))
            factor = pairs.factor(pairs.draw(count, random))
            draws = self.by_name(mu, sd, pairs.of_pairs(factor @ factor.transpose(0, 2, 1)))
        else:
            for k, p in enumerate(self.parameters):
                draws[p.name] = p.constrain(random.normal(self.prior.mean[k], self.prior.total[k], count))
        draws |= {
            name: draws_of(distribution, count, stream(seed, "draws of priors", part=name))
            for name, distribution in self.unusual.items()
        }
        return draws | self.derived(draws)

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
            if self.grouped and name in self.variables.spreads:
                spread[self.variables.spreads.index(name)] = np.quantile(draws, 0.683)
                continue
            k = (self.variables.coefficients if self.grouped else self.names).index(name)
            u = draws if self.grouped else self._within(k, draws)
            u = u[np.isfinite(u)]
            if len(u):
                low, mean[k], high = np.quantile(u, [0.159, 0.5, 0.841])
                width[k] = (high - low) / 2
                if not self.grouped:
                    spread[k] = 0.0
        return replace(self.prior, mean=mean, width=width, spread=spread)

    def _within(self, k: int, values: np.ndarray) -> np.ndarray:
        """Those of the values that are in the range of parameter k, on the unconstrained scale."""
        parameter = self.parameters[k]
        return np.asarray(parameter.unconstrain(values[parameter.holds(values)]))

    def marginal(self, rows: int, prior: GroupPrior | None = None) -> Marginal:
        """Mean and standard deviation of each row of parameters before the data, ``(rows, parameters)``, under this or another prior of
        the group."""
        prior, design = prior or self.prior, self.matrices(rows)
        variance = design.fixed**2 @ prior.width**2 + design.random**2 @ prior.spread**2
        return Marginal(design.centre(prior.mean), np.sqrt(variance))

    def narrower_prior(self, name: str) -> str:
        """An example of a narrower prior for a parameter, as an entry of ``priors``; empty if no simple one has its range.

        With a group it is a prior of the group's mean on the unconstrained scale, otherwise of the parameter on its natural scale.
        """
        if self.grouped:
            wanted = next(k for k, term in enumerate(self.terms.coefficients) if term.parameter == self.base_name(name))
            return f"{self.variables.coefficients[wanted]!r}: pm.Normal.dist({self.prior.mean[wanted]:.3g}, 0.5)"
        k = self.names.index(name)
        parameter, centre = self.parameters[k], f"{self.prior.mean[k]:.3g}"
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
        prior, (coefficients, spreads, _) = self.prior, self.variables
        for name, mean, width in zip(coefficients, prior.mean, prior.width, strict=True):
            priors.setdefault(name, pm.Normal.dist(mean, width))
        for name, spread in zip(spreads, prior.spread, strict=True):
            priors.setdefault(name, pm.HalfNormal.dist(spread))
        return {name: priors[name] for name in self.group_names if name in priors}


def population_of(
    learner: Learner | Sequence[Parameter],
    outcomes: Trials | float,
    priors: Mapping[str, Any] | None = None,
    pooling: str = "partial",
    design: Design | None = None,
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
        ``alpha`` on the natural scale. With a design also for coefficients, ``alpha_effects[age]``, or for all of a parameter,
        ``alpha_effects``, and for their spreads, ``alpha_sd_effects``.
    pooling
        ``"partial"``: participants come from a group; ``"none"``: each is drawn from the prior; ``"complete"``: all share
        one set of parameters.
    design
        How participants differ by groups, covariates, sessions and conditions, which needs partial pooling; its columns are those of
        the learner's parameters.

    Raises
    ------
    UsageError
        For an unknown pooling, a prior for an unknown name, or a prior whose standard deviation is not above 0.
    """
    parameters = tuple(learner.parameters if isinstance(learner, Learner) else learner)
    names, sd = [p.name for p in parameters], outcome_sd(outcomes) if isinstance(outcomes, Trials) else outcomes
    if design is None:
        priors_by_name, prior = dict(priors or {}), default_prior(parameters, sd)
        check_priors(names, pooling, priors_by_name)
        variables = names_of_design(plain_design(names, ()))
    else:
        variables = names_of_design(design)
        priors_by_name = spelled_out(priors or {}, design)
        check_priors(names, pooling, priors_by_name, design)
        prior = prior_of_design(parameters, sd, design)
    prior, unusual = with_own(prior, variables, priors_by_name) if pooling == "partial" else (prior, priors_by_name)
    return Population(parameters, pooling, prior, priors_by_name, unusual, design)
