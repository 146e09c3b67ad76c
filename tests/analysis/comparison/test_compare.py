"""Comparisons: integrals against quadrature, held-out participants against refits, frequencies against exact sums."""

import re
import shlex
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
from trialwise.cli.output.words import in_options
from trialwise.likelihoods.log_mean import log_mean

pytestmark = pytest.mark.sample

FLAT = tw.QLearning(initial=1.2)
ONE_PARAMETER = FLAT.fix(beta=1.5, forget=0.02)
TWO_PARAMETERS = FLAT.fix(forget=0.02)
QUIET = {"progress": False}


@pytest.fixture(scope="module")
def five_agents():
    """Five agents of 60 trials that differ only in their learning rates."""
    return tw.simulate(
        ONE_PARAMETER, tw.environments.AlienTask(trials=60), {"alpha": (0.1, 0.6)}, participants=5, seed=2
    ).trials


@pytest.fixture(scope="module")
def rate_fit(five_agents):
    """A fit to ``five_agents``."""
    return tw.fit(ONE_PARAMETER, five_agents, draws=500, tune=200, chains=2, seed=3, **QUIET)


@pytest.fixture(scope="module")
def stimulus(small):
    """The agents of ``small`` fitted by a learner that ignores the context."""
    return tw.fit(
        tw.learners.StimulusLearning(initial=1.2), small.trials, draws=300, tune=150, chains=2, seed=13, **QUIET
    )


def rate_table(trials, u, learner=ONE_PARAMETER, **options):
    """Log-likelihoods on a grid of unconstrained learning rates, ``(grid, participants)``."""
    return np.stack([tw.log_likelihood(learner, trials, {"alpha": 1 / (1 + np.exp(-x))}, **options) for x in u])


def by_quadrature(table, u, mu, sd):
    """``log p(y_n | g)``, ``(draws, participants)``."""
    weight = norm.logpdf(u[:, None], mu, sd) + np.log(np.gradient(u))[:, None]
    return logsumexp(weight.T[:, :, None] + table, 1)


def group_of(fit):
    return (fit.tree["posterior"][f"alpha_{part}"].to_numpy().ravel() for part in ("mu", "sd"))


GRID = np.linspace(-9, 6, 3001)


@pytest.fixture(scope="module")
def table(five_agents):
    return rate_table(five_agents, GRID)


# -- integrals -----------------------------------------------------------------------------------------------------------


def test_integrals_over_one_parameter_by_quadrature(five_agents, table):
    mu, sd = np.array([-0.7, -2.0, 0.5, -0.7]), np.array([0.5, 0.05, 1.5, 2.5])
    individual = np.random.default_rng(1).normal(-0.7, 0.5, (300, 5, 1))
    groups = Groups(mu[:, None], sd[:, None], individual)
    weight = log_weights(ONE_PARAMETER, five_agents, groups, 400, 0, seed=1)
    estimate, error, share = log_mean(np.moveaxis(weight, 1, -1))
    exact = by_quadrature(table, GRID, mu, sd)
    assert (abs(estimate - exact) < 4.5 * error + 1e-3).all() and error.max() < 0.08
    effective = 1 / (share**2).sum(-1)  # of 400 points
    assert effective.min() > 100 and np.median(effective) > 300
    # a spread near 0, with separate points
    narrow = Groups(np.array([[-0.7]]), np.array([[1e-6]]), individual)
    estimate, error, _ = log_mean(np.moveaxis(log_weights(ONE_PARAMETER, five_agents, narrow, 50, 0, seed=1), 1, -1))
    np.testing.assert_allclose(estimate[0], rate_table(five_agents, [-0.7])[0], atol=0.1)


def test_integrals_over_two_parameters_by_quadrature(five_agents):
    trials = five_agents.select(five_agents.participants[:2])
    a, b = np.linspace(-7, 5, 61), np.linspace(-2.5, 3.5, 61)
    mu, sd = np.array([[-0.5, 0.4], [-1.5, 0.9]]), np.array([[0.8, 0.5], [0.3, 0.02]])
    values = np.stack([
        tw.log_likelihood(TWO_PARAMETERS, trials, {"alpha": 1 / (1 + np.exp(-x)), "beta": np.exp(y)}) for x in a for y in b
    ])  # fmt: skip
    weight = norm.logpdf(a, -0.5, 0.8)[:, None] + norm.logpdf(b, 0.4, 0.5)
    exact = logsumexp(weight.reshape(-1, 1) + values, 0) + np.log((a[1] - a[0]) * (b[1] - b[0]))
    groups = Groups(mu, sd, np.random.default_rng(1).normal(mu[0], sd[0], (300, 2, 2)))
    estimate, error, _ = log_mean(np.moveaxis(log_weights(TWO_PARAMETERS, trials, groups, 600, 0, seed=1), 1, -1))
    assert (abs(estimate[0] - exact) < 4.5 * error[0] + 1e-3).all() and error.max() < 0.05


