r"""The hierarchical model: a PyMC model that a PyMC user could have written.

With partial pooling, for each free parameter p on the unconstrained scale (logit for 0 to 1, log for positive)

.. math::

    \mu_p \sim \mathrm{Normal}(m_p, s_p), \quad \sigma_p \sim \mathrm{HalfNormal}(t_p), \quad
    u_{np} \sim \mathrm{Normal}(\mu_p, \sigma_p), \quad \theta_{np} = g_p(u_{np})

The posterior holds ``alpha`` (per participant, natural scale), ``alpha_mu`` and ``alpha_sd`` (unconstrained), and
``alpha_group`` = :math:`g(\mu)`, which is the group's **median** on the natural scale, not its mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from trialwise.engine.packed import pack
from trialwise.errors import UsageError
from trialwise.expansion import Evaluator, Expansion, climb, expand, floored
from trialwise.learner import Learner, _closest
from trialwise.likelihood import observe
from trialwise.parameters import Parameter
from trialwise.trials import Trials
from trialwise.whitening import Affine, ConditionalWhitening, Magnitude, NonCentred

Pooling = Literal["partial", "none", "complete"]
Geometry = Literal["whitened", "non-centred", "centred"]
POOLINGS, GEOMETRIES = ("partial", "none", "complete"), ("whitened", "non-centred", "centred")

OBSERVED = {"categorical": "choices", "normal": "responses"}
"""Name of the observed variable of each response family."""


@dataclass(frozen=True)
class GroupPrior:
    """The default prior of all parameters, as vectors on the unconstrained scale.

    ``mean, width`` of the group means' Normals and ``spread`` of the group spreads' HalfNormals, ``(parameters,)`` each.
    """

    mean: np.ndarray
    width: np.ndarray
    spread: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Spread of a participant about ``mean``, group unknown."""
        return np.sqrt(self.width**2 + self.spread**2)


def outcome_sd(trials: Trials) -> float:
    """Standard deviation of the outcomes, of the widest if there are several; 1 where they do not vary."""
    spreads = [float(np.nanstd(v)) for v in trials.outcome.values() if np.isfinite(v).any()]
    return max((s for s in spreads if s > 0), default=1.0)


def group_prior(learner: Learner, trials: Trials) -> GroupPrior:
    """The default prior; parameters told per outcome are shifted by the spread of the outcomes at hand."""
    shift = np.log(outcome_sd(trials))
    parameters = learner.parameters
    return GroupPrior(
        np.array([p.mean - shift * p.per_outcome for p in parameters]),
        np.array([p.width for p in parameters]),
        np.array([p.spread for p in parameters]),
    )


@dataclass(frozen=True)
class Built:
    """A model with what its making found: the pooling and geometry that were really used, the expansion, the calls."""

    model: pm.Model
    pooling: Pooling
    geometry: Geometry
    notes: tuple[str, ...]
    calls: int


def constrain(parameter: Parameter, u: Any) -> Any:
    """The natural value of a tensor on the unconstrained scale."""
    if parameter.support == "real":
        return u
    if parameter.support == "positive":
        return pt.exp(u)
    return parameter.lower + (parameter.upper - parameter.lower) * pt.sigmoid(u)


def build_model(
    learner: Learner,
    trials: Trials,
    pooling: Pooling = "partial",
    priors: Mapping[str, Any] | None = None,
    geometry: Geometry = "whitened",
) -> Built:
    """The PyMC model of a learner and its trials.

    Parameters
    ----------
    pooling
        ``"partial"``: participants come from a group; ``"none"``: each on its own under the prior; ``"complete"``: all share
        one set of parameters.
    priors
        Distributions in place of the defaults: ``pm.Normal.dist(...)`` or PreliZ. With partial pooling for ``alpha_mu`` and
        ``alpha_sd``, on the unconstrained scale; else for ``alpha``, on the natural scale.
    geometry
        The coordinates in which a sampler moves: ``"whitened"`` (see :mod:`trialwise.whitening`), ``"non-centred"`` or
        ``"centred"``. The posterior is the same.

    Raises
    ------
    UsageError
        For unknown choices, unknown names in ``priors``, or a prior that is no distribution.
    """
    if pooling not in POOLINGS:
        raise UsageError(f"pooling={pooling!r}: one of {', '.join(map(repr, POOLINGS))}")
    if geometry not in GEOMETRIES:
        raise UsageError(f"geometry={geometry!r}: one of {', '.join(map(repr, GEOMETRIES))}")
    notes: list[str] = []
    if pooling == "partial" and trials.n_participants == 1:
        pooling = "none"
        notes.append("one participant has no group to be pooled with: fitted with pooling='none'")
    priors = dict(priors or {})
    _check_priors(learner, pooling, priors)
    if pooling != "partial" and priors:
        if geometry == "whitened":
            notes.append("with priors on the natural scale the model is sampled in plain coordinates")
        return _natural_model(learner, trials, pooling, priors, notes)
    if pooling == "partial":
        return _partial_model(learner, trials, priors, geometry, notes)
    return _flat_model(learner, trials, pooling, geometry, notes)


