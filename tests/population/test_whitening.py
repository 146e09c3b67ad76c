"""The whitening against its equations in NumPy: designs, several rows of parameters per participant, correlations, exact derivatives.

The oracle is analytic in its arguments, so that a step along the imaginary axis gives derivatives to machine precision.
"""

import numpy as np
import pytest
from scipy.special import expit

import trialwise as tw
from trialwise.engine.packing import pack
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.population.correlations import correlations, scaled_factor, scaled_factor_pullback
from trialwise.population.density import SOFTNESS, posterior
from trialwise.population.design import Column, Design, Term
from trialwise.population.geometry.expansion import expand
from trialwise.population.geometry.whitening import (
    effects_to_whitened,
    quadratic,
    rows_of,
    rows_pullback,
    whitened_to_effects,
    whitening_pullback,
)
from trialwise.population.population import population_of

TINY = 1e-30
LEARNER = tw.QLearning(initial=1.2)


def cholesky(a):
    """Lower Cholesky factor of a complex matrix, without conjugation."""
    lower = np.zeros_like(a)
    for i in range(len(a)):
        for j in range(i + 1):
            remainder = a[i, j] - lower[i, :j] @ lower[j, :j]
            lower[i, j] = np.sqrt(remainder) if i == j else remainder / lower[j, j]
    return lower


def oracle(w, coefficients, lower, design, curvature, linear):
    """Unconstrained values of each row ``X B + Z v``, ``y`` and ``log |dw / dy|`` of each participant, from expansions of rows."""
    u, y, volume = np.zeros(linear.shape, complex), np.zeros(w.shape, complex), np.zeros(len(w), complex)
    for n in range(len(w)):
        own = np.flatnonzero(design.owner == n)
        x, z = np.concatenate(design.fixed[own]), np.concatenate(design.random[own])
        size = len(x) // len(own)
        h = np.zeros((len(x), len(x)))
        for k, r in enumerate(own):
            h[size * k : size * (k + 1), size * k : size * (k + 1)] = curvature[r]
        gap = np.concatenate(linear[own]) - h @ (x @ coefficients)
        m = cholesky(np.eye(len(lower)) + lower.T @ z.T @ h @ z @ lower)
        y[n] = np.linalg.solve(m.T, np.linalg.solve(m, lower.T @ (z.T @ gap)) + w[n])
        u[own] = (x @ coefficients + z @ (lower @ y[n])).reshape(len(own), size)
        volume[n] = np.log(np.diag(m)).sum()
    return u, y, volume


def of_pairs(z, x, pairs):
    """``L`` from spreads and the numbers of partial correlations, by the recursion of the correlation matrix itself."""
    factor = np.zeros((len(z), len(z)), complex)
    partial = {(i, j): np.tanh(x[p]) for p, (i, j) in enumerate(pairs)}
    for i in range(len(z)):
        rest = 1.0 + 0j
        for j in range(i):
            if (i, j) in partial:
                factor[i, j] = partial[i, j] * np.sqrt(rest)
                rest = rest * (1 - partial[i, j] ** 2)
        factor[i, i] = np.sqrt(rest)
    return z[:, None] * factor


def slopes(function, x):
    """Exact derivatives of a real function of an array."""
    result = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[index] += 1j * TINY
        result[index] = function(moved).imag / TINY
    return result


def example(seed, owner=(0, 0, 1, 2, 2, 2), blocks=((0, 2, 3),)):
    """A design with two columns, three coefficients and four effects, an expansion, and a point; one spread is negative."""
    random, owner = np.random.default_rng(seed), np.array(owner)
    columns, terms = (
        (Column("alpha"), Column("beta")),
        [Term("alpha", "a"), Term("beta", "b"), Term("beta", "c"), Term("beta", "d")],
    )
    fixed, effects = random.normal(size=(len(owner), 2, 3)), random.normal(size=(len(owner), 2, 4))
    design = Design(columns, tuple(terms[:3]), tuple(terms), owner, fixed, effects, blocks=blocks)
    root = random.normal(size=(len(owner), 2, 2))
    w, coefficients, x = (
        random.normal(size=(owner[-1] + 1, 4)),
        random.normal(size=3),
        random.normal(size=len(design.pairs)),
    )
    z = np.array([0.7, -0.4, 1.1, 0.3])
    return design, w, coefficients, z, x, root @ root.transpose(0, 2, 1), random.normal(size=(len(owner), 2))


