r"""How well a fitted learner predicts what it has not seen: people left out, trials to come, single trials.

**Participants.** :math:`\log p(y_n | y_{-n})`, a new person's whole sequence, with the person's parameters integrated out under
the group: draws g of the posterior, which has seen everybody, are weighted by :math:`1 / p(y_n | g)` (Gelfand 1996), the weights
Pareto-smoothed (Vehtari, Gelman & Gabry 2017, Stat. Comput. 27:1413); :math:`p(y_n | g)` is that of :mod:`trialwise.analysis.comparison.integrated`.

**Future.** The sum over a person's later trials of :math:`\log p(y_{nt} | y_{n,<t}, y_{-n})`, each one step ahead, given all that the
person did before and everybody else. By the chain rule it is :math:`\log p(y_n | y_{-n}) - \log p(y_{n,<s} | y_{-n})` with s the
first trial predicted: the same integrals, of the whole sequence and of its beginning. So nothing has to be refitted or
reweighted before each trial, as is usual (Bürkner, Gabry & Vehtari 2020, J. Stat. Comput. Simul. 90:2499).

**Trials.** :math:`\log p(y_{nt} | y_{n,<t}, y \text{ without this choice})`, conditional on the person's parameters, by PSIS over
draws of them. This predicts another choice of the *same* people, whose other choices, the later ones too, have told
their parameters; it says little about new people.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy.special import logsumexp

from trialwise.analysis.comparison.integrated import (
    DRAWS as INTEGRATED,
    Groups,
    Tell,
    groups_of,
    integrated_likelihood,
    log_weights,
)
from trialwise.base.errors import UsageError
from trialwise.data.trials import Trials
from trialwise.inference.draws import Draws
from trialwise.inference.fitted import Fit
from trialwise.learners.learner import Learner
from trialwise.likelihoods.filter_streams import FreshStreams
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.likelihoods.likelihood import Likelihood
from trialwise.likelihoods.log_mean import log_mean

Method = Literal["participant", "future", "trial", "integrated"]

MOST_POINTS = 4000
"""Points of each participant at most, where there is no group."""


class Effort(NamedTuple):
    """How much is computed where nobody said how much.

    Attributes
    ----------
    draws, draws_of_trials
        Draws of the posterior that are used: of the group; and of the participants' parameters, where single trials are left out.
    points
        Of each participant under each draw; without a group there is one draw, the prior, with all the points.
    """

    draws: int
    draws_of_trials: int
    points: int


EXACT, ESTIMATED = Effort(1000, 1000, 16), Effort(250, 100, 8)
"""Of exact likelihoods, and of those that filters estimate."""


def effort(likelihood: Likelihood) -> Effort:
    """How much is computed with a likelihood where nobody said how much."""
    return EXACT if likelihood.exact else ESTIMATED


LEVEL = 1e-9
"""Log-likelihoods that differ by less among draws are the same."""

PARTICLES, FILTERS = 100, 2
"""Of an estimate; and filters that tell the probability of a trial."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What was held out, and how well it was predicted.

    Attributes
    ----------
    elpd, error, khat, effective
        ``(held out,)``: log predictive density; its Monte Carlo standard error; Pareto k-hat of its weights, NaN where there
        were none; and by how much it would be higher had it been seen, which adds up to the effective number of parameters.
    owner
        The participant of each.
    draws
        How many draws were used.
    good
        Above this a k-hat is bad.
    """

    elpd: np.ndarray
    error: np.ndarray
    khat: np.ndarray
    effective: np.ndarray
    owner: np.ndarray
    draws: int
    good: float

    @property
    def bad(self) -> np.ndarray:
        """Whether each k-hat is bad."""
        return np.asarray(self.khat > self.good)

    def of_participants(self, values: np.ndarray, people: int) -> np.ndarray:
        """Sums over what is each participant's."""
        return np.bincount(self.owner, values, minlength=people)


def good_khat(draws: float) -> float:
    """Above this the smoothed weights of so many draws cannot be relied on (Vehtari et al. 2024, JMLR 25:72)."""
    return float(min(1.0 - 1.0 / np.log10(max(draws, 11)), 0.7))


def efficiency(draws: Draws) -> float:
    """Effective draws per draw of the group's parameters; of the participants' where there is no group."""
    from arviz_stats.base import array_stats

    found = []
    for name in draws.group_names:
        values = draws[name].to_numpy()
        found.append(np.ravel(array_stats.ess(np.moveaxis(values, (0, 1), (-2, -1)), method="mean")))
    share = float(np.nanmean(np.concatenate(found))) / draws.count
    return min(share, 1.0) if np.isfinite(share) else 1.0