def _check_priors(learner: Learner, pooling: Pooling, priors: Mapping[str, Any]) -> None:
    names = [p.name for p in learner.parameters]
    known = [f"{name}_{part}" for name in names for part in ("mu", "sd")] if pooling == "partial" else names
    for name in priors:
        if name not in known:
            raise UsageError(f"priors={{{name!r}: ...}} with pooling={pooling!r}: {_closest(name, known, 'priors')}")


def _distribution(name: str, prior: Any, **kwargs: Any) -> Any:
    """A random variable of the model at hand from ``pm.X.dist(...)`` or a PreliZ distribution."""
    if hasattr(prior, "to_pymc"):
        return prior.to_pymc(name, **kwargs)
    if getattr(getattr(prior, "owner", None), "op", None) is None:
        raise UsageError(
            f"the prior of {name} is {prior!r}; wanted a distribution: pm.Normal.dist(0, 1), or one of PreliZ"
        )
    model = pm.modelcontext(None)
    dims = kwargs.get("dims")
    if dims:
        shape = tuple(len(model.coords[d]) for d in ([dims] if isinstance(dims, str) else dims))
        prior = _resized(prior, shape)
    return model.register_rv(prior, name, dims=dims)


def _resized(prior: Any, shape: tuple[int, ...]) -> Any:
    from pymc.distributions.shape_utils import change_dist_size

    return prior if prior.ndim else change_dist_size(prior, shape)


def _coords(learner: Learner, trials: Trials) -> dict[str, Any]:
    return {"participant": [str(label) for label in trials.participants], "parameter": list(learner.names)}


def _observe(learner: Learner, trials: Trials, free: Any) -> None:
    observe(OBSERVED[learner.response], learner, trials, free)


def _partial_model(
    learner: Learner, trials: Trials, priors: Mapping[str, Any], geometry: Geometry, notes: list[str]
) -> Built:
    prior = group_prior(learner, trials)
    evaluate = Evaluator(learner, pack(learner, trials))
    expansion = expand(evaluate, prior.mean, prior.width, prior.spread) if geometry == "whitened" else None
    with pm.Model(coords=_coords(learner, trials)) as model:
        mu, sd = _group(learner, prior, priors, expansion)
        transform = NonCentred() if geometry == "non-centred" else None
        if expansion is not None:
            transform = ConditionalWhitening(
                pm.Data("expansion_curvature", expansion.curvature), pm.Data("expansion_linear", expansion.linear)
            )
        centre = mu if expansion is None else transform.carried(mu)
        individual = pm.Normal(
            "individual", centre, sd, dims=("participant", "parameter"), default_transform=None, transform=transform
        )
        columns = []
        for k, parameter in enumerate(learner.parameters):
            columns.append(pm.Deterministic(parameter.name, constrain(parameter, individual[:, k]), dims="participant"))
            pm.Deterministic(f"{parameter.name}_group", constrain(parameter, mu[k]))
        _observe(learner, trials, pt.stack(columns, axis=1))
    return Built(model, "partial", geometry, tuple(notes), evaluate.calls)


