r"""The hierarchical model as a plain PyMC model.

With partial pooling, for each free parameter p on the unconstrained scale (logit for 0 to 1, log for positive)

.. math::

    \mu_p \sim \mathrm{Normal}(m_p, s_p), \quad \sigma_p \sim \mathrm{HalfNormal}(t_p), \quad
    u_{np} \sim \mathrm{Normal}(\mu_p, \sigma_p), \quad \theta_{np} = g_p(u_{np})

With a design the means are :math:`X_r B`, and deviations :math:`Z_r v_n` with ``effects`` :math:`v_n`
(:mod:`trialwise.population.design`).

The model contains ``alpha_mu`` and ``alpha_sd`` (unconstrained), ``individual`` (:math:`u`), ``alpha`` (per participant,
natural scale) and ``alpha_group`` = :math:`g(\mu)`, which is the group's **median** on the natural scale, not its mean.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from trialwise.base.errors import UsageError
from trialwise.base.message import NAME_ALONE, Argument
from trialwise.data.trials import Trials
from trialwise.learners.learner import Learner
from trialwise.learners.parameters import Parameter
from trialwise.likelihoods.pymc_op import observe
from trialwise.population.design import Design
from trialwise.population.geometry.expansion import Expansion
from trialwise.population.geometry.whitening import quadratic
from trialwise.population.names import INDIVIDUAL, mean_name, median_name, spread_name, unconstrained_name
from trialwise.population.population import Population, population_of
from trialwise.population.pymc.whiten import Whiten
from trialwise.population.stored import StoredPrior

type Tensor = Any
"""A tensor of PyTensor, whose operators are not typed."""

EFFECTS_OF_PARTICIPANTS = "effects"
"""The participants' deviations in a model with a design."""

Geometry = Literal["centred", "non-centred", "whitened"]


def constrain(parameter: Parameter, u: Tensor) -> Tensor:
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
    coords: dict[str, list[str]] = {
        "participant": [str(label) for label in trials.participants],
        "parameter": list(population.names),
    }
    with pm.Model(coords=coords) as model:
        if population.grouped:
            columns = _participants_of_a_group(population, trials.n_participants, geometry, expansion)
        else:
            columns = _without_a_group(population)
        count = trials.n_participants
        free = pt.stack([pt.broadcast_to(column, (count,)) for column in columns], axis=1)
        observe(learner.family.plural, learner, trials, free)
    return model


def _participants_of_a_group(
    population: Population, rows: int, geometry: Geometry, expansion: Expansion | None
) -> list[Tensor]:
    prior, names, design = population.prior, population.variables, population.matrices(rows)
    coefficients = pt.stack(
        [
            _variable(n, population, pm.Normal, m, s)
            for n, m, s in zip(names.coefficients, prior.mean, prior.width, strict=True)
        ]
    )
    spreads = pt.stack(
        [_variable(n, population, pm.HalfNormal, t) for n, t in zip(names.spreads, prior.spread, strict=True)]
    )
    factor = _correlations(population)
    if population.design is None and geometry == "centred":
        individual = pm.Normal(INDIVIDUAL, coefficients, spreads, dims=("participant", "parameter"))
    else:
        lower = pt.diag(spreads) if factor is None else spreads[:, None] * factor
        effects = _effects(design, geometry, expansion, coefficients, spreads, lower, factor is not None)
        means = pt.tensordot(pt.as_tensor(np.ascontiguousarray(design.fixed)), coefficients, [[2], [0]])
        deviations = (pt.as_tensor(np.ascontiguousarray(design.random)) * effects[design.owner][:, None, :]).sum(-1)
        individual = pm.Deterministic(INDIVIDUAL, means + deviations, dims=("participant", "parameter"))
    columns = []
    for k, parameter in enumerate(population.parameters):
        natural = constrain(parameter, individual[:, k])  # type: ignore[index]
        columns.append(pm.Deterministic(parameter.name, natural, dims="participant"))
    for name, weights in population.weights.items():
        centre = coefficients @ weights
        if mean_name(name) not in names.coefficients:
            pm.Deterministic(mean_name(name), centre)
        if cells := population.cells(name):
            squares = [spreads[names.spreads.index(each)] ** 2 for each in cells]
            pm.Deterministic(spread_name(name), pt.sqrt(sum(squares) / len(squares)))
        pm.Deterministic(median_name(name), constrain(population.base[name], centre))
    return columns


