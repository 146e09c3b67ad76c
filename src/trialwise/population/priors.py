"""Default priors on the unconstrained scale, scaled to the outcomes of the data, and the user's priors.

The numbers come from the learner: mean and width of each parameter's field (``positive("inverse temperature", mean=1.0)``), with the
defaults of :mod:`trialwise.learners.parameters`. Here they become the priors of group means and spreads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.message import Argument
from trialwise.base.streams import stream
from trialwise.data.trials import Trials
from trialwise.learners.parameters import Parameter
from trialwise.population.design import Design, plain_design
from trialwise.population.names import GroupNames, group_names, names_of_design
from trialwise.population.stored import constants, text_of

DRAWS_TO_CHECK = 200

OF_EFFECTS = 0.5
"""The width of the prior of a coefficient of a design, and of participants' spread in it, in units of the scale of a parameter's spread."""

Pooling = Literal["partial", "none", "complete"]


@dataclass(frozen=True)
class GroupPrior:
    r"""Priors of a group as vectors: of its coefficients ``(F,)`` and spreads ``(Q,)``; without a design one of each for every parameter.

    Coefficients, of which means are the only ones without a design, :math:`\mu \sim \mathrm{Normal}(m, s)` with ``mean`` m and ``width``
    s; spreads :math:`\sigma \sim \mathrm{HalfNormal}(t)` with ``spread`` t.
    """

    mean: np.ndarray
    width: np.ndarray
    spread: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Standard deviation of a participant around ``mean``, marginal over the group: its prior without a group."""
        return np.sqrt(self.width**2 + self.spread**2)


def outcome_sd(trials: Trials) -> float:
    """Standard deviation of the outcomes, the largest if there are several; 1 if they do not vary."""
    spreads = [float(np.std(v[np.isfinite(v)])) for v in trials.outcome.values() if np.isfinite(v).any()]
    return max((s for s in spreads if s > 0), default=1.0)


def default_prior(parameters: Sequence[Parameter], spread: float) -> GroupPrior:
    """The default prior for outcomes of standard deviation ``spread``, which shifts parameters in units per outcome."""
    shift = np.log(spread)
    return GroupPrior(
        np.array([p.mean - shift * p.per_outcome for p in parameters]),
        np.array([p.width for p in parameters]),
        np.array([p.spread for p in parameters]),
    )


def prior_of_design(parameters: Sequence[Parameter], spread: float, design: Design) -> GroupPrior:
    """The default prior of a group with a design.

    An intercept, or the mean of a cell, has the prior of its parameter. Other coefficients, of columns that have been coded and
    standardised, are Normal(0, t / 2), and spreads of participants in them HalfNormal(t / 2), with the scale t of the parameter's spread
    between participants: two levels of a factor then differ by at most 1.4 t with a probability of .95.
    """
    default, place = default_prior(parameters, spread), design.place
    common = [(place[t.parameter], t.like_intercept) for t in design.coefficients]
    return GroupPrior(
        np.array([default.mean[k] if level else 0.0 for k, level in common]),
        np.array([default.width[k] if level else OF_EFFECTS * default.spread[k] for k, level in common]),
        np.array([default.spread[place[t.parameter]] * (1.0 if t.like_intercept else OF_EFFECTS) for t in design.effects]),
    )  # fmt: skip


def spelled_out(priors: Mapping[str, object], design: Design) -> dict[str, object]:
    """Priors by name, with those of all coefficients of a parameter (``alpha_effects``), or of all their spreads (``alpha_sd_effects``),
    as one for each of them for which there is none."""
    names = names_of_design(design)
    single: dict[str, object] = {}
    for name in (*names.coefficients, *names.spreads):
        general = name.split("[")[0]
        if general in priors and general != name:
            single[name] = priors[general]
    used = {name.split("[")[0] for name in single}
    return single | {name: prior for name, prior in priors.items() if name not in used}


def check_priors(
    parameters: Sequence[str], pooling: str, priors: Mapping[str, Any], design: Design | None = None
) -> None:
    """Check the pooling, and the names of priors against a learner's free parameters.

    Raises
    ------
    UsageError
        For an unknown pooling, a prior for an unknown parameter, or one that is no distribution.
    """
    if pooling not in get_args(Pooling):
        raise UsageError(Argument("pooling", pooling), f": must be one of {', '.join(map(repr, get_args(Pooling)))}")
    correlations = () if design is None else names_of_design(design).correlations
    allowed = [name for name in group_names(parameters, pooling, design) if name not in correlations]
    for name, prior in priors.items():
        if name not in allowed:
            suggestion = did_you_mean(name, allowed, "priors")
            raise UsageError(Argument("priors", {name: ...}), " with ", Argument("pooling", pooling), f": {suggestion}")
        if not hasattr(prior, "to_pymc") and getattr(getattr(prior, "owner", None), "op", None) is None:
            raise UsageError(
                f"the prior of {name} is {prior!r}; it must be a distribution: pm.Normal.dist(0, 1), or one of PreliZ"
            )
        # without pooling, a prior may have an entry for each participant
        several = pooling != "none" and getattr(prior, "ndim", 0) > 0
        if several or str(getattr(prior, "dtype", "float64")).startswith(("int", "uint", "bool")):
            raise UsageError(f"the prior of {name} is {prior!r}; it must be of one real number: pm.Normal.dist(0, 1)")


