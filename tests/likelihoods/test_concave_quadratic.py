"""Concave quadratics through scattered values."""

import numpy as np
import pytest

from trialwise.likelihoods.concave_quadratic import DEPTH, STEEP, compressed, concave_quadratic

CONSTANT, LINEAR = -3.0, np.array([0.5, -1.0])
CONCAVE = np.array([[-2.0, 0.6], [0.6, -1.0]])


@pytest.fixture
def points():
    return np.random.default_rng(1).standard_normal((60, 2))


def values(x, curvature):
    return np.array([CONSTANT + LINEAR @ each + 0.5 * each @ curvature @ each for each in x])


def test_a_concave_quadratic_is_recovered(points):
    constant, linear, curvature = concave_quadratic(points, values(points, CONCAVE), np.ones(60))
    assert constant == pytest.approx(CONSTANT, abs=1e-3)
    np.testing.assert_allclose(linear, LINEAR, atol=1e-3)
    np.testing.assert_allclose(curvature, CONCAVE, atol=1e-3)


def test_points_without_weight_do_not_matter(points):
    weight = np.r_[np.zeros(30), np.ones(30)]
    wrong = values(points, CONCAVE) + 100.0 * (weight == 0) * points[:, 0] ** 3
    np.testing.assert_allclose(concave_quadratic(points, wrong, weight)[2], CONCAVE, atol=1e-3)


def test_a_convex_direction_becomes_nearly_flat_and_the_others_stay(points):
    _, _, curvature = concave_quadratic(points, values(points, np.diag([-2.0, 1.0])), np.ones(60))
    np.testing.assert_allclose(np.linalg.eigvalsh(curvature), [-2.0, -STEEP], atol=5e-3)


def test_compression_leaves_values_near_the_maximum_and_keeps_the_order():
    low = 4.0 - DEPTH
    given = np.array([4.0, 0.0, low, low - 1e-4, low - 10.0, low - 1000.0])
    result = compressed(given, 4.0)
    np.testing.assert_array_equal(result[:3], given[:3])
    assert (np.diff(result) < 0).all() and (result[3:] > given[3:]).all()
    assert result[3] - low == pytest.approx(-1e-4, rel=1e-4)  # without a kink
