"""Comparisons: integrals against quadrature, participants left out against refits, frequencies against independent sums."""

from dataclasses import replace

import arviz_stats
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.special import betainc, logsumexp
from scipy.stats import norm
from typer.testing import CliRunner

import trialwise as tw
from trialwise.analysis.comparison import crossvalidation
from trialwise.analysis.comparison.fits import stacked
from trialwise.analysis.comparison.frequencies import exceedance, frequencies
from trialwise.analysis.comparison.integrated import Groups, integrated_likelihood, log_weights
from trialwise.analysis.comparison.same_trials import differences
from trialwise.cli.app import app
from trialwise.likelihoods.log_mean import log_mean

pytestmark = pytest.mark.sample

FLAT = tw.QLearning(initial=1.2)
RATE = FLAT.fix(beta=1.5, forget=0.02)
TWO = FLAT.fix(forget=0.02)
QUIET = {"progress": False}


@pytest.fixture(scope="module")
def few():
    """Five agents of 60 trials who differ in their learning rates alone."""
    return tw.simulate(RATE, tw.environments.AlienTask(trials=60), {"alpha": (0.1, 0.6)}, participants=5, seed=2).trials


@pytest.fixture(scope="module")
def rates(few):
    """A fit to these agents."""
    return tw.fit(RATE, few, draws=500, tune=200, chains=2, seed=3, **QUIET)


@pytest.fixture(scope="module")
def stimulus(small):
    """The agents of ``small`` fitted by a learner that ignores the context."""
    return tw.fit(
        tw.learners.StimulusLearning(initial=1.2), small.trials, draws=300, tune=150, chains=2, seed=12, **QUIET
    )


def rate_table(trials, u, learner=RATE, **how):
    """Log-likelihoods on a grid of unconstrained learning rates, ``(grid, participants)``."""
    return np.stack([tw.log_likelihood(learner, trials, {"alpha": 1 / (1 + np.exp(-x))}, **how) for x in u])


def by_quadrature(table, u, mu, sd):
    """``log p(y_n | g)``, ``(draws, participants)``."""
    weight = norm.logpdf(u[:, None], mu, sd) + np.log(np.gradient(u))[:, None]
    return logsumexp(weight.T[:, :, None] + table, 1)


def group_of(fit):
    return (fit.tree["posterior"][f"alpha_{part}"].to_numpy().ravel() for part in ("mu", "sd"))


GRID = np.linspace(-9, 6, 3001)


@pytest.fixture(scope="module")
def table(few):
    return rate_table(few, GRID)


# -- integrals -----------------------------------------------------------------------------------------------------------


def test_integrals_under_every_group_by_quadrature(few, table):
    mu, sd = np.array([-0.7, -2.0, 0.5, -0.7]), np.array([0.5, 0.05, 1.5, 2.5])
    individual = np.random.default_rng(1).normal(-0.7, 0.5, (300, 5, 1))
    groups = Groups(mu[:, None], sd[:, None], individual)
    weight = log_weights(RATE, few, groups, 400, 0, seed=1)
    estimate, error, share = log_mean(np.moveaxis(weight, 1, -1))
    exact = by_quadrature(table, GRID, mu, sd)
    assert (abs(estimate - exact) < 4.5 * error + 1e-3).all() and error.max() < 0.08
    effective = 1 / (share**2).sum(-1)  # of 400: points lie where they should
    assert effective.min() > 100 and np.median(effective) > 300
    # as many points, none of them in common with others: a spread of next to nothing is no harder
    spike = Groups(np.array([[-0.7]]), np.array([[1e-6]]), individual)
    estimate, error, _ = log_mean(np.moveaxis(log_weights(RATE, few, spike, 50, 0, seed=1), 1, -1))
    np.testing.assert_allclose(estimate[0], rate_table(few, [-0.7])[0], atol=0.1)


def test_integrals_over_two_parameters_by_quadrature(few):
    trials = few.select(few.participants[:2])
    a, b = np.linspace(-7, 5, 61), np.linspace(-2.5, 3.5, 61)
    mu, sd = np.array([[-0.5, 0.4], [-1.5, 0.9]]), np.array([[0.8, 0.5], [0.3, 0.02]])
    values = np.stack([
        tw.log_likelihood(TWO, trials, {"alpha": 1 / (1 + np.exp(-x)), "beta": np.exp(y)}) for x in a for y in b
    ])  # fmt: skip
    weight = norm.logpdf(a, -0.5, 0.8)[:, None] + norm.logpdf(b, 0.4, 0.5)
    exact = logsumexp(weight.reshape(-1, 1) + values, 0) + np.log((a[1] - a[0]) * (b[1] - b[0]))
    groups = Groups(mu, sd, np.random.default_rng(1).normal(mu[0], sd[0], (300, 2, 2)))
    estimate, error, _ = log_mean(np.moveaxis(log_weights(TWO, trials, groups, 600, 0, seed=1), 1, -1))
    assert (abs(estimate[0] - exact) < 4.5 * error[0] + 1e-3).all() and error.max() < 0.05


