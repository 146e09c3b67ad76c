"""Priors: the default ones, on the unconstrained scale, in units of the data at hand; and those of the user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.message import Argument
from trialwise.data.trials import Trials
from trialwise.learners.learner import Learner

Pooling = Literal["partial", "none", "complete"]


@dataclass(frozen=True)
class GroupPrior:
    r"""Priors of all parameters as vectors ``(parameters,)``.

    Group means :math:`\mu \sim \mathrm{Normal}(m, s)` with ``mean`` m and ``width`` s; group spreads
    :math:`\sigma \sim \mathrm{HalfNormal}(t)` with ``spread`` t.
    """

    mean: np.ndarray
    width: np.ndarray
    spread: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Spread of a participant about ``mean``, group unknown: the prior of a participant without a group."""
        return np.sqrt(self.width**2 + self.spread**2)


def outcome_sd(trials: Trials) -> float:
    """Standard deviation of the outcomes, of the widest if there are several; 1 where they do not vary."""
    spreads = [float(np.std(v[np.isfinite(v)])) for v in trials.outcome.values() if np.isfinite(v).any()]
    return max((s for s in spreads if s > 0), default=1.0)


def group_prior(learner: Learner, trials: Trials) -> GroupPrior:
    """The default prior; parameters told per outcome are shifted by the spread of the outcomes at hand."""
    return group_prior_at(learner, outcome_sd(trials))


def group_prior_at(learner: Learner, spread: float) -> GroupPrior:
    """The default prior where outcomes have this standard deviation."""
    shift, parameters = np.log(spread), learner.parameters
    return GroupPrior(
        np.array([p.mean - shift * p.per_outcome for p in parameters]),
        np.array([p.width for p in parameters]),
        np.array([p.spread for p in parameters]),
    )


def group_names(parameters: Sequence[str], pooling: str) -> list[str]:
    """Names of what describes the group: means and spreads; the parameters themselves where there is no group."""
    return (
        [f"{name}_{part}" for name in parameters for part in ("mu", "sd")] if pooling == "partial" else list(parameters)
    )


def check_priors(learner: Learner, pooling: str, priors: Mapping[str, Any]) -> None:
    """Hold the pooling and the names of priors against the learner.

    Raises
    ------
    UsageError
        For an unknown pooling, or a prior that the model has no parameter for.
    """
    if pooling not in get_args(Pooling):
        raise UsageError(Argument("pooling", pooling), f": one of {', '.join(map(repr, get_args(Pooling)))}")
    known = group_names(learner.names, pooling)
    for name in priors:
        if name not in known:
            meant = did_you_mean(name, known, "priors")
            raise UsageError(f"priors={{{name!r}: ...}} with ", Argument("pooling", pooling), f": {meant}")


def told(
    prior: GroupPrior, learner: Learner, priors: Mapping[str, Any], pooling: str
) -> tuple[GroupPrior, dict[str, Any]]:
    """The default prior with the user's own in it, as far as they are of its kind, and those that are not.

    Of its kind are, with partial pooling, a Normal for a mean (``alpha_mu``) and a HalfNormal for a spread (``alpha_sd``),
    with numbers for parameters: ``pm.Normal.dist(-1, 0.5)``.

    Raises
    ------
    UsageError
        For a Normal or HalfNormal whose standard deviation is not above 0.
    """
    if pooling != "partial":
        return prior, dict(priors)
    mean, width, spread = prior.mean.copy(), prior.width.copy(), prior.spread.copy()
    unusual = dict(priors)
    for k, name in enumerate(learner.names):
        if normal := _constants(priors.get(f"{name}_mu"), "normal"):
            mean[k], width[k] = normal
            del unusual[f"{name}_mu"]
        half = _constants(priors.get(f"{name}_sd"), "halfnormal")
        if half and half[0] == 0.0:
            spread[k] = half[1]
            del unusual[f"{name}_sd"]
    return replace(prior, mean=mean, width=width, spread=spread), unusual


def prior_draws(
    learner: Learner, trials: Trials, priors: Mapping[str, Any], pooling: str, count: int, seed: int = 0
) -> dict[str, np.ndarray]:
    """Draws of what describes the group, before any data.

    Parameters
    ----------
    priors
        The user's own, in place of the defaults.
    count
        How many.

    Returns
    -------
    dict
        Of every name of :func:`group_names`, and of medians (``alpha_group``) where there is a group: ``(count,)``, or
        ``(count, participants)`` for a prior that differs between participants.
    """
    prior, unusual = told(group_prior(learner, trials), learner, priors, pooling)
    random, made = np.random.default_rng(seed), {}
    for k, p in enumerate(learner.parameters):
        if pooling == "partial":
            made[f"{p.name}_mu"] = random.normal(prior.mean[k], prior.width[k], count)
            made[f"{p.name}_sd"] = abs(random.normal(0.0, prior.spread[k], count))
        else:
            made[p.name] = p.constrain(random.normal(prior.mean[k], prior.total[k], count))
    made |= {name: _drawn(distribution, count, seed) for name, distribution in unusual.items()}
    if pooling == "partial":
        made |= {f"{p.name}_group": p.constrain(made[f"{p.name}_mu"]) for p in learner.parameters}
    return made


def _drawn(distribution: Any, count: int, seed: int) -> np.ndarray:
    """Draws of a distribution of PyMC or PreliZ."""
    if hasattr(distribution, "to_pymc"):
        distribution = distribution.to_pymc()
    import pymc as pm

    return np.asarray(pm.draw(distribution, count, random_seed=seed))


def _constants(distribution: Any, kind: str) -> tuple[float, ...]:
    """The parameters of a scalar random variable of PyMC, if it is of this kind and they are numbers; else nothing."""
    node = getattr(distribution, "owner", None)
    if node is None or getattr(node.op, "name", None) != kind or distribution.ndim:
        return ()
    numbers = [getattr(parameter, "data", None) for parameter in node.op.dist_params(node)]
    if numbers[-1] is not None and not 0 < numbers[-1] < np.inf:
        raise UsageError(f"a prior's standard deviation is {float(numbers[-1]):g}; it must be above 0")
    return () if any(n is None for n in numbers) else tuple(float(n) for n in numbers)  # type: ignore[arg-type]