def check_supports(
    parameters: Sequence[Parameter], pooling: str, priors: Mapping[str, object], design: Design | None = None
) -> None:
    """Check by draws from the user's priors that spreads are above 0, and natural values within their parameter's range.

    Raises
    ------
    UsageError
        If a prior of a spread allows numbers below 0, or a prior allows nothing in the parameter's range.
    """
    ranges = {p.name: (p.lower, p.upper, p.range) for p in parameters} if pooling != "partial" else {}
    design = design or plain_design([p.name for p in parameters], ())
    spreads = {*names_of_design(design).spreads}
    for name, prior in priors.items():
        try:
            draws = draws_of(prior, DRAWS_TO_CHECK, stream(0, "support of a prior", name))
            density = log_density_of(prior, draws)
        except NotImplementedError:  # improper, such as pm.Flat
            continue
        except ValueError as error:  # numbers that the distribution does not take
            raise UsageError(f"the prior of {name} cannot be drawn from: {error}; check its numbers") from error
        if not np.isfinite(draws).all() or not np.isfinite(density).all():
            raise UsageError(
                f"the prior of {name} is {text_of(prior)}, which is no distribution: check its numbers and their order"
            )
        if name in spreads and pooling == "partial" and (draws < 0).any():
            raise UsageError(
                f"the prior of {name} is {text_of(prior)}, which allows numbers below 0 ({draws.min():.3g}); a spread is above 0: write "
                "pm.HalfNormal.dist(1), or another distribution of positive numbers"
            )
        lower, upper, wanted = ranges.get(name, (-np.inf, np.inf, ""))
        if not ((draws > lower) & (draws < upper)).any():
            raise UsageError(
                f"the prior of {name} is {text_of(prior)}, which draws nothing in its range: {name} ranges {wanted}"
            )


def with_own(prior: GroupPrior, names: GroupNames, priors: Mapping[str, Any]) -> tuple[GroupPrior, dict[str, Any]]:
    """Substitute the user's priors into a group's prior where the family is the same; return it and the other priors.

    The families are Normal for a coefficient (``alpha_mu``) and HalfNormal for a spread (``alpha_sd``), with constant parameters:
    ``pm.Normal.dist(-1, 0.5)``.

    Raises
    ------
    UsageError
        For a Normal or HalfNormal whose standard deviation is not above 0.
    """
    mean, width, spread = prior.mean.copy(), prior.width.copy(), prior.spread.copy()
    others = dict(priors)
    for k, name in enumerate(names.coefficients):
        if normal := _constants(priors.get(name), "Normal"):
            mean[k], width[k] = normal
            del others[name]
    for k, name in enumerate(names.spreads):
        half = _constants(priors.get(name), "HalfNormal")
        if half and half[0] == 0.0:
            spread[k] = half[1]
            del others[name]
    return replace(prior, mean=mean, width=width, spread=spread), others


def draws_of(distribution: Any, count: int, random: np.random.Generator) -> np.ndarray:
    """Draws from a distribution of PyMC or PreliZ, ``(count, ...)``."""
    if hasattr(distribution, "to_pymc"):
        distribution = distribution.to_pymc()
    import pymc as pm

    return np.asarray(pm.draw(distribution, count, random_seed=random))


def log_density_of(distribution: object, values: np.ndarray) -> np.ndarray:
    """Log-density of a distribution of PyMC or PreliZ at each value."""
    if hasattr(distribution, "to_pymc"):
        distribution = distribution.to_pymc()
    import pymc as pm

    return np.asarray(pm.logp(distribution, values).eval())  # type: ignore[arg-type]


def _constants(distribution: Any, family: str) -> tuple[float, ...]:
    """The numbers of a prior if it is of this family, scalar and constant; otherwise empty."""
    known = constants(distribution)
    if known is None or known[0] != family:
        return ()
    if not 0 < known[1][-1] < np.inf:
        raise UsageError(f"a prior has the standard deviation {known[1][-1]:g}; it must be above 0")
    return known[1]