def _group(
    learner: Learner, prior: GroupPrior, priors: Mapping[str, Any], expansion: Expansion | None
) -> tuple[Any, Any]:
    """Group means and spreads as vectors. Where all priors are the default's they are sampled together, whitened."""
    means, spreads = {}, {}
    own_means = any(f"{name}_mu" in priors for name in learner.names)
    own_spreads = any(f"{name}_sd" in priors for name in learner.names)
    if own_means or expansion is None:
        for k, name in enumerate(learner.names):
            given = priors.get(f"{name}_mu")
            means[name] = (
                pm.Normal(f"{name}_mu", prior.mean[k], prior.width[k])
                if given is None
                else _distribution(f"{name}_mu", given)
            )
        mu = pt.stack(list(means.values()))
    else:
        affine = Affine(
            pm.Data("expansion_mean", expansion.mean), pm.Data("expansion_mean_factor", expansion.mean_factor)
        )
        mu = pm.Normal("group_mu", affine.carried(prior.mean), prior.width, dims="parameter", transform=affine)
        for k, name in enumerate(learner.names):
            pm.Deterministic(f"{name}_mu", mu[k])
    if own_spreads or expansion is None:
        for k, name in enumerate(learner.names):
            given = priors.get(f"{name}_sd")
            spreads[name] = (
                pm.HalfNormal(f"{name}_sd", prior.spread[k]) if given is None else _distribution(f"{name}_sd", given)
            )
        sd = pt.stack(list(spreads.values()))
    else:
        scale = pm.Data("expansion_sd_scale", np.diag(expansion.sd_scale))
        affine = Affine(pm.Data("expansion_no_shift", np.zeros(len(learner.names))), scale)
        signed = pm.Normal(
            "group_signed_sd", affine.carried(np.zeros(len(learner.names))), prior.spread,
            dims="parameter", transform=affine, initval=np.exp(expansion.log_sd),
        )  # fmt: skip
        sd = Magnitude()(signed)
        for k, name in enumerate(learner.names):
            pm.Deterministic(f"{name}_sd", sd[k])
    return mu, sd


def _flat_model(learner: Learner, trials: Trials, pooling: Pooling, geometry: Geometry, notes: list[str]) -> Built:
    """No group: every participant (or all as one) under the prior ``Normal(mean, sqrt(width^2 + spread^2))``."""
    prior = group_prior(learner, trials)
    pooled = pooling == "complete"
    evaluate = Evaluator(learner, pack(learner, trials), pooled)
    people = 1 if pooled else trials.n_participants
    with pm.Model(coords=_coords(learner, trials)) as model:
        transform = NonCentred() if geometry == "non-centred" else None
        if geometry == "whitened":
            start = np.tile(prior.mean, (people, 1))
            modes = climb(evaluate, start, start, 1.0 / prior.total**2)
            curvature = floored(modes.curvature)
            linear = np.einsum("nkl,nl->nk", curvature, modes.u) + modes.gradient
            transform = ConditionalWhitening(
                pm.Data("expansion_curvature", curvature), pm.Data("expansion_linear", linear)
            )
        shape = {"shape": (1, len(prior.mean))} if pooled else {"dims": ("participant", "parameter")}
        centre = transform.carried(prior.mean) if geometry == "whitened" else prior.mean
        individual = pm.Normal("individual", centre, prior.total, transform=transform, **shape)
        columns = []
        for k, parameter in enumerate(learner.parameters):
            natural = constrain(parameter, individual[:, k])
            if pooled:
                columns.append(pm.Deterministic(parameter.name, natural[0]))
            else:
                columns.append(pm.Deterministic(parameter.name, natural, dims="participant"))
        _observe(learner, trials, _matrix(columns, trials.n_participants))
    return Built(model, pooling, geometry, tuple(notes), evaluate.calls)


def _natural_model(
    learner: Learner, trials: Trials, pooling: Pooling, priors: Mapping[str, Any], notes: list[str]
) -> Built:
    """No group, and priors that were given on the natural scale for some parameters."""
    prior = group_prior(learner, trials)
    dims = None if pooling == "complete" else "participant"
    with pm.Model(coords=_coords(learner, trials)) as model:
        columns = []
        for k, parameter in enumerate(learner.parameters):
            if parameter.name in priors:
                columns.append(_distribution(parameter.name, priors[parameter.name], dims=dims))
            else:
                u = pm.Normal(f"{parameter.name}_unconstrained", prior.mean[k], prior.total[k], dims=dims)
                columns.append(pm.Deterministic(parameter.name, constrain(parameter, u), dims=dims))
        _observe(learner, trials, _matrix(columns, trials.n_participants))
    return Built(model, pooling, "centred", tuple(notes), 0)


def _matrix(columns: list[Any], people: int) -> Any:
    return pt.stack([pt.broadcast_to(column, (people,)) for column in columns], axis=1)
