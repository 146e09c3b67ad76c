r"""Cross-validation: how well a fitted learner predicts participants left out, later trials, or single trials.

**Participants.** :math:`\log p(y_n | y_{-n})`, the whole sequence of a new participant, with parameters integrated out under the
group: draws g of the posterior given all participants are weighted by :math:`1 / p(y_n | g)` (Gelfand 1996), and the weights are
Pareto-smoothed (Vehtari, Gelman & Gabry 2017, Stat. Comput. 27:1413); :math:`p(y_n | g)` is computed by
:mod:`trialwise.analysis.comparison.integrated`.

**Future.** The sum over a participant's later trials of :math:`\log p(y_{nt} | y_{n,<t}, y_{-n})`, each one step ahead, given the
participant's earlier trials and all other participants. By the chain rule it is
:math:`\log p(y_n | y_{-n}) - \log p(y_{n,<s} | y_{-n})` with s the first trial predicted: the same integrals, of the whole
sequence and of its beginning. The usual refitting or reweighting before each trial (Bürkner, Gabry & Vehtari 2020, J. Stat.
Comput. Simul. 90:2499) is therefore unnecessary.

**Trials.** :math:`\log p(y_{nt} | y_{n,<t}, y \text{ without this choice})`, conditional on the participant's parameters, by PSIS
over draws of them. This predicts another choice of the *same* participants, whose parameters are estimated from their other
choices, later ones included; it says little about new participants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
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
from trialwise.analysis.pareto import pareto_smoothed
from trialwise.base.errors import UsageError
from trialwise.base.message import Argument
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
"""Largest number of points of each participant, if there is no group."""


class Effort(NamedTuple):
    """Default amounts of computation.

    Attributes
    ----------
    draws, draws_of_trials
        Posterior draws that are used: of the group; and of the participants' parameters, if single trials are left out.
    points
        Points of each participant under each draw; without a group there is one draw, the prior, with all the points.
    """

    draws: int
    draws_of_trials: int
    points: int


EXACT, ESTIMATED = Effort(1000, 1000, 16), Effort(250, 100, 8)
"""Defaults for exact likelihoods, and for those estimated by filters."""


def effort(likelihood: Likelihood) -> Effort:
    """The default amount of computation with a likelihood."""
    return EXACT if likelihood.exact else ESTIMATED


LEVEL = 1e-9
"""Log-likelihoods that differ between draws by less than this are taken as equal."""

PARTICLES, FILTERS = 100, 2
"""Particles of an estimate; and filters with which the probability of a trial is estimated."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Held-out units (participants or trials), and how well they were predicted.

    Attributes
    ----------
    elpd, error, khat, effective
        ``(units,)``: log predictive density; its Monte Carlo standard error; Pareto k-hat of its weights, NaN without weights; and
        by how much the log density is higher if the unit is not held out, whose sum is the effective number of parameters.
    owner
        ``(units,)``: the number of each unit's participant.
    draws
        Number of draws used.
    good
        The largest good k-hat.
    share
        ``(units,)``: of integrated likelihoods the effective share of the draws; None for others.
    """

    elpd: np.ndarray
    error: np.ndarray
    khat: np.ndarray
    effective: np.ndarray
    owner: np.ndarray
    draws: int
    good: float
    share: np.ndarray | None = None

    @property
    def bad(self) -> np.ndarray:
        """Whether each k-hat is bad."""
        return np.asarray(self.khat > self.good)

    def of_participants(self, values: np.ndarray, participants: int) -> np.ndarray:
        """Sums over the units of each participant, ``(participants,)``."""
        return np.bincount(self.owner, values, minlength=participants)


def good_khat(draws: float) -> float:
    """The largest k-hat at which smoothed weights of this number of draws are reliable (Vehtari et al. 2024, JMLR 25:72)."""
    return float(min(1.0 - 1.0 / np.log10(max(draws, 11)), 0.7))


def efficiency(draws: Draws) -> float:
    """Effective draws per draw of the group's parameters; of the participants' parameters if there is no group."""
    from arviz_stats.base import array_stats

    effective = []
    for name in draws.group_names:
        values = draws[name].to_numpy()
        effective.append(np.ravel(array_stats.ess(np.moveaxis(values, (0, 1), (-2, -1)), method="mean")))
    share = float(np.nanmean(np.concatenate(effective))) / draws.count
    return min(share, 1.0) if np.isfinite(share) else 1.0


def smoothed(log_likelihood: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Pareto-smoothed log weights ``(units, draws)``, normalised, for ``log_likelihood (draws, units)``; and their k-hats."""
    if len(log_likelihood) == 1:
        return np.zeros((log_likelihood.shape[1], 1)), np.full(log_likelihood.shape[1], np.nan)
    weight, khat = np.zeros(log_likelihood.T.shape), np.full(log_likelihood.shape[1], np.nan)
    varies = np.ptp(log_likelihood, 0) > LEVEL  # weights are equal where the draws do not matter, as on a first trial
    if varies.any():
        weight[varies], khat[varies] = pareto_smoothed(log_likelihood.T[varies], share)
    return weight - logsumexp(weight, 1, keepdims=True), khat