def test_integrals_over_estimates_of_a_hidden_choice():
    sets = tw.learners.TaskSets(initial=1.2).fix(beta=2, forget=0.05, alpha_high=0.3, beta_high=2, forget_high=0.05)
    trials = tw.simulate(sets, tw.environments.AlienTask(trials=9), {"alpha": 0.4}, participants=2, seed=1).trials
    grid = np.linspace(-8, 6, 141)
    exact = by_quadrature(rate_table(trials, grid, sets, method="exact"), grid, np.array([-0.5]), np.array([1.0]))
    groups = Groups(np.array([[-0.5]]), np.array([[1.0]]), np.random.default_rng(1).normal(-0.5, 1, (300, 2, 1)))
    estimate, error, _ = log_mean(np.moveaxis(log_weights(sets, trials, groups, 1500, 10, seed=1), 1, -1))
    assert (abs(estimate - exact) < 4.5 * error + 1e-3).all() and error.max() < 0.03


def test_integrated_likelihood_averages_over_the_group(rates, table):
    estimate = integrated_likelihood(rates, draws=4000)
    mu, sd = group_of(rates)
    exact = logsumexp(by_quadrature(table, GRID, mu, sd), 0) - np.log(len(mu))
    error = np.hypot(estimate["standard_error"], 0.02)  # 200 of the 1000 groups are used
    assert (abs(estimate["log_likelihood"] - exact) < 4.5 * error).all() and (estimate["standard_error"] < 0.05).all()
    assert (estimate["effective"] > 400).all()
    compared = tw.compare({"rates": rates, "again": rates}, "integrated", draws=4000, **QUIET)
    np.testing.assert_array_equal(compared.elpd["rates"], estimate["log_likelihood"])
    assert compared.table["difference"].eq(0).all() and compared.table["p"].isna().all()


# -- what is predicted ---------------------------------------------------------------------------------------------------


def test_participants_left_out_as_by_real_refits(rates, few, table, monkeypatch):
    exact = []
    for n, label in enumerate(few.participants):
        others = few.select([other for other in few.participants if other != label])
        again = tw.fit(RATE, others, draws=500, tune=200, chains=2, seed=3, **QUIET)
        exact.append(logsumexp(by_quadrature(table[:, n : n + 1], GRID, *group_of(again))) - np.log(1000))
    fits = {"rate": rates, "again": rates}
    estimate = tw.compare(fits, **QUIET)
    # importance sampling from 1000 draws, and 1000 draws of each refit
    assert (abs(estimate.elpd["rate"] - exact) < 0.25).all() and abs(estimate.elpd["rate"].sum() - np.sum(exact)) < 0.4
    assert estimate.table.loc["rate", "p"] > 0
    monkeypatch.setattr(crossvalidation, "good_khat", lambda draws: -10.0)
    bad = tw.compare(fits, draws=100, **QUIET)
    assert (bad.table["bad_k"] == 5).all() and any("refit=True" in problem for problem in bad.problems)
    refitted = tw.compare(fits, refit=True, **QUIET)
    np.testing.assert_allclose(refitted.elpd["rate"], exact, atol=0.08)  # the same refits: the integrals differ
    assert (refitted.table["bad_k"] == 0).all()


def test_the_future_is_what_the_rest_of_the_sequence_adds(rates, few, table):
    mu, sd = group_of(rates)
    whole = by_quadrature(table, GRID, mu, sd)
    beginning = by_quadrature(rate_table(few.first(40), GRID), GRID, mu, sd)
    weight = -whole - logsumexp(-whole, 0)  # of groups without each participant
    exact = logsumexp(weight + whole, 0) - logsumexp(weight + beginning, 0)
    estimate = tw.compare({"a": rates, "b": rates}, method="future", start=41, **QUIET)
    np.testing.assert_allclose(estimate.elpd["a"], exact, atol=0.1)
    half = tw.compare({"a": rates, "b": rates}, method="future", **QUIET)
    assert (half.elpd["a"] < estimate.elpd["a"]).all()  # 30 trials to come, not 20