def smoothed(log_likelihood: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Pareto-smoothed log weights ``(held out, draws)``, summing to 1, of ``log_likelihood (draws, held out)``; k-hats."""
    from arviz_stats.base import array_stats

    if len(log_likelihood) == 1:
        return np.zeros((log_likelihood.shape[1], 1)), np.full(log_likelihood.shape[1], np.nan)
    weight, khat = np.zeros(log_likelihood.T.shape), np.full(log_likelihood.shape[1], np.nan)
    varies = (
        np.ptp(log_likelihood, 0) > LEVEL
    )  # where nothing is told by the draws, as on a first trial, weights are equal
    if varies.any():
        weight[varies], khat[varies] = array_stats.psislw(np.ascontiguousarray(log_likelihood.T[varies]), r_eff=share)
    return weight - logsumexp(weight, 1, keepdims=True), khat


def weighted(weight: np.ndarray, value: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of weighted means of ``exp(value (draws, held out))`` and their Monte Carlo errors."""
    mean = logsumexp(weight + value.T, 1)
    apart = np.exp(value.T - mean[:, None]) - 1.0
    return mean, np.sqrt((np.exp(2.0 * weight) * apart**2).sum(1) / share)


class _Integrals:
    """:math:`p(y_n | g)` of some trials for every draw of a group: ``value`` and its relative ``variance``, ``(draws, participants)``."""

    def __init__(self, learner: Learner, trials: Trials, groups: Groups, particles: int, seed: int, tell: Tell):
        likelihood = likelihood_of(learner, trials)
        usual = effort(likelihood)
        points = usual.points
        if groups.shared and likelihood.exact:
            points = 1
        elif len(groups.mean) == 1:
            points = min(MOST_POINTS, points * usual.draws)
        weight = log_weights(learner, trials, groups, points, particles, seed, tell)
        self.value, error, _ = log_mean(np.moveaxis(weight, 1, -1))
        self.variance = np.zeros_like(error) if points == 1 else error**2

    @property
    def unbiased(self) -> np.ndarray:
        """Logarithms whose inverse exponentials are about without bias: those of noisy values are too large by their variance."""
        return np.asarray(self.value + np.minimum(self.variance, 1.0) * (len(self.value) > 1))


def _told(tell: Tell, part: int, parts: int) -> Tell:
    return lambda share: tell((part + share) / parts)


def by_participant(
    fit: Fit, learner: Learner, start: np.ndarray | None, *, draws: int | None, particles: int, seed: int, tell: Tell,
    refit: Callable[[int], Fit] | None = None,
) -> HeldOut:  # fmt: skip
    """Participants left out; with ``start (participants,)``, what each did before that many trials is given.

    ``refit`` fits all but one participant; it is asked for those whose k-hat is bad.
    """
    trials = fit.trials
    posterior = fit.draws.thinned(draws or effort(likelihood_of(learner, trials)).draws)
    groups, share = groups_of(fit, learner, posterior), efficiency(posterior)
    parts = 1 + (start is not None) + (refit is not None)
    whole = _Integrals(learner, trials, groups, particles, seed, _told(tell, 0, parts))
    weight, khat = smoothed(whole.unbiased, share)
    elpd, error = weighted(weight, whole.unbiased, share)
    if len(groups.mean) == 1:
        error = np.sqrt(whole.variance[0])
    seen = logsumexp(whole.value, 0) - np.log(len(whole.value))
    if start is not None:
        given = _Integrals(learner, trials.first(start), groups, particles, seed, _told(tell, 1, parts))
        before, more = weighted(weight, given.value, share)
        if len(groups.mean) == 1:
            more = np.sqrt(given.variance[0])
        elpd, error = elpd - before, np.hypot(error, more)
        seen = seen - logsumexp(given.value, 0) + np.log(len(given.value))
    good = good_khat(len(groups.mean) * share)
    if refit is not None:
        bad = np.flatnonzero(khat > good)
        for done, n in enumerate(bad):
            elpd[n], error[n] = _left_out(refit(int(n)), learner, fit, int(n), groups, start, draws, particles, seed)
            khat[n] = np.nan
            _told(tell, parts - 1, parts)((done + 1) / len(bad))
        tell(1.0)
    effective = seen - elpd if len(groups.mean) > 1 else np.full(len(elpd), np.nan)
    return HeldOut(elpd, error, khat, effective, np.arange(len(elpd)), len(groups.mean), good)


def _left_out(
    others: Fit, learner: Learner, fit: Fit, n: int, groups: Groups, start: np.ndarray | None, draws: int | None, particles: int,
    seed: int,
) -> tuple[float, float]:  # fmt: skip
    """Log predictive density of a participant under a fit of all others, and its error."""
    posterior = others.draws.thinned(draws or effort(likelihood_of(learner, fit.trials)).draws)
    group, share = groups_of(others, learner, posterior), efficiency(posterior)
    group = Groups(group.mean, group.spread, groups.individual[:, n : n + 1])
    alone = fit.trials.select([fit.trials.participants[n]])
    total, squares = 0.0, 0.0
    for sign, trials in ((1, alone), (-1, None if start is None else alone.first(start[n : n + 1]))):
        if trials is not None:
            value = _Integrals(learner, trials, group, particles, seed, lambda share: None).value
            mean, error = weighted(np.full((1, len(value)), -np.log(len(value))), value, share)
            total, squares = total + sign * float(mean[0]), squares + float(error[0]) ** 2
    return total, float(np.sqrt(squares))


def by_trial(fit: Fit, learner: Learner, *, draws: int | None, particles: int, seed: int, tell: Tell) -> HeldOut:
    """Single trials left out, conditional on the participants' parameters; missed ones are none."""
    trials = fit.trials
    streams = FreshStreams(trials, seed, "trials left out")
    likelihood = likelihood_of(learner, trials, particles=particles, filters=FILTERS, streams=streams)
    posterior = fit.draws.thinned(draws or effort(likelihood).draws_of_trials)
    count, share = posterior.count, efficiency(posterior)
    people = trials.n_participants
    free = np.stack([posterior.natural(name) for name in learner.names], -1)
    found = _each_trial(likelihood, free, tell)
    parts: list[list[np.ndarray]] = [[], [], [], []]
    for n in range(people):  # one after the other, which bounds memory
        rows = slice(trials.offsets[n], trials.offsets[n + 1])
        log_p = found[:, rows][:, trials.responded[rows]]
        weight, khat = smoothed(log_p, share)
        elpd, error = weighted(weight, log_p, share)
        seen = logsumexp(log_p, 0) - np.log(count)
        for part, values in zip(parts, (elpd, error, khat, seen - elpd), strict=True):
            part.append(values)
    owner = trials.participant_index[trials.responded]
    elpd, error, khat, effective = (np.concatenate(part) for part in parts)
    return HeldOut(elpd, error, khat, effective, owner, count, good_khat(count * share))


def _each_trial(likelihood: Likelihood, free: np.ndarray, tell: Tell) -> np.ndarray:
    """Log-probability of each trial at every draw, ``(draws, trials)``; of estimates, what their noise adds to inverses taken off."""
    found = np.empty((len(free), likelihood.trials.n_trials))
    for k, theta in enumerate(free):
        value, error = likelihood.trial_values(theta)
        found[k] = value + np.minimum(error**2, 1.0)
        tell((k + 1) / len(free))
    return found


def beginnings(trials: Trials, start: int | None) -> np.ndarray:
    """How many trials of each participant come before the first predicted one: half of them, or ``start - 1``.

    Raises
    ------
    UsageError
        If ``start`` is no trial after the first, or a participant has not as many.
    """
    if start is None:
        return np.asarray(trials.lengths // 2)
    if isinstance(start, bool) or not isinstance(start, int | np.integer) or start < 2:
        raise UsageError(
            f"start={start!r}: the first trial to be predicted, 2 or later; without it, the second half is"
        )
    short = np.flatnonzero(trials.lengths < start)
    if len(short):
        label, length = trials.participants[short[0]], int(trials.lengths[short[0]])
        raise UsageError(
            f"start={start}: participant {label!r} has {length} trials; the shortest decides how late it can be"
        )
    return np.full(trials.n_participants, int(start) - 1)


def held_out(fit: Fit, method: Method, start: int | None, **how: Any) -> HeldOut:
    """What ``method`` says, of one fit; see :func:`trialwise.compare`."""
    learner = fit._learner("compare")
    refit = how.pop("refit")
    if method == "integrated":
        return _integrated(fit, **how)
    if method == "trial":
        return by_trial(fit, learner, **how)
    given = beginnings(fit.trials, start) if method == "future" else None
    return by_participant(fit, learner, given, refit=refit, **how)


def _integrated(fit: Fit, *, draws: int | None, particles: int, seed: int, tell: Tell) -> HeldOut:
    """Nothing held out: each participant's likelihood, parameters integrated out under the group that was fitted to all."""
    given = {} if draws is None else {"draws": draws}
    found = integrated_likelihood(fit, particles=particles, seed=seed, **given)
    tell(1.0)
    people = len(found)
    value, error = found["log_likelihood"].to_numpy(), found["standard_error"].to_numpy()
    unknown = np.full(people, np.nan)
    return HeldOut(value, error, unknown, unknown, np.arange(people), draws or INTEGRATED, 1.0)
