"""Emulators of log-likelihoods: limits, gradients, and recovery of a surface from noisy estimates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from trialwise.inference.samplers.pseudo_marginal.particle import outermost
from trialwise.likelihoods.emulator import Emulator, Limits, fit_surface, within_limits

LIMITS = Limits(np.array([-4.0, -np.inf]), np.array([4.0, np.inf]))


def surface(u):
    """A ridge in the first parameter that levels off outside the limits."""
    t = LIMITS(u)
    return -3.0 * (t[..., 0] - 0.3) ** 2 - 0.5 * (t[..., 1] + t[..., 0]) ** 2 + 0.2 * np.sin(t[..., 1])


@pytest.fixture(scope="module")
def emulator():
    """An emulator of ``surface`` from 400 estimates with noise of standard deviation .1."""
    random = np.random.default_rng(3)
    u = random.normal([0.0, 0.0], [0.6, 1.2], (400, 2))
    values = surface(u) + 0.1 * random.standard_normal(len(u))
    limited = LIMITS(u)
    return Emulator([fit_surface(limited, values, np.full(len(u), 100), limited.mean(0), np.cov(limited.T))], LIMITS)


@pytest.mark.parametrize("u", [-30.0, -4.0, -1.2, 0.0, 3.9, 50.0])
@pytest.mark.parametrize("limits", [(-4.0, 4.0), (-np.inf, 4.0), (-4.0, np.inf), (-np.inf, np.inf)])
def test_limits_are_the_identity_in_the_middle_and_level_off(u, limits):
    """The kernel agrees with the formula in value and slope, and is the identity far within the limits."""
    limited, slope = within_limits(u, *limits)
    formula = Limits(*(np.array([each]) for each in limits))
    assert limited == pytest.approx(float(formula(np.array([u]))[0]), abs=1e-12)
    step = 1e-5
    difference = (formula(np.array([u + step])) - formula(np.array([u - step])))[0] / (2 * step)
    assert slope == pytest.approx(float(difference), abs=1e-6)
    assert -4.1 < within_limits(-100.0, -4.0, 4.0)[0] < within_limits(100.0, -4.0, 4.0)[0] < 4.1


def test_gradients_are_those_of_values(emulator):
    """Central differences of values, within and far outside the limits."""
    u = np.array([[0.1, 0.4], [-0.7, 2.0], [6.0, -1.0], [-9.0, 0.0]])
    participant, step = np.zeros(len(u), int), 1e-5
    _, gradient = emulator.at(participant, u)
    for k in range(2):
        shift = step * np.eye(2)[k]
        difference = (emulator.at(participant, u + shift)[0] - emulator.at(participant, u - shift)[0]) / (2 * step)
        np.testing.assert_allclose(gradient[:, k], difference, rtol=1e-4, atol=1e-4)


def test_a_surface_is_recovered_from_noisy_estimates(emulator):
    """In the training region, the error is much smaller than the noise of one estimate."""
    u = np.random.default_rng(4).normal([0.0, 0.0], [0.5, 1.0], (200, 2))
    error = emulator.at(np.zeros(len(u), int), u)[0] - surface(u)
    assert error.std() < 0.06


def test_outermost_draws_of_every_quantity_without_repetition():
    values = np.array([[0.0, 5.0], [1.0, 2.0], [-3.0, 3.0], [4.0, 1.0], [0.5, 2.5]])
    assert outermost(values, 3) == [0, 2, 3]


@given(st.integers(1, 40), st.integers(1, 24))
def test_the_number_of_outermost_draws_is_limited(quantities, most):
    rows = outermost(np.random.default_rng(quantities).standard_normal((96, quantities)), most)
    assert len(rows) == len(set(rows)) <= most
    assert len(outermost(np.random.default_rng(0).standard_normal((9999, 60)), most)) == most