def test_single_trials_as_arviz_has_them(fitted, small):
    sample = fitted.tree["posterior"]
    count = sample.sizes["chain"] * sample.sizes["draw"]
    values = [sample[name].to_numpy().reshape(count, -1) for name in FLAT.names]
    each = [
        tw.trial_values(FLAT, small.trials, dict(zip(FLAT.names, v, strict=True)))["log_likelihood"].to_numpy()
        for v in zip(*values, strict=True)
    ]
    data = np.stack(each).reshape(2, 300, -1)
    level = np.ptp(data, (0, 1)) < 1e-9  # first trials, on which all draws guess: ArviZ has no weights for these
    same, data = data[0, 0, level].sum(), data[:, :, ~level]
    tree = xr.DataTree.from_dict({
        "posterior": sample.to_dataset(),
        "log_likelihood": xr.Dataset({"choices": (("chain", "draw", "trial"), data)}),
    })  # fmt: skip
    share = crossvalidation.efficiency(fitted.draws)
    expected = arviz_stats.loo(tree, pointwise=True, reff=share)
    estimate = tw.compare({"a": fitted, "b": fitted}, method="trial", **QUIET)
    assert estimate.table.loc["a", "elpd"] == pytest.approx(expected.elpd + same)
    assert estimate.table.loc["a", "p"] == pytest.approx(expected.p)
    assert estimate.table.loc["a", "worst_k"] == pytest.approx(float(expected.pareto_k.max()))
    assert estimate.frequencies is None and "Comparison by trial" in repr(estimate)


@pytest.mark.parametrize("pooling", ["none", "complete"])
def test_without_a_group(few, table, pooling):
    fit = tw.fit(RATE, few, draws=400, tune=200, chains=2, seed=4, pooling=pooling, **QUIET)
    estimate = tw.compare({"a": fit, "b": fit}, **QUIET)
    if pooling == "none":  # the prior is the group
        parameter = RATE.parameters[0]
        sd = np.array([np.hypot(parameter.width, parameter.spread)])
        exact = by_quadrature(table, GRID, np.array([parameter.mean]), sd)[0]
        np.testing.assert_allclose(estimate.elpd["a"], exact, atol=0.03)
    else:
        alpha = fit.tree["posterior"]["alpha"].to_numpy().ravel()
        each = np.stack([tw.log_likelihood(RATE, few, {"alpha": value}) for value in alpha])
        np.testing.assert_allclose(estimate.elpd["a"], np.log(len(alpha)) - logsumexp(-each, 0), atol=0.1)


# -- comparisons ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["participant", "future", "trial"])
def test_the_true_learner_wins_and_a_twin_ties(fitted, stimulus, method):
    estimate = tw.compare({"stimulus": stimulus, "flat": fitted, "twin": fitted}, method=method, draws=300, **QUIET)
    assert list(estimate.table.index) == ["flat", "twin", "stimulus"] and estimate.best == "flat"
    assert estimate.table.loc["twin", "difference"] == 0 and any(
        "predict nearly equally well" in text for text in estimate.problems
    )
    row = estimate.table.loc["stimulus"]
    assert row["difference"] < -2 * row["se_difference"] < 0
    gap = estimate.elpd["stimulus"] - estimate.elpd["flat"]
    error = np.sqrt(8 * gap.var(ddof=1) + (estimate.table["error"][["flat", "stimulus"]] ** 2).sum())
    assert row["se_difference"] == pytest.approx(error)
    assert estimate.table["weight"].sum() == pytest.approx(1) and row["weight"] < 0.2
    assert (estimate.participants["winner"] != "stimulus").sum() >= 6
    np.testing.assert_allclose(estimate.participants["stimulus"], np.minimum(gap, 0), atol=1e-9)
    again = tw.compare({"flat": fitted, "stimulus": stimulus}, method=method, draws=300, **QUIET)
    np.testing.assert_allclose(again.elpd, estimate.elpd[["flat", "stimulus"]])
    if method == "participant":
        assert again.frequencies.loc["flat", "protected"] > 0.9 and again.omnibus_risk < 0.1


def test_a_restriction_against_its_parent(small, fitted):
    held = tw.fit(FLAT.fix(forget=0.8), small.trials, draws=300, tune=150, chains=2, seed=11, **QUIET)
    estimate = tw.compare({"free": fitted, "held": held}, draws=300, **QUIET)
    assert (
        estimate.best == "free"
        and estimate.table.loc["held", "difference"] < -2 * estimate.table.loc["held", "se_difference"]
    )
    assert "free" in repr(estimate) and len(estimate.plot().axes) == 3


