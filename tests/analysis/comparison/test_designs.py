"""Comparison of fits with formulas and sessions, against densities that are summed over a grid of groups and of participants' values."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit, logsumexp
from scipy.stats import halfnorm, norm

import trialwise as tw
from trialwise.analysis.comparison import crossvalidation
from trialwise.analysis.comparison.crossvalidation import beginnings, of_rows
from trialwise.analysis.comparison.fits import _bad_khat
from trialwise.base.errors import UsageError
from trialwise.inference.refit import refusal, without

pytestmark = pytest.mark.sample

BETA = 3.0
LEARNER = tw.QLearning().fix(beta=BETA, forget=0)
PLAIN = {"particles": 1, "seed": 0, "tell": lambda share: None}
SHORT = {"draws": 800, "tune": 200, "chains": 2, "progress": False}
U = np.linspace(-9, 9, 361)
"""Unconstrained learning rates at which participants' likelihoods are summed."""


def simulated(participants, sessions, count, seed):
    """Choices of two-armed bandits, as a table in which the sessions of every other participant are in another order."""
    random, rows = np.random.default_rng(seed), []
    for n in range(participants):
        for session in sessions if n % 2 else sessions[::-1]:
            alpha, q = expit(random.normal(-1 + n % 2, 0.6)), np.zeros(2)
            for t in range(count + n):
                choice = int(random.random() < expit(BETA * (q[1] - q[0])))
                outcome = float(random.random() < (0.8 if (choice == 1) == (t < count // 2) else 0.2))
                q[choice] += alpha * (outcome - q[choice])
                rows.append((f"p{n}", session, choice, outcome))
    return pd.DataFrame(rows, columns=["participant", "session", "choice", "outcome"])


def log_p_of_trials(choices, outcomes, u=U):
    """Log-probability of each choice at every unconstrained learning rate, ``(trials, u)``: the learner as a plain loop."""
    alpha, q, found = expit(u), np.zeros((2, len(u))), []
    for choice, outcome in zip(choices, outcomes, strict=True):
        found.append(-np.logaddexp(0, -BETA * (q[choice] - q[1 - choice])))
        q[choice] = q[choice] + alpha * (outcome - q[choice])
    return np.array(found).reshape(-1, len(u))


def density(log_likelihood, mean, spread):
    """``log p(y | group)`` for ``mean, spread (groups,)``, by a sum over U."""
    weight = norm.logpdf(U, mean[:, None], spread[:, None])
    return logsumexp(weight + log_likelihood, 1) + np.log(U[1] - U[0])


def left_out(each, prior):
    """Log predictive densities of participants given all others, from ``each (participants, groups)`` and the log prior of groups."""
    total = each.sum(0) + prior
    return logsumexp(total) - np.array([logsumexp(total - own) for own in each])


def spread_grid(scale=1.0):
    at = np.linspace(0.02, 3.6, 40)
    return at, halfnorm.logpdf(at, 0, scale)


@pytest.fixture(scope="module")
def groups():
    table = simulated(6, ["s"], 14, 1)
    people = {
        "participant": [f"p{n}" for n in range(6)],
        "group": ["control", "patient"] * 3,
        "age": [20, 35, 50, 61, 44, 30],
    }
    trials = tw.read_long(table.drop(columns="session"))
    return table, people, tw.fit(LEARNER, trials, formulas={"alpha": "group"}, participants=people, seed=3, **SHORT)


def oracle_of_groups(table, fit):
    prior = fit.population.prior
    spread, log_spread = spread_grid(prior.spread[0])
    axes = [np.linspace(m - 4 * w, m + 4 * w, 33) for m, w in zip(prior.mean, prior.width, strict=True)]
    mean, effect, s = (each.ravel() for each in np.meshgrid(*axes, spread, indexing="ij"))
    log_prior = norm.logpdf(mean, prior.mean[0], prior.width[0]) + norm.logpdf(effect, prior.mean[1], prior.width[1])
    log_prior = log_prior + np.repeat(log_spread[None], 33**2, 0).ravel()
    each = []
    for n, (_, own) in enumerate(table.groupby("participant")):
        likelihood = log_p_of_trials(own["choice"], own["outcome"]).sum(0)
        each.append(density(likelihood, mean + (1 if n % 2 else -1) * effect / np.sqrt(2), s))
    return left_out(np.array(each), log_prior)


def test_participants_are_predicted_from_all_others_at_their_own_covariates(groups, monkeypatch):
    table, _, fit = groups
    expected = oracle_of_groups(table, fit)
    weighted = crossvalidation.by_participant(fit, LEARNER, None, draws=2000, **PLAIN)
    assert (weighted.khat < 0.5).sum() >= 4
    near = np.where(weighted.khat < 0.4, np.maximum(4 * weighted.error, 0.06), 0.4)
    assert (abs(weighted.elpd - expected) < near).all()
    monkeypatch.setattr(crossvalidation, "good_khat", lambda draws: -np.inf)  # every participant is left out by a fit
    refitted = tw.compare({"fit": fit, "same": fit}, draws=2000, refit=True, progress=False)
    assert refitted.table["bad_k"].tolist() == [0, 0]
    np.testing.assert_allclose(refitted.elpd["fit"], expected, atol=0.06)


def test_a_fit_without_a_participant_has_the_constants_of_the_fit_to_all(groups):
    table, people, _ = groups
    trials = tw.read_long(table.drop(columns="session"))
    short = {**SHORT, "draws": 30, "tune": 50}
    fit = tw.fit(tw.QLearning(), trials, formulas={"alpha": "group * age"}, participants=people, **short)
    fewer = without(fit, 3)
    kept = [0, 1, 2, 4, 5]
    np.testing.assert_array_equal(fewer.design.design.fixed, fit.design.design.fixed[kept])
    assert fewer.design.models["alpha"].numbers == fit.design.models["alpha"].numbers
    np.testing.assert_array_equal(fewer.population.prior.mean, fewer.population.prior.mean)
    assert fewer.data.participants == tuple(fit.data.participants[n] for n in kept)
    assert [len(each.values) for each in fewer.design.covariates] == [5, 5]
    assert fewer.attrs["seed"] == fit.attrs["seed"] and "without participant p3" in fewer.attrs["call"]


def session_fit(table, **how):
    settings = {"formulas": {"alpha": "0 + session"}, "seed": 2, **SHORT, **how}
    return tw.fit(LEARNER, tw.read_long(table, session="session"), **settings)


@pytest.fixture(scope="module")
def sessions():
    table = simulated(5, ["s1", "s2"], 10, 4)
    return table, session_fit(table, draws=2500)


@pytest.mark.parametrize("start", [None, 5, 13])
def test_sessions_are_left_out_together_and_the_future_is_that_of_the_participant(sessions, start, monkeypatch):
    """Cells of independent effects are a model for each session, so that a grid has two dimensions."""
    table, fit = sessions
    prior = fit.population.prior
    spread, log_spread = spread_grid(prior.spread[0])
    axis = np.linspace(prior.mean[0] - 4 * prior.width[0], prior.mean[0] + 4 * prior.width[0], 61)
    mean, s = (each.ravel() for each in np.meshgrid(axis, spread, indexing="ij"))
    log_prior = norm.logpdf(mean, prior.mean[0], prior.width[0]) + np.repeat(log_spread[None], 61, 0).ravel()
    first = beginnings(fit.data, start)
    table = table.assign(number=table.groupby("participant").cumcount())
    whole, early = np.zeros(5), np.zeros(5)
    for session in ("s1", "s2"):
        own = [table[(table["participant"] == f"p{n}") & (table["session"] == session)] for n in range(5)]
        log_p = [log_p_of_trials(each["choice"], each["outcome"]) for each in own]
        cut = [lp[(each["number"] < first[n]).to_numpy()] for n, (lp, each) in enumerate(zip(log_p, own, strict=True))]
        full = np.array([density(lp.sum(0), mean, s) for lp in log_p])
        part = np.array([density(lp.sum(0), mean, s) for lp in cut])
        total = full.sum(0) + log_prior
        rest = [total - each for each in full]
        whole += [logsumexp(total) - logsumexp(each) for each in rest]
        early += [logsumexp(each + own) - logsumexp(each) for each, own in zip(rest, part, strict=True)]
    both = {"fit": fit, "same": fit}
    np.testing.assert_allclose(tw.compare(both, draws=5000, progress=False).elpd["fit"], whole, atol=0.08)
    future = tw.compare(both, "future", start=start, draws=5000, progress=False).elpd["fit"]
    np.testing.assert_allclose(future, whole - early, atol=0.08)
    if start == 5:
        monkeypatch.setattr(crossvalidation, "good_khat", lambda draws: -np.inf)
        again = tw.compare(both, "future", start=start, draws=2000, refit=True, progress=False).elpd["fit"]
        np.testing.assert_allclose(again, whole - early, atol=0.08)


def test_first_trials_of_rows(sessions):
    _, fit = sessions
    first = np.array([3, 11, 12, 20, 0])
    counts, owner = of_rows(fit, first), fit.design.design.owner
    np.testing.assert_array_equal(np.bincount(owner, counts), first)
    in_order = fit.data.to_frame().groupby("participant").head(1)["session"]
    for n, session in enumerate(in_order):  # all of the session that comes first, before any of the other
        own = dict(zip(fit.trials.participants, counts, strict=True))
        lengths = dict(zip(fit.trials.participants, fit.trials.lengths, strict=True))
        assert own[f"p{n} / {session}"] == min(first[n], lengths[f"p{n} / {session}"])


def test_single_trials_are_those_of_the_data_in_their_order(sessions):
    table, fit = sessions
    draws = fit.draws.thinned(50)
    result = crossvalidation.by_trial(fit, fit.learner, draws=50, **PLAIN)
    np.testing.assert_array_equal(result.owner, fit.data.participant_index)
    log_p = np.empty((draws.count, len(table)))
    for label, alpha in zip(fit.trials.participants, draws.natural("alpha").T, strict=True):
        participant, session = label.split(" / ")
        own = ((table["participant"] == participant) & (table["session"] == session)).to_numpy()
        log_p[:, own] = log_p_of_trials(table["choice"][own], table["outcome"][own], logit(alpha)).T
    weight, khat = crossvalidation.smoothed(log_p, crossvalidation.efficiency(draws))
    np.testing.assert_allclose(result.elpd, logsumexp(weight + log_p.T, 1), rtol=1e-7)
    np.testing.assert_allclose(result.khat, khat, rtol=1e-6)
    compared = tw.compare({"a": fit, "b": fit}, "trial", draws=50, progress=False)
    np.testing.assert_allclose(compared.elpd["a"], np.bincount(result.owner, result.elpd))


def test_baselines_are_compared_with_sessions(sessions):
    table, _ = sessions
    fit = tw.fit(
        LEARNER,
        tw.read_long(table, session="session"),
        formulas={"alpha": "session"},
        **{**SHORT, "draws": 40, "tune": 60},
    )
    comparison = tw.compare({"fit": fit}, baselines=True, draws=40, progress=False)
    assert {"fit", "RandomResponding", "ChoiceKernel"} <= set(comparison.table.index)
    assert list(comparison.elpd.index) == list(fit.data.participants)


def test_a_level_of_one_participant_is_not_left_out(groups, monkeypatch):
    table, people, _ = groups
    alone = {**people, "site": ["x", "y", "x", "x", "x", "x"]}
    trials = tw.read_long(table.drop(columns="session"))
    short = {**SHORT, "draws": 40, "tune": 60}
    fit = tw.fit(LEARNER, trials, formulas={"alpha": "site", "alpha_sd": "group"}, participants=alone, **short)
    reason = "participant p1 is the only one with site y"
    assert reason in refusal(fit, [1]) and refusal(fit, [0, 2, 3]) is None
    monkeypatch.setattr(crossvalidation, "good_khat", lambda draws: -np.inf)
    with pytest.raises(UsageError, match=reason):
        tw.compare({"one": fit, "two": fit}, refit=True, draws=40, progress=False)
    result = crossvalidation.by_participant(fit, LEARNER, None, draws=40, **PLAIN)
    finding = _bad_khat("one", result, fit, "participant")
    assert "refit=True" not in finding.advice and reason in finding.advice and "draws=" in finding.advice
    stored = tw.fit(LEARNER, trials, formulas={"alpha": "group"}, participants=alone, **short)
    lost = type(stored)(stored.tree, stored.learner, stored.trials, None)  # its priors are not available
    assert "priors" in refusal(lost) and "refit=True" not in _bad_khat("one", result, lost, "participant").advice
    with pytest.raises(UsageError, match="priors"):
        tw.compare({"one": lost, "two": lost}, refit=True, draws=40, progress=False)
    assert json.loads(stored.attrs["design"])["covariates"][0]["levels"] == ["control", "patient"]
