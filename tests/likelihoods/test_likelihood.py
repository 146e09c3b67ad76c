"""Exact and estimated likelihoods: values, gradients, trial values and draws against sums, differences and plain Python."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st

import trialwise as tw
from trialwise.analysis.conformance.specimen import specimen
from trialwise.likelihoods.filter_streams import CommonStreams, FreshStreams, occurrence
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.likelihoods.log_mean import log_mean

FLAT = tw.QLearning(initial=1.2)
SETS = tw.learners.TaskSets(initial=1.2).fix(forget=0.05, alpha_high=0.3, beta_high=2, forget_high=0.05)


@pytest.fixture(scope="module")
def flat():
    trials = specimen(FLAT)
    u = np.random.default_rng(1).normal(-0.5, 0.7, (trials.n_participants, 3))
    return likelihood_of(FLAT, trials), u


@pytest.fixture(scope="module")
def short_trials():
    """Three agents of twelve trials, few enough for sums over all hidden choices."""
    return tw.simulate(
        SETS, tw.environments.AlienTask(trials=12), {"alpha": 0.4, "beta": 2.0}, participants=3, seed=1
    ).trials


def named(learner, theta):
    return dict(zip(learner.names, theta.T, strict=True))


# -- exact -----------------------------------------------------------------------------------------------------------


def test_gradients_and_curvatures_are_those_of_values(flat):
    likelihood, u = flat
    value, gradient = likelihood.gradient(u)
    np.testing.assert_allclose(
        value, tw.log_likelihood(FLAT, likelihood.trials, named(FLAT, likelihood.natural(u)), plain=True)
    )
    curvature = likelihood.curvature(u)
    for k in range(3):
        step = 1e-5 * np.eye(3)[k]
        above, below = (likelihood.value(u + sign * step) for sign in (1, -1))
        np.testing.assert_allclose(gradient[:, k], (above[0] - below[0]) / 2e-5, rtol=1e-5, atol=1e-5)
        slopes = (likelihood.gradient(u - step)[1] - likelihood.gradient(u + step)[1]) / 2e-5
        np.testing.assert_allclose(curvature[:, k], slopes, rtol=1e-3, atol=1e-3)
    assert (above.standard_error == 0).all()
    assert likelihood.rows == likelihood.trials.participants and likelihood.has_gradient


def test_points_of_rows_in_any_order(flat):
    """Rows may have different numbers of points, or none."""
    likelihood, _ = flat
    rows = np.array([2, 0, 0, 2, 0, 1, 2, 0])
    points = np.random.default_rng(2).normal(-0.5, 0.7, (len(rows), 3))
    values = likelihood.value(points, rows).log_likelihood
    for n, point, value in zip(rows, points, values, strict=True):
        single = likelihood.trials.select([likelihood.trials.participants[n]])
        parameters = named(FLAT, likelihood.natural(point[None]))
        assert value == pytest.approx(tw.log_likelihood(FLAT, single, parameters, plain=True)[0], rel=1e-10)


def test_the_pooled_likelihood_is_the_sum_over_participants(flat):
    likelihood, u = flat
    pooled = likelihood_of(FLAT, likelihood.trials, pooled=True)
    assert len(pooled.rows) == 1 and (pooled.packed.rows == 0).all()
    value, gradient = pooled.gradient(u[:1])
    each, slopes = likelihood.gradient(np.tile(u[:1], (len(likelihood.rows), 1)))
    np.testing.assert_allclose(value, [each.sum()])
    np.testing.assert_allclose(gradient, [slopes.sum(0)])
    np.testing.assert_allclose(pooled.value(u[:2], np.zeros(2, int)).log_likelihood[0], each.sum())
    assert pooled.calls == 3


def test_trial_values_sum_to_likelihoods_of_participants(flat):
    likelihood, u = flat
    theta = likelihood.natural(u)
    value, error = likelihood.trial_values(theta)
    sums = np.add.reduceat(np.nan_to_num(value), likelihood.trials.offsets[:-1])
    np.testing.assert_allclose(sums, likelihood.value_at(theta).log_likelihood)
    assert np.isnan(value).sum() == (~likelihood.trials.own).sum() and (error == 0).all()


def test_choices_are_drawn_by_their_probabilities(flat):
    likelihood, u = flat
    theta = likelihood.natural(u)
    p = likelihood.predictions(theta)[:, 1 : 1 + likelihood.packed.actions]
    for uniform in (0.0, 0.3, 0.8, 1 - 1e-12):
        drawn = likelihood.draw(theta, np.full((len(p), 1), uniform))
        trials = likelihood.trials
        for share, (action,), own, recorded in zip(p, drawn, trials.own, trials.choice, strict=True):
            assert action == (int((np.cumsum(share) <= uniform * share.sum()).sum()) if own else recorded)


def test_responses_are_drawn_about_their_means():
    learner = tw.learners.RescorlaWagner()
    trials = specimen(learner)
    name, response = next(iter(trials.response.items()))
    trials = replace(trials, response={name: np.where(np.arange(len(response)) == 4, np.nan, response)})
    likelihood = likelihood_of(learner, trials)
    theta = likelihood.natural(np.zeros((trials.n_participants, len(learner.names))))
    table = tw.trial_values(learner, trials, named(learner, theta))
    drawn = likelihood.draw(theta, np.full((trials.n_trials, 1), 2.0))[:, 0]
    expected = (table["predicted"] + 2.0 * table["sd"]).to_numpy()
    assert np.isnan(drawn).nonzero()[0].tolist() == np.isnan(trials.response[name]).nonzero()[0].tolist()
    np.testing.assert_allclose(drawn[trials.own], expected[trials.own])
    forced = trials.responded & ~trials.own
    np.testing.assert_array_equal(drawn[forced], trials.response[name][forced])


# -- estimated -------------------------------------------------------------------------------------------------------


def test_estimates_approximate_the_sum_over_all_sequences(short_trials):
    likelihood = likelihood_of(SETS, short_trials, particles=200, filters=20)
    u = np.random.default_rng(3).normal(0.0, 0.5, (3, 2))
    value, error = likelihood.value(u)
    exact = tw.log_likelihood(SETS, short_trials, named(SETS, likelihood.natural(u)), method="exact")
    assert (np.abs(value - exact) < 4.5 * error + 1e-6).all() and (error > 0).all() and (error < 0.1).all()
    assert not likelihood.has_gradient and likelihood.calls == 60
    each, error = likelihood.trial_values(likelihood.natural(u))
    sums = np.add.reduceat(np.nan_to_num(each), short_trials.offsets[:-1])
    assert (np.abs(sums - exact) < 0.3).all() and (error[np.isfinite(each)] >= 0).all()
    with pytest.raises(tw.errors.LearnerError, match="it has no gradient"):
        likelihood.curvature(u)


def test_random_numbers_are_common_or_fresh(short_trials):
    u, rows = np.zeros((4, 2)), np.array([1, 0, 1, 2])

    def values(streams):
        return likelihood_of(SETS, short_trials, particles=10, filters=1, streams=streams).value(u, rows).log_likelihood

    common = CommonStreams(short_trials, 5, "particles")
    np.testing.assert_array_equal(values(common), values(common))
    assert values(common)[0] != values(common)[2]  # two filters of one participant
    fresh = FreshStreams(short_trials, 5, "particles")
    first, second = values(fresh), values(fresh)
    np.testing.assert_array_equal(first, values(common))
    assert (first != second).all()


def test_the_pooled_estimate_is_the_sum_over_participants(short_trials):
    pooled = likelihood_of(SETS, short_trials, particles=10, filters=1, pooled=True).value(
        np.zeros((2, 2)), np.zeros(2, int)
    )
    separate = likelihood_of(SETS, short_trials, particles=10, filters=1).value(
        np.zeros((6, 2)), np.tile(np.arange(3), 2)
    )
    np.testing.assert_allclose(pooled.log_likelihood, separate.log_likelihood.reshape(2, 3).sum(1))
    assert np.isnan(pooled.standard_error).all()


def test_numbers_of_particles_can_differ_between_calls(short_trials):
    of_10, of_50 = (likelihood_of(SETS, short_trials, particles=count, filters=1) for count in (10, 50))
    u = np.zeros((3, 2))
    np.testing.assert_array_equal(of_10.value(u, particles=50).log_likelihood, of_50.value(u).log_likelihood)
    assert (of_10.value(u).log_likelihood != of_50.value(u).log_likelihood).all()


@given(st.lists(st.integers(0, 4), max_size=30))
def test_occurrences(values):
    expected = [values[:k].count(value) for k, value in enumerate(values)]
    assert occurrence(np.array(values, int)).tolist() == expected


def test_means_of_likelihoods():
    each = np.log([[0.2, 0.4, 0.6], [1e-300, 2e-300, 3e-300]]) - 500.0
    value, error, share = log_mean(each)
    np.testing.assert_allclose(value, np.log([0.4, 2e-300]) - 500.0)
    np.testing.assert_allclose(error, [0.5 / np.sqrt(3)] * 2)
    np.testing.assert_allclose(share, [[1 / 6, 1 / 3, 1 / 2]] * 2)
    assert np.isnan(log_mean(each[:, :1])[1]).all()


def test_no_two_threads_compile_a_kernel(monkeypatch):
    """Compilation registers functions, which threads must not do at the same time: the first participant is traced before the others."""
    import threading

    from trialwise.likelihoods import estimated

    traced, original = {}, estimated.hidden_values

    def noted(learner, trials, packed, n, free, seed):
        traced[n] = (threading.current_thread() is threading.main_thread(), len(traced))
        return original(learner, trials, packed, n, free, seed)

    monkeypatch.setattr(estimated, "hidden_values", noted)
    trials = tw.load_data("alien_task_sets").trials.select([0, 1, 2]).first(12)
    values = {"alpha": 0.3, "beta": 2.0, "forget": 0.1, "alpha_high": 0.3, "beta_high": 2.0, "forget_high": 0.1}
    tw.trial_values(tw.learners.TaskSets(initial=1.2), trials, values)
    assert traced[0] == (True, 0)
    assert not traced[1][0] and not traced[2][0]