def test_hidden_choices_take_part():
    learner = tw.learners.TaskSets(initial=1.2).tie(alpha_high="alpha", beta_high="beta", forget_high="forget")
    ranges = {"alpha": (0.1, 0.5), "beta": (0.8, 2.5), "forget": (0.0, 0.1)}
    trials = tw.simulate(learner, tw.environments.AlienTask(trials=40), ranges, participants=3, seed=6).trials
    sets = tw.fit(learner, trials, draws=60, chains=2, seed=1, **QUIET)
    flat = tw.fit(FLAT, trials, draws=100, tune=100, chains=2, seed=1, **QUIET)
    for method in ("participant", "future", "trial"):
        pair = [
            tw.compare({"sets": sets, "flat": flat}, method=method, draws=60, seed=seed, **QUIET) for seed in (1, 2)
        ]
        apart = pair[0].table.loc["sets", "elpd"] - pair[1].table.loc["sets", "elpd"]
        error = pair[0].table.loc["sets", "error"]
        assert 0 < abs(apart) < 5 * np.sqrt(2) * error and error < 1.5
        assert pair[0].table.loc["sets", "draws"] == 60


def test_what_cannot_be_compared(fitted, small, rates):
    trials = small.trials
    choice = trials.choice.copy()
    choice[5] = (choice[5] + 1) % 3
    other = replace(fitted, trials=replace(trials, choice=choice))
    with pytest.raises(
        tw.errors.UsageError, match="different trials: 1 responses differ, the first on trial 6 of participant"
    ):
        tw.compare({"a": fitted, "b": other})
    with pytest.raises(tw.errors.UsageError, match="different trials: participant"):
        tw.compare({"a": fitted, "b": rates})
    assert "has 120 trials in one, 100" in differences(trials, trials.first(100))
    assert "another order" in differences(trials, trials.select(trials.participants[::-1]))
    assert differences(trials, replace(trials)) == ""
    with pytest.raises(tw.errors.UsageError, match="1 fit: two or more"):
        tw.compare({"a": fitted})
    with pytest.raises(tw.errors.UsageError, match=r"wanted the result of fit\("):
        tw.compare({"a": fitted, "b": FLAT})
    with pytest.raises(tw.errors.UsageError, match="'participant', 'future', 'trial'"):
        tw.compare({"a": fitted, "b": fitted}, method="bic")
    with pytest.raises(tw.errors.UsageError, match="predicts no future"):
        tw.compare({"a": fitted, "b": fitted}, start=4)
    with pytest.raises(tw.errors.UsageError, match="has 120 trials; the shortest sequence"):
        tw.compare({"a": fitted, "b": fitted}, method="future", start=121)
    with pytest.raises(tw.errors.UsageError, match="there would be as many fits as trials"):
        tw.compare({"a": fitted, "b": fitted}, method="trial", refit=True)
    with pytest.raises(tw.errors.UsageError, match="25 or more"):
        tw.compare({"a": fitted, "b": fitted}, draws=3)
    outcome = {"outcome": trials.outcome["outcome"] + 1}
    result = tw.compare({"a": fitted, "b": replace(fitted, trials=replace(trials, outcome=outcome))}, draws=25, **QUIET)
    assert any("different information" in text for text in result.problems)


def test_points_by_aic_and_bic(small, fitted):
    points = {
        "free": tw.point(FLAT, small.trials, starts=4),
        "still": tw.point(FLAT.fix(forget=0), small.trials, starts=4),
    }
    estimate = tw.compare(points)
    likelihood = {name: each.maximum_likelihood["log_likelihood"].sum() for name, each in points.items()}
    for name, k in (("free", 3), ("still", 2)):
        assert estimate.table.loc[name, "aic"] == pytest.approx(2 * 8 * k - 2 * likelihood[name])
        assert estimate.table.loc[name, "bic"] == pytest.approx(8 * k * np.log(120) - 2 * likelihood[name])
        assert estimate.table.loc[name, "parameters"] == 8 * k
    assert estimate.table["bic"].is_monotonic_increasing and estimate.table["difference"].iloc[0] == 0
    assert estimate.frequencies is not None and estimate.plot().axes
    by_aic = tw.compare(points, method="aic")
    assert by_aic.frequencies is None
    np.testing.assert_allclose(by_aic.elpd.sum(), -0.5 * by_aic.table["aic"])
    with pytest.raises(tw.errors.UsageError, match="for points, wanted one of"):
        tw.compare(points, method="trial")
    with pytest.raises(tw.errors.UsageError, match="fits and points together"):
        tw.compare({"a": fitted, "b": points["free"]})


