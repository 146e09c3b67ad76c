"""The whitening against its equations in NumPy: individual means, several rows of parameters per participant, exact derivatives.

The oracle is analytic in its arguments, so that a step along the imaginary axis gives derivatives to machine precision.
"""

import numpy as np
import pytest
from scipy.special import expit

import trialwise as tw
from trialwise.engine.packing import pack
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.population.density import SOFTNESS, posterior
from trialwise.population.geometry.expansion import expand
from trialwise.population.geometry.whitening import natural_to_whitened, whitened_to_natural, whitening_pullback
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


def oracle(w, centre, z, owner, curvature, linear):
    """Unconstrained values of each row, and log |du / dw| of each participant."""
    u, jacobian = np.zeros((len(owner), len(z)), complex), np.zeros(len(w), complex)
    for n in range(len(w)):
        model = np.flatnonzero(owner == n)
        lower = cholesky(np.eye(len(z)) + np.outer(z, z) * sum(curvature[s] for s in model))
        gap = sum(linear[s] - curvature[s] @ centre[s] for s in model)
        v = z * np.linalg.solve(lower.T, np.linalg.solve(lower, z * gap) + w[n])
        u[model] = centre[model] + v
        jacobian[n] = np.sum(np.log(np.sqrt(z**2)) - np.log(np.diag(lower)))
    return u, jacobian


def slopes(function, x):
    """Exact derivatives of a real function of an array."""
    result = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[index] += 1j * TINY
        result[index] = function(moved).imag / TINY
    return result


def example(seed, rows, participants, size=3):
    """Coordinates, means, spreads (one of them negative) and expansions."""
    random = np.random.default_rng(seed)
    root = random.normal(size=(rows, size, size))
    z = random.uniform(0.2, 1.2, size) * np.array([1, -1, 1])[:size]
    w, centre, linear = (
        random.normal(size=(participants, size)),
        random.normal(size=(rows, size)),
        random.normal(size=(rows, size)),
    )
    return w, centre, z, root @ root.transpose(0, 2, 1), linear


@pytest.mark.parametrize("owner", [[0, 1, 2, 3], [0, 0, 1, 2, 2, 2]], ids=["one row", "several rows"])
def test_rows_with_different_means(owner):
    owner = np.array(owner)
    participants = owner[-1] + 1
    w, centre, z, curvature, linear = example(1, len(owner), participants)
    expected, log_jacobian = oracle(w, centre, z, owner, curvature, linear)
    u, jacobian = whitened_to_natural(w, centre, z, owner, curvature, linear)
    np.testing.assert_allclose(u, expected.real, rtol=1e-12)
    np.testing.assert_allclose(jacobian, log_jacobian.real, rtol=1e-12)
    np.testing.assert_allclose(natural_to_whitened(u, centre, z, owner, curvature, linear), w, rtol=1e-10, atol=1e-12)

    random = np.random.default_rng(2)
    u_bar, jacobian_bar = random.normal(size=u.shape), random.normal(size=participants)

    def weighted_sum(w, centre, z):
        u, log_jacobian = oracle(w, centre, z, owner, curvature, linear)
        return (u_bar * u).sum() + (jacobian_bar * log_jacobian).sum()

    w_bar, centre_bar, z_bar = whitening_pullback(w, centre, z, owner, curvature, linear, u_bar, jacobian_bar)
    np.testing.assert_allclose(w_bar, slopes(lambda at: weighted_sum(at, centre, z), w), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(centre_bar, slopes(lambda at: weighted_sum(w, at, z), centre), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(z_bar, slopes(lambda at: weighted_sum(w, centre, at), z), rtol=1e-11, atol=1e-13)


def test_a_common_mean_equals_the_same_mean_in_every_row():
    """The cotangent of a common mean is the sum of those of the rows."""
    owner = np.array([0, 0, 1, 2])
    w, centre, z, curvature, linear = example(3, 4, 3)
    common, repeated = np.ascontiguousarray(centre[:1]), np.tile(centre[:1], (4, 1))
    for a, b in zip(*(whitened_to_natural(w, c, z, owner, curvature, linear) for c in (common, repeated)), strict=True):
        np.testing.assert_array_equal(a, b)
    u_bar, jacobian_bar = np.random.default_rng(4).normal(size=(4, 3)), np.ones(3)
    first, second = (
        whitening_pullback(w, c, z, owner, curvature, linear, u_bar, jacobian_bar) for c in (common, repeated)
    )
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_allclose(first[1], second[1].sum(0, keepdims=True), rtol=1e-12)
    np.testing.assert_array_equal(first[2], second[2])


@pytest.mark.parametrize("pooling", ["partial", "none", "complete"])
def test_density_against_numpy(small, pooling):
    """Value and gradient to machine precision, given the likelihoods and gradients of the engine."""
    packed, population = pack(LEARNER, small.trials), population_of(LEARNER, small.trials, pooling=pooling)
    exact = likelihood_of(LEARNER, small.trials, pooled=pooling == "complete")
    expansion = expand(exact, population)
    target, prior = posterior(LEARNER, packed, population, expansion), population.prior
    participants, size = target.shape
    owner = np.arange(participants)

    def parts(x):
        """Unconstrained values, and the log-density without the likelihood."""
        if pooling != "partial":
            mu, z, s, w = prior.mean, prior.total, None, x.reshape(participants, size)
        else:
            m, s, w = x[:size], x[size : 2 * size], x[2 * size :].reshape(participants, size)
            mu, z = expansion.mean + expansion.mean_factor @ m, expansion.sd_scale * s
        centre = np.tile(mu, (participants, 1))
        u, jacobian = oracle(w, centre, z, owner, expansion.curvature, expansion.linear)

        def normal(x, mean, sd):
            return (-0.5 * ((x - mean) / sd) ** 2 - np.log(np.sqrt(sd**2)) - 0.5 * np.log(2 * np.pi)).sum()

        value = normal(u, centre, np.tile(z, (participants, 1))) + jacobian.sum()
        if s is not None:
            value += normal(mu, prior.mean, prior.width) + normal(z, 0 * z, prior.spread) + size * np.log(2)
            value += np.linalg.slogdet(expansion.mean_factor)[1] + np.log(expansion.sd_scale).sum()
            value -= np.log1p(np.exp(-s / SOFTNESS)).sum()
        return u, value

    random = np.random.default_rng(5)
    for repetition in range(3):
        x = target.start(random)
        if pooling == "partial" and repetition == 2:
            x[size + 1] = -0.3  # a negative spread
        u, remainder = parts(x.astype(complex))
        likelihood, slope = exact.gradient(np.ascontiguousarray(u.real))
        theta = target.values(x)[3]
        np.testing.assert_allclose(theta[:, 0], expit(u.real[:, 0]), rtol=1e-12)
        value, gradient = target(x)
        np.testing.assert_allclose(value, likelihood.sum() + remainder.real, rtol=1e-12)

        def linearised(x, slope=slope):
            u, remainder = parts(x)
            return (slope * u).sum() + remainder

        expected = slopes(linearised, x)
        np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-12 * np.abs(expected).max())
