"""Coefficients given known combinations, against the conditional Normal distribution written out in the null space of the combinations."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.linalg import null_space

import trialwise as tw
from trialwise.population.known import Known, with_known
from trialwise.population.population import population_of


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(1, 3), st.booleans())
def test_a_draw_becomes_one_of_the_conditional_distribution(seed, size, count, redundant):
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(min(count, size - 1), size))
    mean, width, point = random.normal(size=size), random.uniform(0.2, 2.0, size), random.normal(size=size)
    if redundant:
        vectors = np.vstack([vectors, 2 * vectors[0] - vectors[-1]])
    known = Known(vectors, vectors @ point)
    weights = random.normal(size=len(vectors))
    assert known.determines(weights @ vectors) and not known.determines(weights @ vectors + null_space(vectors)[:, 0])
    free, precision = null_space(vectors), np.diag(width**-2)
    covariance = np.linalg.inv(free.T @ precision @ free)
    centre = point + free @ (covariance @ free.T @ precision @ (mean - point))
    np.testing.assert_allclose(with_known(mean, width, known), centre, atol=1e-8)
    linear = np.stack([with_known(each, width, Known(vectors, np.zeros(len(vectors)))) for each in np.eye(size)], 1)
    np.testing.assert_allclose(linear @ np.diag(width**2) @ linear.T, free @ covariance @ free.T, atol=1e-8)


def test_groups_have_the_known_combinations_and_are_else_those_of_the_prior():
    learner = tw.QLearning()
    population = population_of(learner, 1.0)
    known = Known(np.array([[1.0, 0.0, -1.0]]), np.array([0.7]))
    draws = [population.draw(2, np.random.default_rng(n), known) for n in range(2000)]
    free = [population.draw(2, np.random.default_rng(n)) for n in range(2000)]
    groups, others = (np.stack([draw.coefficients for draw in each]) for each in (draws, free))
    np.testing.assert_allclose(groups[:, 0] - groups[:, 2], 0.7)
    np.testing.assert_array_equal(groups[:, 1], others[:, 1])
    np.testing.assert_array_equal([draw.spreads for draw in draws], [draw.spreads for draw in free])
    prior = population.prior
    weight = prior.width[[0, 2]] ** -2.0
    expected = weight @ [prior.mean[0], prior.mean[2] + 0.7] / weight.sum()
    assert groups[:, 0].mean() == pytest.approx(expected, abs=4 * weight.sum() ** -0.5 / np.sqrt(2000))
    assert groups[:, 0].std() == pytest.approx(weight.sum() ** -0.5, rel=0.08)