# -- frequencies ---------------------------------------------------------------------------------------------------------


def test_exceedance_probabilities():
    for a, b in ((3.5, 8.0), (1.0, 1.0), (40.0, 2.0), (150.0, 130.0)):
        np.testing.assert_allclose(
            exceedance(np.array([a, b])), [1 - betainc(a, b, 0.5), betainc(a, b, 0.5)], atol=1e-6
        )
    dirichlet = np.array([4.0, 6.5, 5.0, 1.2])
    drawn = np.random.default_rng(1).dirichlet(dirichlet, 400_000).argmax(1)
    np.testing.assert_allclose(exceedance(dirichlet), np.bincount(drawn, minlength=4) / 400_000, atol=4e-3)


def test_frequencies_against_sums_over_all_assignments():
    """Few participants: the exact posterior of two frequencies on a grid, and the exact evidence of equal and of free ones."""
    random = np.random.default_rng(3)
    evidence = random.normal(0, 2, (7, 2)) + np.array([1.5, 0.0]) - 300.0
    r = (np.arange(20_000) + 0.5) / 20_000
    joint = logsumexp(evidence[:, :, None] + np.log([r, 1 - r]), 1).sum(0)
    free = logsumexp(joint) - np.log(len(r))
    equal = (logsumexp(evidence, 1) - np.log(2)).sum()
    posterior = np.exp(joint - logsumexp(joint))
    estimate = frequencies(evidence)
    assert estimate.dirichlet[0] / estimate.dirichlet.sum() == pytest.approx((posterior * r).sum(), abs=0.05)
    bound = np.log(1 / estimate.omnibus_risk - 1) + equal
    assert free - 0.5 < bound <= free  # variational: below what it bounds
    np.testing.assert_allclose(
        estimate.protected, estimate.exceedance * (1 - estimate.omnibus_risk) + estimate.omnibus_risk / 2
    )
    np.testing.assert_allclose(estimate.dirichlet, 1 + estimate.responsibility.sum(0))
    certain = frequencies(np.array([[0.0, -50.0]] * 12))
    np.testing.assert_allclose(certain.dirichlet, [13, 1], atol=1e-6)
    alike = frequencies(np.zeros((9, 3)))
    np.testing.assert_allclose(alike.protected, 1 / 3)
    assert alike.omnibus_risk > 0.8


def test_stacking_of_sequences_whose_likelihood_underflows():
    random = np.random.default_rng(1)
    first = random.normal(-2000, 30, 40)
    weights = stacked({"a": first, "b": first + random.normal(0, 1, 40), "c": first - 60})
    assert weights["c"] < 0.01 and weights.sum() == pytest.approx(1) and weights[["a", "b"]].min() > 0.1


# -- the command line ----------------------------------------------------------------------------------------------------


def test_on_the_command_line(fitted, stimulus, tmp_path):
    flat, other = tmp_path / "flat.nc", tmp_path / "other.nc"
    fitted.save(flat)
    stimulus.save(other)
    result = CliRunner().invoke(
        app, ["compare", f"flat={flat}", str(other), "--draws", "100", "-o", str(tmp_path / "out")]
    )
    assert result.exit_code == 0, result.output
    table = pd.read_csv(tmp_path / "out" / "comparison.csv", index_col="learner")
    expected = tw.compare({"flat": fitted, "StimulusLearning": stimulus}, draws=100, **QUIET)
    np.testing.assert_allclose(table["elpd"], expected.table["elpd"])
    assert list(table.index) == ["flat", "StimulusLearning"]
    people = pd.read_csv(tmp_path / "out" / "participants.csv", index_col="participant")
    assert list(people["winner"]) == list(expected.participants["winner"])
    assert (tmp_path / "out" / "comparison_plot.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "out" / "frequencies.csv").is_file() and "a new participant's choices" in result.output
    twice = CliRunner().invoke(app, ["compare", str(flat), str(flat), "-o", str(tmp_path / "out")])
    assert twice.exit_code == 2 and "name them" in twice.output
    alone = CliRunner().invoke(app, ["compare", str(flat), "-o", str(tmp_path / "out")])
    assert alone.exit_code == 2 and "two or more" in alone.output