@pytest.mark.parametrize("owner", [(0, 1, 2), (0, 0, 1, 2, 2, 2)], ids=["one row", "several rows"])
@pytest.mark.parametrize("blocks", [(), ((0, 2, 3),), ((0, 1), (2, 3))], ids=["independent", "one block", "two blocks"])
def test_rows_of_a_design(owner, blocks):
    design, w, coefficients, z, x, curvature, linear = example(1, owner, blocks)
    pairs = correlations(design, [2.0] * len(blocks)).pairs
    lower = scaled_factor(z, x, pairs)
    np.testing.assert_allclose(lower, of_pairs(z, x, [tuple(each) for each in pairs]).real, rtol=1e-12, atol=1e-15)
    parts = quadratic(design, curvature, linear)
    u_expected, y_expected, volume_expected = oracle(w, coefficients, lower, design, curvature, linear)
    v, y, volume = whitened_to_effects(w, coefficients, lower, *parts)
    u = rows_of(coefficients, v, design.owner, design.fixed, design.random)
    for found, expected in ((u, u_expected), (y, y_expected), (volume, volume_expected)):
        np.testing.assert_allclose(found, expected.real, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(u, design.centre(coefficients) + design.deviations(v), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(effects_to_whitened(v, coefficients, lower, *parts), w, rtol=1e-9, atol=1e-11)

    random = np.random.default_rng(2)
    u_bar, y_bar, volume_bar = random.normal(size=u.shape), random.normal(size=y.shape), random.normal(size=len(w))

    def total(w, coefficients, z, x):
        lower = of_pairs(z, x, [tuple(each) for each in pairs])
        u, y, volume = oracle(w, coefficients, lower, design, curvature, linear)
        return (u_bar * u).sum() + (y_bar * y).sum() + (volume_bar * volume).sum()

    direct, v_bar = rows_pullback(u_bar, design.owner, design.fixed, design.random, len(w))
    w_bar, coefficients_bar, lower_bar = whitening_pullback(w, coefficients, lower, *parts, v_bar, y_bar, volume_bar)
    z_bar, x_bar = scaled_factor_pullback(z, x, pairs, lower_bar)
    close = {"rtol": 1e-9, "atol": 1e-11}
    np.testing.assert_allclose(w_bar, slopes(lambda at: total(at, coefficients, z, x), w), **close)
    np.testing.assert_allclose(coefficients_bar + direct, slopes(lambda at: total(w, at, z, x), coefficients), **close)
    np.testing.assert_allclose(z_bar, slopes(lambda at: total(w, coefficients, at, x), z), **close)
    np.testing.assert_allclose(x_bar, slopes(lambda at: total(w, coefficients, z, at), x), **close)


def test_a_spread_of_zero_does_no_harm():
    design, w, coefficients, z, x, curvature, linear = example(3)
    pairs, parts = correlations(design, [1.0]).pairs, quadratic(design, curvature, linear)
    z[2] = 0.0
    v, y, volume = whitened_to_effects(w, coefficients, scaled_factor(z, x, pairs), *parts)
    assert (v[:, 2] == 0).all() and np.isfinite(y).all() and np.isfinite(volume).all()


@pytest.mark.parametrize(
    ("pooling", "errors"), [("partial", np.inf), ("partial", 2.0), ("none", np.inf), ("complete", np.inf)]
)
def test_density_against_numpy(small, pooling, errors):
    """Value and gradient to machine precision, given the likelihoods and gradients of the engine."""
    packed, population = pack(LEARNER, small.trials), population_of(LEARNER, small.trials, pooling=pooling)
    exact = likelihood_of(LEARNER, small.trials, pooled=pooling == "complete")
    expansion = expand(exact, population)
    target, prior = posterior(LEARNER, packed, population, expansion, errors), population.prior
    participants, size = target.shape
    design = population.matrices(participants)
    bend = 2.0 * np.mean([np.diag(each) for each in expansion.curvature], 0) ** -0.5

    def spreads_at(s):
        """Signed spreads and the logarithm of their derivatives."""
        if errors == np.inf:
            return expansion.sd_scale * s, np.log(expansion.sd_scale).sum()
        rate = expansion.sd_scale / np.sqrt(bend**2 + np.exp(2 * expansion.log_sd))
        return bend * np.sinh(rate * s), np.log(rate * bend * np.cosh(rate * s)).sum()

    def parts(x):
        """Unconstrained values, and the log-density without the likelihood."""
        if pooling != "partial":
            mu, z, s, w = prior.mean, prior.total, None, x.reshape(participants, size)
        else:
            m, s, w = x[:size], x[size : 2 * size], x[2 * size :].reshape(participants, size)
            mu, (z, log_slope) = expansion.mean + expansion.mean_factor @ m, spreads_at(s)
        u, y, volume = oracle(w, mu, np.diag(z), design, expansion.curvature, expansion.linear)

        def normal(x, mean, sd):
            return (-0.5 * ((x - mean) / sd) ** 2 - np.log(np.sqrt(sd**2)) - 0.5 * np.log(2 * np.pi)).sum()

        value = normal(y, 0.0, 1.0 + 0 * y) - volume.sum()
        if s is not None:
            value += normal(mu, prior.mean, prior.width) + normal(z, 0 * z, prior.spread) + size * np.log(2)
            value += np.linalg.slogdet(expansion.mean_factor)[1] + log_slope
            value -= np.log1p(np.exp(-s / SOFTNESS)).sum()
        return u, value

    random = np.random.default_rng(5)
    for repetition in range(3):
        x = target.start(random)
        if pooling == "partial" and repetition == 2:
            x[size + 1] = -0.3  # a negative spread
        u, remainder = parts(x.astype(complex))
        likelihood, slope = exact.gradient(np.ascontiguousarray(u.real))
        theta = target.values(x)[1]
        np.testing.assert_allclose(theta[:, 0], expit(u.real[:, 0]), rtol=1e-12)
        value, gradient = target(x)
        np.testing.assert_allclose(value, likelihood.sum() + remainder.real, rtol=1e-12)

        def linearised(x, slope=slope):
            u, remainder = parts(x)
            return (slope * u).sum() + remainder

        expected = slopes(linearised, x)
        np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-12 * np.abs(expected).max())