def test_integrals_over_estimates_of_a_hidden_choice():
    sets = tw.learners.TaskSets(initial=1.2).fix(beta=2, forget=0.05, alpha_high=0.3, beta_high=2, forget_high=0.05)
    trials = tw.simulate(sets, tw.environments.AlienTask(trials=9), {"alpha": 0.4}, participants=2, seed=1).trials
    grid = np.linspace(-8, 6, 141)
    exact = by_quadrature(rate_table(trials, grid, sets, method="exact"), grid, np.array([-0.5]), np.array([1.0]))
    groups = Groups(np.array([[-0.5]]), np.array([[1.0]]), np.random.default_rng(1).normal(-0.5, 1, (300, 2, 1)))
    estimate, error, _ = log_mean(np.moveaxis(log_weights(sets, trials, groups, 1500, 10, seed=1), 1, -1))
    assert (abs(estimate - exact) < 4.5 * error + 1e-3).all() and error.max() < 0.03


def test_integrated_likelihood_averages_over_the_group(rate_fit, table):
    estimate = integrated_likelihood(rate_fit, draws=4000)
    mu, sd = group_of(rate_fit)
    exact = logsumexp(by_quadrature(table, GRID, mu, sd), 0) - np.log(len(mu))
    error = np.hypot(estimate["standard_error"], 0.02)  # 200 of the 1000 groups are used
    assert (abs(estimate["log_likelihood"] - exact) < 4.5 * error).all() and (estimate["standard_error"] < 0.05).all()
    assert (estimate["effective"] > 400).all()
    comparison = tw.compare({"rates": rate_fit, "again": rate_fit}, "integrated", draws=4000, **QUIET)
    np.testing.assert_array_equal(comparison.elpd["rates"], estimate["log_likelihood"])
    assert comparison.table["difference"].eq(0).all() and comparison.table["p"].isna().all()


# -- predictions ---------------------------------------------------------------------------------------------------------


def test_held_out_participants_against_refits(five_agents, table, monkeypatch):
    """Chains are long, since the draws of a group with its most influential participant have few of the group without."""
    exact, settings = [], {"draws": 2000, "tune": 200, "chains": 2, "seed": 3, **QUIET}
    fit = tw.fit(ONE_PARAMETER, five_agents, **settings)
    for n, label in enumerate(five_agents.participants):
        others = five_agents.select([other for other in five_agents.participants if other != label])
        refit = tw.fit(ONE_PARAMETER, others, **settings)
        exact.append(logsumexp(by_quadrature(table[:, n : n + 1], GRID, *group_of(refit))) - np.log(4000))
    fits = {"rate": fit, "again": fit}
    comparison = tw.compare(fits, draws=4000, **QUIET)
    # importance sampling from 4000 draws, compared with 4000 draws of each refit
    assert (abs(comparison.elpd["rate"] - exact) < 0.25).all() and abs(
        comparison.elpd["rate"].sum() - np.sum(exact)
    ) < 0.4
    assert comparison.table.loc["rate", "p"] > 0
    monkeypatch.setattr(crossvalidation, "good_khat", lambda draws: -10.0)
    bad = tw.compare(fits, draws=100, **QUIET)
    assert (bad.table["bad_k"] == 5).all() and any("refit=True" in problem for problem in bad.problems)
    refitted = tw.compare(fits, refit=True, **QUIET)
    # the same refits with different integration points
    np.testing.assert_allclose(refitted.elpd["rate"], exact, atol=0.08)
    assert (refitted.table["bad_k"] == 0).all()


