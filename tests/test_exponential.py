"""Exponentials four at a time: as exact as the C library's over the whole range, and at its ends."""

import numba
import numpy as np
import pytest

from trialwise.engine.adapt import OPTIONS
from trialwise.engine.exponential import exp_of_four


@numba.njit(**OPTIONS)
def in_fours(x):
    powers = np.empty_like(x)
    for k in range(0, len(x), 4):
        powers[k], powers[k + 1], powers[k + 2], powers[k + 3] = exp_of_four(x[k], x[k + 1], x[k + 2], x[k + 3])
    return powers


@pytest.mark.parametrize("low, high", [(-745.2, 709.7), (-40.0, 0.0), (-1.0, 1.0), (-1e-8, 1e-8), (-746.0, -708.0)])
def test_to_the_last_digits(low, high):
    x = np.random.default_rng(0).uniform(low, high, 200_000)
    expected = np.exp(x)
    assert np.all(np.abs(in_fours(x) - expected) <= 2 * np.spacing(expected))


def test_at_the_ends():
    x = np.array([-np.inf, -1e300, -746.0, -745.0, 0.0, -0.0, 709.78, 709.79, 1e300, np.inf, np.nan, 5e-324])
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(in_fours(x), np.exp(x), rtol=1e-15)
    assert in_fours(np.array([-np.inf, np.nan, 1.0, 2.0]))[0] == 0.0  # one lane does not spoil another
