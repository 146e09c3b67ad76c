"""Selection from a block of proposals by weight; moves between blocks leave the true posterior invariant."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from trialwise.inference.samplers.pseudo_marginal.correction import Corrector, pick
from trialwise.inference.samplers.pseudo_marginal.tilt import learnt
from trialwise.learners.parameters import Parameter
from trialwise.likelihoods.emulator import Emulator, Limits, Scales, Surface
from trialwise.population.population import population_of

pytestmark = pytest.mark.sample


@given(st.integers(0, 10_000), st.integers(2, 25), st.floats(0.0, 4.0))
def test_points_are_picked_in_proportion_to_their_weights(seed, points, spread):
    """Counts are within one of the expected number; equal points are adjacent, and the point to continue from is last."""
    random = np.random.default_rng(seed)
    weight = np.exp(spread * random.standard_normal((3, points, 2)))
    picked, last = pick(weight, random)
    assert picked.shape == (3, points - 1, 2) and last.shape == (3, 1, 2)
    share = (points - 1) * weight / weight.sum(1, keepdims=True)
    for chain in range(3):
        for participant in range(2):
            points_of_participant = picked[chain, :, participant]
            assert (
                abs(np.bincount(points_of_participant, minlength=points) - share[chain, :, participant]) < 1 + 1e-9
            ).all()
            assert points_of_participant[-1] == last[chain, 0, participant]
            assert (np.diff(points_of_participant) != 0).sum() == len(set(points_of_participant)) - 1


def test_the_point_to_continue_from_is_drawn_by_weight():
    weight = np.broadcast_to(np.array([0.5, 0.0, 1.5, 2.0])[:, None], (40_000, 4, 1))
    _, last = pick(weight, np.random.default_rng(5))
    np.testing.assert_allclose(np.bincount(last.ravel(), minlength=4) / 40_000, [0.125, 0, 0.375, 0.5], atol=0.01)


def quadratic(centre, curvature):
    """A quadratic surface, which is a Gaussian log-likelihood."""
    size = len(centre)
    no_points, no_weights, scales = np.zeros((0, size)), np.zeros(0), Scales(np.zeros(size), 0.0, 0.0)
    return Surface(centre, np.eye(size), 0.0, np.zeros(size), -curvature, np.ones(size), no_points, no_weights, scales)


def test_moves_leave_the_true_posterior_invariant_with_inaccurate_emulators():
    """Likelihoods are Gaussian around 1 with noisy estimates; emulators have other centres and are wider or narrower."""
    random = np.random.default_rng(8)
    chains, participants, size = 3000, 2, 2
    precision = np.array([[[2.0, 0.6], [0.6, 1.0]], [[0.5, -0.2], [-0.2, 3.0]]])
    no_limits = Limits(np.full(size, -np.inf), np.full(size, np.inf))
    surfaces = [
        quadratic(np.array([0.5, 1.4]), 0.6 * precision[0]),
        quadratic(np.array([1.2, 0.9]), 1.5 * precision[1]),
    ]

    def estimate(u, participant, particles):
        gap = u - 1.0
        noise = 0.5 * random.standard_normal(len(u)) - 0.125
        return -0.5 * np.einsum("ni,nij,nj->n", gap, precision[participant], gap) + noise

    parameters = [Parameter(name, "", "real", -np.inf, np.inf, mean=0.0, width=0.9, spread=0.5) for name in "ab"]
    population = population_of(parameters, 1.0, pooling="none")
    prior = population.prior
    corrector = Corrector(
        estimate, Emulator(surfaces, no_limits), precision, population, np.array([3, 2]), np.array([9, 9]), random
    )  # fmt: skip
    posterior = precision + np.diag(1.0 / prior.total**2)
    mean = np.linalg.solve(posterior, precision @ np.ones((size, 1)))[..., 0]
    covariance = np.linalg.inv(posterior)
    group_mean, spread = np.zeros((chains, size)), np.broadcast_to(prior.total, (chains, size))
    start = mean + np.einsum(
        "nij,cnj->cni", np.linalg.cholesky(covariance), random.standard_normal((chains, participants, size))
    )
    state = corrector.weigh(group_mean, spread, start)
    for _ in range(6):
        corrector.refresh(state)
    moved = np.abs(state.u - start).max(2)
    assert (moved > 0).mean() > 0.95
    for n in range(participants):
        error = np.sqrt(np.diag(covariance[n]) / chains)
        assert (np.abs(state.u[:, n].mean(0) - mean[n]) < 4 * error).all()
        np.testing.assert_allclose(
            np.cov(state.u[:, n].T), covariance[n], atol=5 * covariance[n].max() / np.sqrt(chains)
        )


def test_a_tilt_is_estimated_from_noisy_weights_and_selects_draws():
    """Weights depend on the second mean; retained draws have the tilted mean, and the remaining weights."""
    random = np.random.default_rng(3)
    mu, sd = random.standard_normal((4000, 2)), np.exp(0.3 * random.standard_normal((4000, 2)))
    height = 0.5 * mu[:, 1] + 0.8 * random.standard_normal(4000)
    tilt = learnt(mu, sd, height)
    np.testing.assert_allclose(tilt.slope / tilt.scale, [0, 0.5, 0, 0], atol=0.06)
    retained = tilt.kept(mu, sd, random)
    assert 0.4 < retained.mean() < 0.8
    assert 0.25 < mu[retained, 1].mean() < 0.55  # 0.5 without a cap
    weight = np.exp(0.5 * mu[retained, 1] - tilt(mu[retained], sd[retained]))
    np.testing.assert_allclose((weight * mu[retained, 1]).sum() / weight.sum(), 0.5, atol=0.08)
    from_few_draws = learnt(mu[:60], sd[:60], random.standard_normal(60))
    assert np.abs(from_few_draws.slope).max() < 0.45