def test_elpd_of_later_trials(rate_fit, five_agents, table):
    mu, sd = group_of(rate_fit)
    all_trials = by_quadrature(table, GRID, mu, sd)
    beginning = by_quadrature(rate_table(five_agents.first(40), GRID), GRID, mu, sd)
    weight = -all_trials - logsumexp(-all_trials, 0)  # of group draws without each participant
    exact = logsumexp(weight + all_trials, 0) - logsumexp(weight + beginning, 0)
    comparison = tw.compare({"a": rate_fit, "b": rate_fit}, method="future", start=41, **QUIET)
    np.testing.assert_allclose(comparison.elpd["a"], exact, atol=0.1)
    half = tw.compare({"a": rate_fit, "b": rate_fit}, method="future", **QUIET)
    assert (half.elpd["a"] < comparison.elpd["a"]).all()  # 30 later trials instead of 20


def test_single_trials_against_arviz(fitted, small):
    sample = fitted.tree["posterior"]
    count = sample.sizes["chain"] * sample.sizes["draw"]
    values = [sample[name].to_numpy().reshape(count, -1) for name in FLAT.names]
    each = [
        tw.trial_values(FLAT, small.trials, dict(zip(FLAT.names, v, strict=True)))["log_likelihood"].to_numpy()
        for v in zip(*values, strict=True)
    ]
    data = np.stack(each).reshape(2, 300, -1)
    # first trials, with equal probabilities in all draws, for which ArviZ has no weights
    is_constant = np.ptp(data, (0, 1)) < 1e-9
    constant_sum, data = data[0, 0, is_constant].sum(), data[:, :, ~is_constant]
    tree = xr.DataTree.from_dict({
        "posterior": sample.to_dataset(),
        "log_likelihood": xr.Dataset({"choices": (("chain", "draw", "trial"), data)}),
    })  # fmt: skip
    share = crossvalidation.efficiency(fitted.draws)
    expected = arviz_stats.loo(tree, pointwise=True, reff=share)
    comparison = tw.compare({"a": fitted, "b": fitted}, method="trial", **QUIET)
    assert comparison.table.loc["a", "elpd"] == pytest.approx(expected.elpd + constant_sum)
    assert comparison.table.loc["a", "p"] == pytest.approx(expected.p)
    assert comparison.table.loc["a", "worst_k"] == pytest.approx(float(expected.pareto_k.max()))
    assert comparison.frequencies is None and "Comparison by trial" in repr(comparison)


@pytest.mark.parametrize("pooling", ["none", "complete"])
def test_without_a_group(five_agents, table, pooling):
    fit = tw.fit(ONE_PARAMETER, five_agents, draws=400, tune=200, chains=2, seed=4, pooling=pooling, **QUIET)
    comparison = tw.compare({"a": fit, "b": fit}, **QUIET)
    if pooling == "none":  # participants are drawn from the prior
        parameter = ONE_PARAMETER.parameters[0]
        sd = np.array([np.hypot(parameter.width, parameter.spread)])
        exact = by_quadrature(table, GRID, np.array([parameter.mean]), sd)[0]
        np.testing.assert_allclose(comparison.elpd["a"], exact, atol=0.03)
    else:
        alpha = fit.tree["posterior"]["alpha"].to_numpy().ravel()
        each = np.stack([tw.log_likelihood(ONE_PARAMETER, five_agents, {"alpha": value}) for value in alpha])
        np.testing.assert_allclose(comparison.elpd["a"], np.log(len(alpha)) - logsumexp(-each, 0), atol=0.1)


# -- comparisons ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["participant", "future", "trial"])
def test_the_true_learner_ranks_first_and_an_identical_fit_equal(fitted, stimulus, method):
    comparison = tw.compare({"stimulus": stimulus, "flat": fitted, "twin": fitted}, method=method, draws=300, **QUIET)
    assert list(comparison.table.index) == ["flat", "twin", "stimulus"] and comparison.best == "flat"
    assert comparison.table.loc["twin", "difference"] == 0
    assert comparison.findings[0].code == "not-decided"
    withheld = [
        reason for reason in ("not reliable (", "cannot be separated from twin") if reason in comparison.problems[0]
    ]
    assert withheld, comparison.problems[0]
    row = comparison.table.loc["stimulus"]
    assert row["difference"] < -2 * row["se_difference"] < 0
    gap = comparison.elpd["stimulus"] - comparison.elpd["flat"]
    error = np.sqrt(8 * gap.var(ddof=1) + (comparison.table["error"][["flat", "stimulus"]] ** 2).sum())
    assert row["se_difference"] == pytest.approx(error)
    assert comparison.table["weight"].sum() == pytest.approx(1) and row["weight"] < 0.2
    assert (comparison.participants["winner"] != "stimulus").sum() >= 6
    np.testing.assert_allclose(comparison.participants["stimulus"], np.minimum(gap, 0), atol=1e-9)
    pairwise = tw.compare({"flat": fitted, "stimulus": stimulus}, method=method, draws=300, **QUIET)
    np.testing.assert_allclose(pairwise.elpd, comparison.elpd[["flat", "stimulus"]])
    if method == "participant":
        assert pairwise.frequencies.loc["flat", "protected"] > 0.9 and pairwise.omnibus_risk < 0.1


