"""What priors of designs imply before the data: the same as known quantiles, and as plain simulation."""

import numpy as np
import pymc as pm
import pytest

import trialwise as tw
from trialwise.population.designs.build import designed
from trialwise.population.implied import implied, implied_correlations, implied_notes
from trialwise.population.population import population_of

LEARNER = tw.QLearning().fix(forget=0)


@pytest.fixture(scope="module")
def trials():
    return tw.load_data("alien_flat").trials


def built(trials, formulas):
    table = {
        "participant": trials.participants, "group": ["control", "patient"] * 15, "site": ["a", "b", "c"] * 10,
        "age": np.linspace(20, 60, 30),
    }  # fmt: skip
    return designed(LEARNER.names, LEARNER, trials, formulas, table)


def bounds(trials, formulas, priors=None):
    design = built(trials, formulas)
    population = population_of(LEARNER, trials, priors, design=design.design)
    return {(each.parameter, each.covariate): each for each in implied(population, design.models)}


def test_factors_of_positive_parameters_are_exact_quantiles(trials):
    found = bounds(trials, {"beta": "group + age + site"})
    normal = 1.959964
    assert found["beta", "group"].bound == pytest.approx(np.exp(normal * 0.5 * np.sqrt(2)), rel=0.02)
    assert found["beta", "age"].bound == pytest.approx(np.exp(normal * 0.5), rel=0.02)
    assert found["beta", "site"].bound == pytest.approx(np.exp(normal * 0.5 * np.sqrt(2)), rel=0.03)
    assert found["beta", "age"].step == pytest.approx(np.std(np.linspace(20, 60, 30), ddof=1))
    assert all(each.is_factor_of for each in found.values())


def test_differences_of_bounded_parameters_equal_a_plain_simulation(trials):
    found = bounds(trials, {"alpha": "group"})["alpha", "group"]
    alpha, random = LEARNER.fields["alpha"], np.random.default_rng(5)
    mean, half = random.normal(alpha.mean, alpha.width, 200_000), random.normal(0, 0.5, 200_000) / np.sqrt(2)
    medians = [1 / (1 + np.exp(-(mean + sign * half))) for sign in (-1, 1)]
    assert found.bound == pytest.approx(np.quantile(abs(medians[1] - medians[0]), 0.95), rel=0.02)
    assert not found.is_factor_of


def test_a_users_prior_is_the_one_that_is_described(trials):
    narrow = bounds(trials, {"beta": "group"}, {"beta_effects": pm.Normal.dist(0, 0.1)})["beta", "group"]
    assert narrow.bound == pytest.approx(np.exp(1.959964 * 0.1 * np.sqrt(2)), rel=0.02)
    assert bounds(trials, {"beta": "group"}, {"beta_mu": pm.Flat.dist()}) == {}


def test_notes_have_a_sentence_for_each_parameter_with_covariates(trials):
    design = built(trials, {"alpha": "group + age", "beta": "site"})
    notes = implied_notes(population_of(LEARNER, trials, design=design.design), design.models)
    assert [note.split(" ")[0] for note in notes] == ["alpha", "beta"]
    assert "control and patient (group)" in notes[0] and "1 SD of age (12.1)" in notes[0]
    assert "medians of any two levels (site) differ by a factor of less than" in notes[1]


def test_correlations_before_the_data_are_those_of_draws_of_the_prior(trials):
    """In blocks of two and three effects, with shapes 2 and 1; the notes say so."""
    design = designed(LEARNER.names, LEARNER, trials, "alpha ~ 1", None, correlated=[["alpha", "beta"]])
    population = population_of(LEARNER, trials, design=design.design)
    (bound,) = implied_correlations(population)
    draws = population.prior_draws(40_000, 1)["correlation[alpha, beta]"]
    assert np.mean(abs(draws) < bound) == pytest.approx(0.95, abs=0.004)
    note = f"correlations of alpha and beta before the data, with 95 % each: between {-bound:.2f} and {bound:.2f}"
    assert note in implied_notes(population, design.models)
    assert not any("correlations of" in each for each in built(trials, "alpha ~ group").notes)
