r"""The hierarchical model as a plain PyMC model.

With partial pooling, for each free parameter p on the unconstrained scale (logit for 0 to 1, log for positive)

.. math::

    \mu_p \sim \mathrm{Normal}(m_p, s_p), \quad \sigma_p \sim \mathrm{HalfNormal}(t_p), \quad
    u_{np} \sim \mathrm{Normal}(\mu_p, \sigma_p), \quad \theta_{np} = g_p(u_{np})

The model contains ``alpha_mu`` and ``alpha_sd`` (unconstrained), ``individual`` (:math:`u`), ``alpha`` (per participant,
natural scale) and ``alpha_group`` = :math:`g(\mu)`, which is the group's **median** on the natural scale, not its mean.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import pymc as pm
import pytensor.tensor as pt

from trialwise.base.errors import UsageError
from trialwise.base.message import NAME_ALONE, Argument
from trialwise.data.trials import Trials
from trialwise.learners.learner import Learner
from trialwise.learners.parameters import Parameter
from trialwise.likelihoods.pymc_op import observe
from trialwise.population.geometry.expansion import Expansion
from trialwise.population.names import INDIVIDUAL, mean_name, median_name, spread_name, unconstrained_name
from trialwise.population.population import Population, population_of
from trialwise.population.pymc.transforms import ConditionalWhitening, NonCentred
from trialwise.population.stored import StoredPrior

Geometry = Literal["centred", "non-centred", "whitened"]


def constrain(parameter: Parameter, u: Any) -> Any:
    """The natural value of a parameter, from a tensor on the unconstrained scale."""
    if parameter.support == "real":
        return u
    if parameter.support == "positive":
        return pt.exp(u)
    return parameter.lower + (parameter.upper - parameter.lower) * pt.sigmoid(u)


def build_model(
    learner: Learner,
    trials: Trials,
    population: Population | None = None,
    geometry: Geometry = "centred",
    expansion: Expansion | None = None,
) -> pm.Model:
    """Build the PyMC model of a learner and its trials.

    Parameters
    ----------
    population
        The population of the participants, including the user's priors, ``pm.Normal.dist(...)`` or PreliZ; None: a group with
        default priors.
    geometry
        The coordinates of the individuals for sampling under partial pooling: ``"centred"`` (unchanged),
        ``"non-centred"`` or ``"whitened"`` (see :mod:`trialwise.population.geometry.whitening`; needs ``expansion``). The posterior is the
        same.
    expansion
        Expansion of the likelihoods, for ``"whitened"``.

    Raises
    ------
    UsageError
        For an unknown geometry, or a prior that is not a distribution.
    """
    population = population or population_of(learner, trials)
    coords: dict[str, Any] = {
        "participant": [str(label) for label in trials.participants],
        "parameter": list(population.names),
    }
    with pm.Model(coords=coords) as model:
        if population.grouped:
            columns = _participants_of_a_group(population, geometry, expansion)
        else:
            columns = _without_a_group(population)
        count = trials.n_participants
        free = pt.stack([pt.broadcast_to(column, (count,)) for column in columns], axis=1)
        observe(learner.family.plural, learner, trials, free)
    return model


def _participants_of_a_group(population: Population, geometry: Geometry, expansion: Expansion | None) -> list[Any]:
    prior, means, spreads = population.prior, [], []
    for k, name in enumerate(population.names):
        mean, spread = _user_prior(mean_name(name), population), _user_prior(spread_name(name), population)
        means.append(pm.Normal(mean_name(name), prior.mean[k], prior.width[k]) if mean is None else mean)
        spreads.append(pm.HalfNormal(spread_name(name), prior.spread[k]) if spread is None else spread)
    mu, sd = pt.stack(means), pt.stack(spreads)
    transform: Any = None
    if geometry == "non-centred":
        transform = NonCentred()
    elif geometry == "whitened":
        if expansion is None:
            raise UsageError(
                Argument("geometry", "whitened"),
                " needs ",
                Argument("expansion", NAME_ALONE),
                ", which trialwise.fit computes",
            )
        transform = ConditionalWhitening(
            pm.Data("expansion_curvature", expansion.curvature), pm.Data("expansion_linear", expansion.linear)
        )
    elif geometry != "centred":
        raise UsageError(Argument("geometry", geometry), f": must be one of {', '.join(map(repr, get_args(Geometry)))}")
    centre = transform.carried(mu) if geometry == "whitened" else mu
    arguments = {"transform": transform} if transform is not None else {}
    individual = pm.Normal(INDIVIDUAL, centre, sd, dims=("participant", "parameter"), **arguments)
    columns = []
    for k, parameter in enumerate(population.parameters):
        natural = constrain(parameter, individual[:, k])  # type: ignore[index]
        columns.append(pm.Deterministic(parameter.name, natural, dims="participant"))
        pm.Deterministic(median_name(parameter.name), constrain(parameter, mu[k]))
    return columns


def _without_a_group(population: Population) -> list[Any]:
    prior = population.prior
    dims = None if population.shared else "participant"
    columns = []
    for k, parameter in enumerate(population.parameters):
        column = _user_prior(parameter.name, population, dims)
        if column is None:
            u = pm.Normal(unconstrained_name(parameter.name), prior.mean[k], prior.total[k], dims=dims)
            column = pm.Deterministic(parameter.name, constrain(parameter, u), dims=dims)
        columns.append(column)
    return columns


def _user_prior(name: str, population: Population, dims: str | None = None) -> Any:
    """Add the user's prior of this name to the model, from ``pm.X.dist(...)`` or PreliZ; None if there is none."""
    prior = population.priors.get(name)
    if prior is None:
        return None
    if isinstance(prior, StoredPrior):
        prior = prior.to_pymc()
    if hasattr(prior, "to_pymc"):
        return prior.to_pymc(name, dims=dims)
    if dims and not prior.ndim:
        from pymc.distributions.shape_utils import change_dist_size

        prior = change_dist_size(prior, (len(pm.modelcontext(None).coords[dims]),))
    return pm.modelcontext(None).register_rv(prior, name, dims=(dims,) if dims else None)