def test_a_restricted_learner_against_the_free_learner(small, fitted):
    fixed = tw.fit(FLAT.fix(forget=0.8), small.trials, draws=300, tune=150, chains=2, seed=11, **QUIET)
    comparison = tw.compare({"free": fitted, "fixed": fixed}, draws=300, **QUIET)
    assert (
        comparison.best == "free"
        and comparison.table.loc["fixed", "difference"] < -2 * comparison.table.loc["fixed", "se_difference"]
    )
    assert "free" in repr(comparison) and len(comparison.plot().axes) == 3


def test_learners_with_hidden_choices_are_compared():
    learner = tw.learners.TaskSets(initial=1.2).tie(alpha_high="alpha", beta_high="beta", forget_high="forget")
    ranges = {"alpha": (0.1, 0.5), "beta": (0.8, 2.5), "forget": (0.0, 0.1)}
    trials = tw.simulate(learner, tw.environments.AlienTask(trials=40), ranges, participants=3, seed=6).trials
    sets = tw.fit(learner, trials, draws=60, chains=2, seed=1, **QUIET)
    flat = tw.fit(FLAT, trials, draws=100, tune=100, chains=2, seed=1, **QUIET)
    for method in ("participant", "future", "trial"):
        pair = [
            tw.compare({"sets": sets, "flat": flat}, method=method, draws=60, seed=seed, **QUIET) for seed in (1, 2)
        ]
        difference = pair[0].table.loc["sets", "elpd"] - pair[1].table.loc["sets", "elpd"]
        error = pair[0].table.loc["sets", "error"]
        assert 0 < abs(difference) < 5 * np.sqrt(2) * error and error < 1.5
        assert pair[0].table.loc["sets", "draws"] == 60


@pytest.fixture(scope="module")
def some_ages():
    """Trials of six participants, of whom two have no age."""
    trials = tw.load_data("alien_flat").trials.select(range(6)).first(40)
    return trials, {"participant": trials.participants, "age": [20, None, 31, 38, None, 52]}


QUICK = {"draws": 40, "tune": 80, "chains": 2, "progress": False}


def typed(message, trials):
    """The trials that the printed call gives."""
    (call,) = re.findall(r"tw\.exclude\(trials, \{.*?\}\)|trials\.select\(\[.*?\]\)", str(message))
    return eval(call, {"tw": tw, "trials": trials})


@pytest.mark.sample
def test_participants_who_were_dropped_are_named_and_the_printed_call_compares(some_ages, tmp_path):
    trials, ages = some_ages
    learner = tw.QLearning(initial=1.2)
    aged = tw.fit(learner, trials, formulas="alpha ~ age", participants=ages, missing_covariates="drop", **QUICK)
    plain = tw.fit(learner, trials, **QUICK)
    for fits, place in (({"plain": plain, "age": aged}, "first"), ({"age": aged, "plain": plain}, "second")):
        with pytest.raises(tw.errors.UsageError, match=f"participants 1, 4 are in the {place} only") as caught:
            tw.compare(fits)
        assert "fit 'plain' again without these participants" in str(caught.value)
        again = tw.fit(learner, typed(caught.value, trials), **QUICK)
        assert len(tw.compare(fits | {"plain": again}, draws=40, progress=False).table) == 2
    (rules,) = caught.value.message.inputs
    read = tw.read_long(trials.to_frame(), exclude=rules.value)
    assert list(map(str, read.participants)) == ["0", "2", "3", "5"]
    trials.to_frame().to_csv(tmp_path / "trials.csv", index=False)
    (option,) = re.findall(r"--exclude '.*?'", in_options(caught.value.message))
    result = CliRunner().invoke(app, ["inspect", str(tmp_path / "trials.csv"), *shlex.split(option)])
    assert result.exit_code == 0 and "not in the other fit" in result.output


