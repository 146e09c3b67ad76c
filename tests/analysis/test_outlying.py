"""How unusual one data set is among others."""

import numpy as np
import pytest

from trialwise.analysis.outlying import _deviations, outlying


def test_deviations_are_those_from_all_other_rows():
    values = np.random.default_rng(1).normal([0, 1e6, 3], [1, 1e-2, 5], (7, 3))
    values[2, 1] = np.nan
    expected = np.full(values.shape, np.nan)
    for row in range(7):
        others = np.delete(values, row, 0)
        expected[row] = (values[row] - np.nanmean(others, 0)) / np.nanstd(others, 0)
    np.testing.assert_allclose(_deviations(values), expected, rtol=1e-5)


def test_the_probability_is_valid_for_correlated_skewed_and_discrete_measures():
    random = np.random.default_rng(2)
    mixing = random.normal(size=(4, 12))
    p = []
    for _ in range(400):
        common = random.normal(size=(60, 4)) @ mixing
        data = np.hstack([common, np.exp(common[:, :3]), random.poisson(0.3, (60, 3)), np.zeros((60, 1))])
        p.append(outlying(data[0], data[1:]))
    for level in (0.05, 0.1, 0.2):
        assert np.mean(np.array(p) <= level) < level + 3 * np.sqrt(level * (1 - level) / 400)
    assert np.mean(np.array(p) <= 0.2) > 0.05


@pytest.mark.parametrize("shift", [np.r_[6.0, np.zeros(9)], np.full(10, 2.2)])
def test_one_measure_far_off_and_many_a_little_are_both_unusual(shift):
    random = np.random.default_rng(3)
    found = [outlying(random.normal(size=10) + shift, random.normal(size=(100, 10))) <= 0.05 for _ in range(40)]
    assert np.mean(found) > 0.9


def test_undefined_and_constant_measures():
    nan = np.nan
    assert outlying(np.array([nan]), np.full((50, 1), nan)) == 1.0
    assert outlying(np.array([0.5]), np.full((50, 1), nan)) == 1.0
    assert outlying(np.array([1.0]), np.ones((50, 1))) == 1.0
    assert outlying(np.array([2.0]), np.ones((50, 1))) == pytest.approx(2 / 51)
