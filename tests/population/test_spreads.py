"""Coordinates of spreads: linear where a spread is below some errors with which participants are known, logarithmic above."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from trialwise.population.geometry.spreads import SpreadMap, spread_at, spread_map

rates = st.one_of(st.just(0.0), st.floats(1e-3, 3.0))


@given(st.floats(1e-3, 1e3), rates, st.floats(-20.0, 20.0))
def test_coordinates_are_the_inverse(slope, rate, s):
    z, _, _ = spread_at(s, slope, rate)
    back = SpreadMap(np.array([slope, slope]), np.array([rate, 0.0])).coordinates(np.array([z, slope * s]))
    np.testing.assert_allclose(back, s, rtol=1e-9, atol=1e-9)


@given(st.floats(1e-2, 1e2), st.one_of(st.just(0.0), st.floats(1e-2, 2.0)), st.floats(-5.0, 5.0))
def test_derivatives(slope, rate, s):
    step = 1e-5
    low, high = (spread_at(s + move, slope, rate) for move in (-step, step))
    z, speed, growth = spread_at(s, slope, rate)
    assert speed == pytest.approx((high[0] - low[0]) / (2 * step), rel=1e-6)
    assert speed == pytest.approx(np.hypot(slope, rate * z), rel=1e-12)
    assert growth == pytest.approx((np.log(high[1]) - np.log(low[1])) / (2 * step), abs=1e-6)


@pytest.mark.parametrize("errors", [0.5, 2.0, np.inf])
def test_a_unit_at_the_mode_is_a_posterior_standard_deviation(errors):
    curvature = np.array([np.diag([4.0, 1e-6]), np.diag([12.0, 1e-6])])
    mode, sd = np.array([0.3, 0.8]), np.array([0.1, 0.5])
    spreads = spread_map(curvature, mode, sd, errors)
    np.testing.assert_allclose(
        spreads.rate * errors * np.array([8.0**-0.5, 1e3]) if errors < np.inf else sd, spreads.slope
    )
    at = spreads.coordinates(mode)
    np.testing.assert_allclose([spread_at(s, *each)[1] for s, *each in zip(at, *spreads, strict=True)], sd)


def test_the_information_about_a_spread_is_about_the_same_everywhere():
    """Of 30 participants who are known with some error, simulated: the variance of the score by s. From one error to a hundred it changes by less than
    a factor of 2, in z itself by one of 2500."""
    random, participants, error, errors = np.random.default_rng(1), 30, 0.2, 2.0
    spreads = spread_map(np.full((participants, 1, 1), error**-2), np.array([0.4]), np.array([0.1]), errors)
    information = {}
    for z in (0.01 * error, error, 10 * error, 100 * error):
        variance = error**2 + z**2
        deviations = np.sqrt(variance) * random.standard_normal((20_000, participants))
        speed = spread_at(spreads.coordinates(np.array([z]))[0], *(each[0] for each in spreads))[1]
        score = speed * (z / variance * (deviations**2 / variance - 1.0)).sum(1)
        information[z] = score.var() / (0.1**2 / ((errors * error) ** 2 + 0.4**2))
        exact = 2 * participants * z**2 * ((errors * error) ** 2 + z**2) / variance**2
        assert information[z] == pytest.approx(exact, rel=0.05)
    large = [value for z, value in information.items() if z >= error]
    assert max(large) < 2 * min(large) and max(information.values()) == max(large)