def test_points_of_different_participants_and_orders_are_refused_with_the_call(some_ages):
    trials, _ = some_ages
    flat, stimulus = tw.QLearning(initial=1.2), tw.learners.StimulusLearning(initial=1.2)
    one = tw.point(flat, trials.select([0, 1, 2]))
    for labels, words in (
        ([0, 1, 3], "2 is in the first only.* 3 is in the second only"),
        ([2, 1, 0], "in another order"),
    ):
        other = tw.point(stimulus, trials.select(labels))
        with pytest.raises(tw.errors.UsageError, match=words) as caught:
            tw.compare({"a": one, "b": other})
        calls = re.split("; ", str(caught.value))
        again = {"a": one, "b": other}
        for text in calls:
            (name,) = re.findall(r"fit '(\w)' again", text)
            learner, own = {"a": (flat, [0, 1, 2]), "b": (stimulus, labels)}[name]
            again[name] = tw.point(learner, typed(text, trials.select(own)))
        assert len(tw.compare(again).table) == 2
    with pytest.raises(tw.errors.UsageError, match="fit them to the same trials"):
        tw.compare({"a": one, "b": tw.point(stimulus, trials.select([3, 4, 5]))})


def test_invalid_comparisons(fitted, small, rate_fit):
    trials = small.trials
    choice = trials.choice.copy()
    choice[5] = (choice[5] + 1) % 3
    other = replace(fitted, trials=replace(trials, choice=choice))
    with pytest.raises(
        tw.errors.UsageError, match="different trials: 1 responses differ, the first on trial 6 of participant"
    ):
        tw.compare({"a": fitted, "b": other})
    with pytest.raises(tw.errors.UsageError, match="different trials: participant"):
        tw.compare({"a": fitted, "b": rate_fit})
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
        "without forgetting": tw.point(FLAT.fix(forget=0), small.trials, starts=4),
    }
    comparison = tw.compare(points)
    likelihood = {name: each.maximum_likelihood["log_likelihood"].sum() for name, each in points.items()}
    for name, k in (("free", 3), ("without forgetting", 2)):
        assert comparison.table.loc[name, "aic"] == pytest.approx(2 * 8 * k - 2 * likelihood[name])
        assert comparison.table.loc[name, "bic"] == pytest.approx(8 * k * np.log(120) - 2 * likelihood[name])
        assert comparison.table.loc[name, "parameters"] == 8 * k
    assert comparison.table["bic"].is_monotonic_increasing and comparison.table["difference"].iloc[0] == 0
    assert comparison.frequencies is not None and comparison.plot().axes
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
    winners = np.random.default_rng(1).dirichlet(dirichlet, 400_000).argmax(1)
    np.testing.assert_allclose(exceedance(dirichlet), np.bincount(winners, minlength=4) / 400_000, atol=4e-3)


def test_frequencies_against_sums_over_all_assignments():
    """The exact posterior of two frequencies on a grid for few participants, and the exact evidence of equal and of free frequencies."""
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
    assert free - 0.5 < bound <= free  # a variational lower bound
    np.testing.assert_allclose(
        estimate.protected, estimate.exceedance * (1 - estimate.omnibus_risk) + estimate.omnibus_risk / 2
    )
    np.testing.assert_allclose(estimate.dirichlet, 1 + estimate.responsibility.sum(0))
    certain = frequencies(np.array([[0.0, -50.0]] * 12))
    np.testing.assert_allclose(certain.dirichlet, [13, 1], atol=1e-6)
    equal_evidence = frequencies(np.zeros((9, 3)))
    np.testing.assert_allclose(equal_evidence.protected, 1 / 3)
    assert equal_evidence.omnibus_risk > 0.8


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
    participants = pd.read_csv(tmp_path / "out" / "participants.csv", index_col="participant")
    assert list(participants["winner"]) == list(expected.participants["winner"])
    assert (tmp_path / "out" / "comparison_plot.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "out" / "frequencies.csv").is_file() and "a new participant's choices" in result.output
    unnamed = CliRunner().invoke(app, ["compare", str(flat), str(flat), "-o", str(tmp_path / "out")])
    assert unnamed.exit_code == 2 and "name them" in unnamed.output
    single = CliRunner().invoke(app, ["compare", str(flat), "-o", str(tmp_path / "out")])
    assert single.exit_code == 2 and "two or more" in single.output
