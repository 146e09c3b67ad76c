"""The population of participants: names, means, draws, and the group's parameters given its participants."""

import numpy as np
import pymc as pm
import pytest

import trialwise as tw
from trialwise.population.names import parameter_of
from trialwise.population.population import population_of

LEARNER = tw.QLearning(initial=1.2)
MANY = 20_000


def test_names_of_the_groups_variables(small):
    group = population_of(LEARNER, small.trials)
    assert group.names == ("alpha", "beta", "forget") and group.grouped and not group.shared
    assert group.group_names == ["alpha_mu", "alpha_sd", "beta_mu", "beta_sd", "forget_mu", "forget_sd"]
    assert group.median_names == ["alpha_group", "beta_group", "forget_group"]
    for pooling in ("none", "complete"):
        without_group = population_of(LEARNER, small.trials, pooling=pooling)
        assert (
            without_group.group_names == list(LEARNER.names)
            and not without_group.median_names
            and not without_group.grouped
        )
        assert without_group.shared == (pooling == "complete")
    assert [parameter_of(name) for name in ("alpha_mu", "alpha_sd", "alpha")] == ["alpha"] * 3
    with pytest.raises(tw.errors.UsageError, match="gamma_mu"):
        population_of(LEARNER, small.trials, {"gamma_mu": pm.Normal.dist()})
    with pytest.raises(tw.errors.UsageError, match="pooling='some'"):
        population_of(LEARNER, small.trials, pooling="some")


def test_parameters_replace_a_learner_and_a_spread_replaces_trials(small):
    spread = float(np.std(small.trials.outcome["outcome"]))
    first, second = population_of(LEARNER, small.trials), population_of(LEARNER.parameters, spread)
    for name in ("mean", "width", "spread"):
        np.testing.assert_array_equal(getattr(first.prior, name), getattr(second.prior, name))
    beta = LEARNER.parameters[1]
    assert first.prior.mean[1] == pytest.approx(beta.mean - np.log(spread))


def test_means_and_covariances_of_participants():
    population = population_of(LEARNER, 1.0)
    mu, sd = np.arange(6.0).reshape(2, 3), np.array([[1.0, 2.0, 3.0], [0.5, 0.0, 1.0]])
    centre = population.centre(mu, 4)
    assert centre.shape == (2, 4, 3)
    np.testing.assert_array_equal(centre, mu[:, None] * np.ones((1, 4, 1)))
    assert population.by_name(mu[0], sd[0]) == {
        "alpha_mu": 0.0, "alpha_sd": 1.0, "beta_mu": 1.0, "beta_sd": 2.0, "forget_mu": 2.0, "forget_sd": 3.0,
    }  # fmt: skip
    u = np.array([[0.0, 1.0, -2.0]])
    natural = population.natural(u)
    assert natural["alpha"][0] == 0.5 and natural["beta"][0] == np.exp(1.0)


def test_new_groups_and_participants():
    user_priors = {"alpha_mu": pm.Normal.dist(-1.0, 0.2), "beta_sd": pm.Uniform.dist(2.0, 3.0)}
    population = population_of(LEARNER, 1.0, user_priors)
    assert population.prior.mean[0] == -1.0 and set(population.unusual) == {"beta_sd"}
    mu, sd, _, u = population.draw(MANY, np.random.default_rng(1))
    assert mu.shape == sd.shape == (3,) and u.shape == (MANY, 3) and 2 < sd[1] < 3
    np.testing.assert_allclose(u.mean(0), mu, atol=5 * sd.max() / np.sqrt(MANY))
    np.testing.assert_allclose(u.std(0), sd, rtol=0.03)
    default = population_of(LEARNER, 1.0)
    groups = [default.draw(1, np.random.default_rng(seed)) for seed in range(2000)]
    prior = default.prior
    np.testing.assert_allclose(
        np.mean([g.coefficients for g in groups], 0), prior.mean, atol=4 * prior.width.max() / np.sqrt(2000)
    )
    np.testing.assert_allclose(np.mean([g.spreads**2 for g in groups], 0), prior.spread**2, rtol=0.15)


def test_priors_as_distributions_of_pymc():
    user_priors = {"alpha_mu": pm.Normal.dist(-1.0, 0.2), "beta_sd": pm.Uniform.dist(2.0, 3.0)}
    distributions = population_of(LEARNER, 1.0, user_priors).distributions()
    assert set(distributions) == set(population_of(LEARNER, 1.0).group_names)
    restored = population_of(LEARNER, 1.0, distributions)
    assert restored.prior.mean[0] == -1.0 and restored.prior.width[0] == 0.2 and set(restored.unusual) == {"beta_sd"}


def test_user_priors_as_normals(small):
    """Approximations of Normal priors are exact; heavy-tailed priors are approximated by their quantiles."""
    default = population_of(LEARNER, small.trials)
    assert all(
        np.array_equal(getattr(default.as_normal(), name), getattr(default.prior, name))
        for name in ("mean", "width", "spread")
    )
    user_priors = {
        "alpha_mu": pm.StudentT.dist(30, mu=0.7, sigma=0.2), "beta_mu": pm.Cauchy.dist(-1, 0.3), "beta_sd": pm.HalfStudentT.dist(30, sigma=0.5),
        "forget_mu": pm.Flat.dist(),
    }  # fmt: skip
    normal = population_of(LEARNER, small.trials, user_priors).as_normal()
    np.testing.assert_allclose(normal.mean, [0.7, -1.0, default.prior.mean[2]], atol=0.05)
    cauchy = 0.3 * np.tan(np.pi * (0.841 - 0.5))  # half the distance between the quantiles of 16 and 84 %
    np.testing.assert_allclose(normal.width, [0.2, cauchy, default.prior.width[2]], rtol=0.15)
    np.testing.assert_allclose(normal.spread, [default.prior.spread[0], 0.5, default.prior.spread[2]], rtol=0.15)


def test_user_priors_without_a_group_as_normals(small):
    user_priors = {
        "alpha": pm.LogitNormal.dist(-1.2, 0.4),
        "beta": pm.LogNormal.dist(0.9, 0.3),
        "forget": pm.Normal.dist(5, 0.1),
    }
    default = population_of(LEARNER, small.trials, pooling="none").prior
    normal = population_of(LEARNER, small.trials, user_priors, "none").as_normal()
    np.testing.assert_allclose(normal.mean, [-1.2, 0.9, default.mean[2]], atol=0.05)
    np.testing.assert_allclose(
        normal.total, [0.4, 0.3, default.total[2]], rtol=0.15
    )  # forget: no probability within the range