def weighted(weight: np.ndarray, value: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of weighted means of ``exp(value (draws, units))`` and their Monte Carlo errors."""
    mean = logsumexp(weight + value.T, 1)
    deviation = np.exp(value.T - mean[:, None]) - 1.0
    return mean, np.sqrt((np.exp(2.0 * weight) * deviation**2).sum(1) / share)


class _Integrals:
    """:math:`\\log p(y_n | g)` for every draw of a group: ``value`` and its relative ``variance``, ``(draws, participants)``."""

    def __init__(self, learner: Learner, trials: Trials, groups: Groups, particles: int, seed: int, tell: Tell):
        likelihood = likelihood_of(learner, trials)
        default = effort(likelihood)
        points = default.points
        if groups.shared and likelihood.exact:
            points = 1
        elif groups.count == 1:
            points = min(MOST_POINTS, points * default.draws)
        weight = log_weights(learner, trials, groups, points, particles, seed, tell)
        self.value, error, _ = log_mean(np.moveaxis(weight, 1, -1))
        self.variance = np.zeros_like(error) if points == 1 else error**2

    @property
    def unbiased(self) -> np.ndarray:
        """Logarithms whose inverse exponentials are nearly unbiased: those of noisy values are too large by their variance."""
        return np.asarray(self.value + np.minimum(self.variance, 1.0) * (len(self.value) > 1))


def _part_of(tell: Tell, part: int, parts: int) -> Tell:
    """Report the progress of one of several parts as a share of the whole."""
    return lambda share: tell((part + share) / parts)


def by_participant(
    fit: Fit, learner: Learner, start: np.ndarray | None, *, draws: int | None, particles: int, seed: int, tell: Tell,
    refit: Callable[[np.ndarray], Iterator[Fit]] | None = None,
) -> HeldOut:  # fmt: skip
    """Predict participants who are left out, each with all sessions; with ``start (rows,)``, given so many first trials of each of their
    rows of parameters, such as sessions.

    ``refit`` yields fits to all but each of some participants; it is called for those whose k-hat is bad.
    """
    trials = fit.trials
    posterior = fit.draws.thinned(draws or effort(likelihood_of(learner, trials)).draws)
    groups, share = groups_of(fit, learner, posterior), efficiency(posterior)
    parts = 1 + (start is not None) + (refit is not None)
    whole = _Integrals(learner, trials, groups, particles, seed, _part_of(tell, 0, parts))
    weight, khat = smoothed(whole.unbiased, share)
    elpd, error = weighted(weight, whole.unbiased, share)
    if groups.count == 1:
        error = np.sqrt(whole.variance[0])
    in_sample = logsumexp(whole.value, 0) - np.log(len(whole.value))
    if start is not None:
        beginning = _Integrals(learner, trials.beginning(start), groups, particles, seed, _part_of(tell, 1, parts))
        elpd_beginning, error_beginning = weighted(weight, beginning.value, share)
        if groups.count == 1:
            error_beginning = np.sqrt(beginning.variance[0])
        elpd, error = elpd - elpd_beginning, np.hypot(error, error_beginning)
        in_sample = in_sample - logsumexp(beginning.value, 0) + np.log(len(beginning.value))
    good = good_khat(groups.count * share)
    if refit is not None:
        bad = np.flatnonzero(khat > good)
        for done, (n, others) in enumerate(zip(bad, refit(bad), strict=True)):
            elpd[n], error[n] = _left_out(others, learner, fit, int(n), groups, start, draws, particles, seed)
            khat[n] = np.nan
            _part_of(tell, parts - 1, parts)((done + 1) / len(bad))
        tell(1.0)
    effective = in_sample - elpd if groups.count > 1 else np.full(len(elpd), np.nan)
    return HeldOut(elpd, error, khat, effective, np.arange(len(elpd)), groups.count, good)


def _left_out(
    others: Fit, learner: Learner, fit: Fit, n: int, groups: Groups, start: np.ndarray | None, draws: int | None, particles: int,
    seed: int,
) -> tuple[float, float]:  # fmt: skip
    """Log predictive density of a participant under a fit to all others, and its error."""
    posterior = others.draws.thinned(draws or effort(likelihood_of(learner, fit.trials)).draws)
    group, share = groups_of(others, learner, posterior), efficiency(posterior)
    group = replace(
        groups.of(n), coefficients=group.coefficients, spreads=group.spreads, correlations=group.correlations
    )
    own = np.flatnonzero(groups.matrices.owner == n)
    alone = fit.trials.select([fit.trials.participants[int(row)] for row in own])
    total, squares = 0.0, 0.0
    for sign, trials in ((1, alone), (-1, None if start is None else alone.beginning(start[own]))):
        if trials is not None:
            value = _Integrals(learner, trials, group, particles, seed, lambda share: None).value
            mean, error = weighted(np.full((1, len(value)), -np.log(len(value))), value, share)
            total, squares = total + sign * float(mean[0]), squares + float(error[0]) ** 2
    return total, float(np.sqrt(squares))


def by_trial(fit: Fit, learner: Learner, *, draws: int | None, particles: int, seed: int, tell: Tell) -> HeldOut:
    """Predict single trials that are left out, conditional on the participants' parameters; missed trials are skipped."""
    trials = fit.trials
    streams = FreshStreams(trials, seed, "trials left out")
    likelihood = likelihood_of(learner, trials, particles=particles, filters=FILTERS, streams=streams)
    posterior = fit.draws.thinned(draws or effort(likelihood).draws_of_trials)
    count, share = posterior.count, efficiency(posterior)
    free = np.stack([posterior.natural(name) for name in learner.names], -1)
    log_probability = _each_trial(likelihood, free, tell)
    parts: list[list[np.ndarray]] = [[], [], [], []]
    for n in range(trials.n_participants):  # one after the other, to bound memory
        rows = slice(trials.offsets[n], trials.offsets[n + 1])
        log_p = log_probability[:, rows][:, trials.own[rows]]
        weight, khat = smoothed(log_p, share)
        elpd, error = weighted(weight, log_p, share)
        in_sample = logsumexp(log_p, 0) - np.log(count)
        for part, values in zip(parts, (elpd, error, khat, in_sample - elpd), strict=True):
            part.append(values)
    order = np.arange(trials.n_trials) if fit.design is None else fit.design.of_rows(trials).order
    place = np.argsort(order[trials.own], kind="stable")  # units as in the data, whatever rows of parameters a fit has
    elpd, error, khat, effective = (np.concatenate(part)[place] for part in parts)
    owner = fit.data.participant_index[fit.data.own]
    return HeldOut(elpd, error, khat, effective, owner, count, good_khat(count * share))


def _each_trial(likelihood: Likelihood, free: np.ndarray, tell: Tell) -> np.ndarray:
    """Log-probability of each trial at every draw, ``(draws, trials)``; estimates are corrected for the bias of their inverses."""
    log_probability = np.empty((len(free), likelihood.trials.n_trials))
    for k, theta in enumerate(free):
        value, error = likelihood.trial_values(theta)
        log_probability[k] = value + np.minimum(error**2, 1.0)
        tell((k + 1) / len(free))
    return log_probability


def beginnings(trials: Trials, start: int | None) -> np.ndarray:
    """Numbers of trials before the first predicted one, ``(participants,)``: those of half of each participant's rows of the file, or
    ``start - 1``; a row of the file that is several trials is predicted as a whole, with the first of them.

    Raises
    ------
    UsageError
        If ``start`` is not 2 or larger, lies in the first row of the file, or a participant has fewer trials.
    """
    rows = trials.file_rows
    if start is None:
        each = np.bincount(rows.owner, minlength=trials.n_participants)
        firsts = np.cumsum(each) - each
        return np.asarray(np.append(rows.starts, trials.n_trials)[firsts + each // 2] - trials.offsets[:-1])
    if isinstance(start, bool) or not isinstance(start, int | np.integer) or start < 2:
        raise UsageError(
            Argument("start", start),
            ": wanted the first trial to predict, 2 or later; without it, the second half is predicted",
        )
    short = np.flatnonzero(trials.lengths < start)
    if len(short):
        label, length = trials.participants[short[0]], int(trials.lengths[short[0]])
        raise UsageError(
            Argument("start", start),
            f": participant {label!r} has {length} trials; the shortest sequence limits how late start can be",
        )
    before = rows.whole(np.full(trials.n_participants, int(start) - 1))
    if (nothing := np.flatnonzero(before == 0)).size:
        longest = int(rows.lengths[np.searchsorted(rows.starts, trials.offsets[:-1])].max())
        raise UsageError(
            Argument("start", start),
            f": the first row of the file of participant {trials.participants[nothing[0]]!r} is several trials, and it is predicted as a whole "
            "or not at all; type ", Argument("start", longest + 1), ", or a later one",
        )  # fmt: skip
    return before


def of_rows(fit: Fit, first: np.ndarray) -> np.ndarray:
    """How many trials of each row of parameters are among the ``first (participants,)`` trials of its participant, ``(rows,)``."""
    if fit.design is None:
        return first
    data, rows = fit.data, fit.design.of_rows(fit.trials)
    number = np.arange(data.n_trials) - np.repeat(data.offsets[:-1], data.lengths)
    early = number < first[data.participant_index]
    return np.bincount(rows.row_of_trial[early], minlength=fit.trials.n_participants)


def held_out(fit: Fit, method: Method, start: int | None, **how: Any) -> HeldOut:
    """Predictions of held-out data by one fit with the given method; see :func:`trialwise.compare`."""
    learner = fit.learner_for("compare")
    refit = how.pop("refit")
    if method == "integrated":
        return _integrated(fit, **how)
    if method == "trial":
        return by_trial(fit, learner, **how)
    first = of_rows(fit, beginnings(fit.data, start)) if method == "future" else None
    return by_participant(fit, learner, first, refit=refit, **how)


def _integrated(fit: Fit, *, draws: int | None, particles: int, seed: int, tell: Tell) -> HeldOut:
    """Nothing held out: each participant's likelihood, with parameters integrated out under the group fitted to all."""
    settings = {} if draws is None else {"draws": draws}
    table = integrated_likelihood(fit, particles=particles, seed=seed, **settings)
    tell(1.0)
    participants = len(table)
    value, error = table["log_likelihood"].to_numpy(), table["standard_error"].to_numpy()
    unknown = np.full(participants, np.nan)
    count = draws or INTEGRATED
    share = table["effective"].to_numpy() / count
    return HeldOut(value, error, unknown, unknown, np.arange(participants), count, 1.0, share)
