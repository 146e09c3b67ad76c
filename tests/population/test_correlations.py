"""Correlated effects: factors from partial correlations, and the LKJ prior against its density on correlation matrices."""

import numpy as np
import pytest

from trialwise.population.correlations import correlations, correlations_of, scaled_factor
from trialwise.population.design import Column, Design, Term

TINY = 1e-30


def design_of(size, blocks):
    terms = tuple(Term("alpha", str(k)) for k in range(size))
    empty = np.zeros((1, 1, size))
    return Design((Column("alpha"),), terms, terms, np.zeros(1, int), empty, empty, blocks=blocks)


def matrix_by_hand(x, size, block):
    """The correlation matrix of one block, from its partial correlations; complex steps pass through it."""
    factor = np.eye(size, dtype=complex)
    p = 0
    for a in range(1, len(block)):
        rest = 1.0 + 0j
        for b in range(a):
            factor[block[a], block[b]] = np.tanh(x[p]) * np.sqrt(rest)
            rest = rest * (1 - np.tanh(x[p]) ** 2)
            p += 1
        factor[block[a], block[a]] = np.sqrt(rest)
    return factor @ factor.T


@pytest.mark.parametrize(("size", "block"), [(3, (0, 1, 2)), (5, (0, 2, 3, 4)), (2, (0, 1))])
@pytest.mark.parametrize("shape", [1.0, 2.0, 3.5])
def test_density_of_the_lkj_prior(size, block, shape):
    """The density of x is |R|^(shape - 1) times the Jacobian of the map from x to R, up to a constant."""
    parts, random = correlations(design_of(size, (block,)), [shape]), np.random.default_rng(1)
    differences = []
    for _ in range(3):
        x = random.normal(size=len(parts))
        jacobian = np.empty((len(x), len(x)))
        for k in range(len(x)):
            moved = x.astype(complex)
            moved[k] += 1j * TINY
            jacobian[:, k] = parts.of_pairs(matrix_by_hand(moved, size, block)).imag / TINY
        r = matrix_by_hand(x, size, block).real
        by_hand = (shape - 1) * np.linalg.slogdet(r)[1] + np.linalg.slogdet(jacobian)[1]
        differences.append(parts.log_density(x) - by_hand)
        np.testing.assert_allclose(parts.factor(x) @ parts.factor(x).T, r, atol=1e-14)
        np.testing.assert_allclose(parts.x(r), x, rtol=1e-9)
        np.testing.assert_allclose(parts.matrix(parts.of_pairs(r)), r, atol=1e-14)
        z = np.linspace(0.5, -1.5, size)
        lower = scaled_factor(z, x, parts.pairs)
        np.testing.assert_allclose(lower, z[:, None] * parts.factor(x), atol=1e-14)
        signed = r * np.sign(np.outer(z, z))
        np.testing.assert_allclose(correlations_of(lower, abs(z), parts.pairs), parts.of_pairs(signed), atol=1e-13)
    assert np.ptp(differences) < 1e-10


def test_the_prior_integrates_to_one_and_has_the_known_spread():
    parts = correlations(design_of(2, ((0, 1),)), [2.0])
    x = np.linspace(-12, 12, 20001)[:, None]
    density = np.exp(parts.log_density(x))
    assert np.trapezoid(density, x[:, 0]) == pytest.approx(1.0, abs=1e-10)
    for size, shape in ((4, 2.0), (3, 1.0)):
        parts = correlations(design_of(size, (tuple(range(size)),)), [shape])
        factor = parts.factor(parts.draw(40_000, np.random.default_rng(1)))
        values = parts.of_pairs(factor @ factor.transpose(0, 2, 1))
        np.testing.assert_allclose(values.std(0), 1 / np.sqrt(2 * shape + size - 1), rtol=0.02)


def test_effects_in_no_block_are_independent():
    parts = correlations(design_of(4, ((1, 3),)), [1.0])
    factor = parts.factor(np.array([0.8]))
    expected = np.eye(4)
    expected[3, 1], expected[3, 3] = np.tanh(0.8), 1 / np.cosh(0.8)
    np.testing.assert_allclose(factor, expected)
