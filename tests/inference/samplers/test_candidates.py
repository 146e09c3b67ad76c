"""Candidates for participants' parameters."""

from dataclasses import replace

import numpy as np
import pytest

import trialwise as tw
from trialwise.engine.packing import pack
from trialwise.inference.samplers.particle_gibbs.candidates import FAR, Candidacy, candidates, reach_of, with_chosen
from trialwise.likelihoods.complete import CompleteLikelihood
from trialwise.population.density import posterior
from trialwise.population.geometry.expansion import expand
from trialwise.population.population import population_of

pytestmark = pytest.mark.compile

LEARNER = tw.learners.TaskSets(initial=1.2, sets=2)


@pytest.fixture(scope="module")
def trials():
    ranges = dict.fromkeys(LEARNER.names, (0.2, 0.8))
    return tw.simulate(LEARNER, tw.environments.AlienTask(trials=12), ranges, participants=3, seed=1).trials


def posterior_of(trials, pooling):
    population = population_of(LEARNER, trials, {}, pooling)
    courses = np.random.default_rng(0).integers(0, 2, len(trials.choice))
    likelihood = CompleteLikelihood(LEARNER, trials, courses, population.shared)
    return posterior(LEARNER, likelihood.packed, population, expand(likelihood, population)), likelihood.packed


@pytest.mark.parametrize("pooling", ["partial", "none"])
def test_candidates_are_points_of_the_posterior(trials, pooling):
    """Their natural values are those of whole points, and their chances the densities of participants given the group."""
    density, _ = posterior_of(trials, pooling)
    random = np.random.default_rng(1)
    x = density.start(random)
    given, w = candidates(density, x, np.eye(6), 5, np.ones(3, bool), random)
    spread = np.abs(density.point(x).spreads)
    for i in range(5):
        whole = np.concatenate([x[: density.group_size], w[i].ravel()])
        np.testing.assert_allclose(given.free[i], density.natural_at(whole), rtol=1e-12)
        log_prior = -0.5 * ((density.point(whole).effects / spread) ** 2).sum(1)
        np.testing.assert_allclose(
            np.log(given.chances[:, i] / given.chances[:, 0]),
            log_prior + 0.5 * ((density.point(x).effects / spread) ** 2).sum(1),
            rtol=1e-9, atol=1e-9,
        )  # fmt: skip
    np.testing.assert_array_equal(w[0].ravel(), x[density.group_size :])
    np.testing.assert_allclose(given.chances.sum(1), 1.0)
    # two candidates lie as far from each other as one from the present value: by sqrt(2) of the reach
    many = candidates(density, x, 2.0 * np.eye(6), 4000, np.ones(3, bool), random)[1]
    assert np.std(many[1:] - many[1:].mean(0)) == pytest.approx(2.0, rel=0.05)
    chosen, joint = np.array([2, 0, 3]), np.array([True, True, False])
    new = with_chosen(x, w, chosen, Candidacy(np.arange(3), joint, ~joint), joint)
    np.testing.assert_array_equal(new[density.group_size :].reshape(3, 6), [w[2, 0], w[0, 1], w[0, 2]])
    np.testing.assert_array_equal(new[: density.group_size], x[: density.group_size])


def test_who_has_candidates(trials):
    """Participants with a single run; those whose state begins anew within it on every second sweep; nobody with complete pooling."""
    partial, packed = posterior_of(trials, "partial")
    assert Candidacy.of(LEARNER, packed, partial).at(0).tolist() == [True] * 3
    starts = trials.reset.copy()
    starts[[5, 14]] = True
    again = pack(LEARNER, replace(trials, reset=starts))
    candidacy = Candidacy.of(LEARNER, again, partial)
    assert candidacy.at(0).all() and candidacy.at(1).tolist() == [False, False, True]
    pooled, packed = posterior_of(trials, "complete")
    assert not Candidacy.of(LEARNER, packed, pooled).at(0).any()


def test_reach_is_what_courses_hold_back():
    random = np.random.default_rng(3)
    spread = np.array([1.0, 3.0, 0.9])
    w = random.standard_normal((4000, 5, 3)) * spread + 10.0 * random.standard_normal((5, 3))
    given = np.tile(np.eye(3), (5, 1, 1))
    reach = reach_of(w, given)
    np.testing.assert_allclose(reach @ reach.T, FAR**2 * np.diag([0.0, 8.0, 0.0]), atol=0.4)
    assert not reach_of(np.ones((1, 5, 3)), given).any()