def _variable(name: str, population: Population, family: type[pm.Normal | pm.HalfNormal], *numbers: float) -> Tensor:
    """A variable of the group with its default prior, or the user's."""
    own = _user_prior(name, population)
    return family(name, *numbers) if own is None else own


def _correlations(population: Population) -> Tensor:
    """The Cholesky factor of the effects' correlations, from their partial correlations; None if there are none."""
    pairs = population.correlations
    if not len(pairs):
        return None
    # partial correlations between -1 and 1 have symmetric beta priors: their x, the inverse hyperbolic tangent, half a log odds
    shares = pm.Beta("partial_correlations", pairs.shapes, pairs.shapes)
    rows: list[list[Tensor]] = [[pt.zeros(())] * pairs.size for _ in range(pairs.size)]
    remaining: list[Tensor] = [pt.ones(())] * pairs.size
    for p, (i, j) in enumerate(pairs.pairs):
        partial = 2.0 * shares[p] - 1.0
        rows[i][j] = partial * remaining[i]
        remaining[i] = remaining[i] * pt.sqrt(1.0 - partial**2)
    for i, rest in enumerate(remaining):
        rows[i][i] = rest
    factor = pt.stack([pt.stack(row) for row in rows])
    matrix = factor @ factor.T
    for name, (i, j) in zip(population.variables.correlations, pairs.pairs, strict=True):
        pm.Deterministic(name, matrix[i, j])
    return factor


def _effects(
    design: Design, geometry: Geometry, expansion: Expansion | None, coefficients: Tensor, spreads: Tensor, lower: Tensor, correlated: bool
) -> Tensor:  # fmt: skip
    """The participants' effects, ``(participants, Q)``, in the coordinates of the geometry."""
    shape = (design.participants, len(design.effects))
    if geometry == "centred":
        if correlated:
            return pm.MvNormal(EFFECTS_OF_PARTICIPANTS, pt.zeros(shape[1]), chol=lower, shape=shape)
        return pm.Normal(EFFECTS_OF_PARTICIPANTS, 0.0, spreads, shape=shape)
    if geometry == "non-centred":
        return pm.Normal("standardised", 0.0, 1.0, shape=shape) @ lower.T
    if geometry != "whitened":
        raise UsageError(Argument("geometry", geometry), f": must be one of {', '.join(map(repr, get_args(Geometry)))}")
    if expansion is None:
        raise UsageError(
            Argument("geometry", "whitened"),
            " needs ",
            Argument("expansion", NAME_ALONE),
            ", which trialwise.fit computes",
        )
    w = pm.Flat("whitened", shape=shape)
    parts = quadratic(design, expansion.curvature, expansion.linear)
    outputs: Tensor = Whiten()(w, coefficients, lower, *(pt.as_tensor(part) for part in parts))
    v, y, log_volume = outputs
    pm.Potential("of_effects", -0.5 * (y**2).sum() - log_volume.sum())
    return v


def _without_a_group(population: Population) -> list[Tensor]:
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


def _user_prior(name: str, population: Population, dims: str | None = None) -> Tensor:
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
    return pm.modelcontext(None).register_rv(_own(prior), name, dims=(dims,) if dims else None)


def _own(prior: Tensor) -> Tensor:
    """A copy of a distribution with its own random numbers, since that of several coefficients, ``alpha_effects``, is one variable."""
    from pymc.pytensorf import find_rng_nodes
    from pytensor import shared
    from pytensor.graph.replace import clone_replace

    streams = {rng: shared(rng.get_value()) for rng in find_rng_nodes([prior])}
    return clone_replace([prior], streams)[0]
