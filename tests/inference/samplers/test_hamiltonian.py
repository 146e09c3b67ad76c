"""Transitions of Hamiltonian Monte Carlo on fixed targets: a Normal distribution, and a posterior that NUTS has sampled."""

import numba
import numpy as np
import pytest
from arviz_stats.base import array_stats

from trialwise.engine.packing import pack
from trialwise.inference.samplers.particle_gibbs.hamiltonian import (
    CAREFUL,
    MOST_STEPS,
    SHORTER,
    Moved,
    Roots,
    StepSize,
    build_transition,
    curvature_at,
    draw_transition,
    no_scale,
    roots_of,
)
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.population.density import posterior
from trialwise.population.geometry.expansion import expand
from trialwise.population.population import population_of

pytestmark = pytest.mark.compile


@numba.njit
def normal(x, precision, mean):
    """A multivariate Normal distribution."""
    gap = x - mean
    return -0.5 * gap @ precision @ gap, -(precision @ gap)


def chain(transition, x, roots, arguments, count, seed=0):
    random, step, points = np.random.default_rng(seed), StepSize.begin(0.1), []
    for number in range(count):
        moved = Moved(
            *transition(
                x,
                *draw_transition(random, len(x), float(np.exp(step.log)), number % CAREFUL == 0),
                tuple(roots),
                arguments,
            )
        )
        x = moved.x
        if number < count // 5 and number % CAREFUL:
            step = step.adapted(moved.acceptance)
        else:
            step = StepSize.pooled([step]) if number == count // 5 else step
            points.append(x)
    return np.array(points)


def differences(points, mean, sd):
    """Differences of means and standard deviations in Monte Carlo errors."""
    ess = {method: array_stats.ess(points[None], chain_axis=0, draw_axis=1, method=method) for method in ("mean", "sd")}
    error = points.std(0) / np.sqrt(ess["mean"])
    return np.concatenate([(points.mean(0) - mean) / error, (points.std(0) / sd - 1) * np.sqrt(2 * ess["sd"])])


def test_a_normal_distribution():
    """Two participants with two coordinates each, and one of the group; correlated, with widths from .3 to 3."""
    root = np.tril(np.random.default_rng(1).normal(0, 0.3, (5, 5)), -1) + np.diag([0.3, 1.0, 3.0, 0.5, 1.5])
    root[3:, 1:3] = 0.0
    covariance, mean = root @ root.T, np.array([1.0, -2.0, 0.0, 3.0, 0.5])
    precision = np.linalg.inv(covariance)
    curvature = curvature_at(lambda x: normal(x, precision, mean), mean + 0.3, 1, 2)
    np.testing.assert_allclose(curvature.group, precision[:1, :1], rtol=1e-6)
    np.testing.assert_allclose(curvature.participants[1], precision[3:, 3:], rtol=1e-6)
    roots = roots_of([curvature, curvature])
    np.testing.assert_allclose(
        np.linalg.matrix_power(roots.participants[1], 4), np.linalg.inv(precision[3:, 3:]), rtol=1e-6
    )
    transition = build_transition(normal)
    for each in (roots, no_scale(1, 2, 2)):
        points = chain(transition, np.zeros(5), each, (precision, mean), 6000)
        assert np.abs(differences(points, mean, np.sqrt(np.diag(covariance)))).max() < 4.0
        assert np.abs(np.corrcoef(points.T) - covariance / np.sqrt(np.outer(*[np.diag(covariance)] * 2))).max() < 0.06


def test_careful_transitions_have_shorter_steps_and_as_many():
    (_, _, size, count), (_, _, shorter, same) = (
        draw_transition(np.random.default_rng(3), 4, 0.2, careful) for careful in (False, True)
    )
    assert shorter == size / SHORTER and count == same


@numba.njit
def neck(x):
    """A Normal distribution beside a narrow neck: the second coordinate has a standard deviation of .02 where the first is below -1, else 1."""
    width = 0.02 if x[0] < -1.0 else 1.0
    gradient = np.array([-x[0], -x[1] / width**2])
    return -0.5 * x[0] ** 2 - 0.5 * (x[1] / width) ** 2 - np.log(width), gradient


def test_careful_transitions_move_where_others_diverge():
    """In a neck in which steps of the usual size diverge, so that a chain of them alone stands still."""
    transition, moves = build_transition(neck), {}
    for careful in (False, True):
        random, x, moved = np.random.default_rng(5), np.array([-2.0, 0.0]), []
        for _ in range(200):
            numbers = draw_transition(random, 2, 0.09, careful)
            result = Moved(*transition(x, *numbers, tuple(no_scale(0, 1, 2)), ()))
            moved.append((result.x != x).any())
            x = result.x
            if x[0] > -1.0:
                break
        moves[careful] = np.mean(moved)
    assert moves[False] < 0.05 < 0.15 < moves[True]


def test_a_trajectory_is_reversible_and_keeps_what_it_refuses():
    """A tiny step is always accepted; a huge one never, and it is counted as divergent."""
    transition, x = build_transition(normal), np.array([0.3, -0.2])
    arguments, roots, random = (np.eye(2), np.zeros(2)), tuple(no_scale(0, 1, 2)), np.random.default_rng(0)
    momentum = random.standard_normal(2)
    there = Moved(*transition(x, momentum, -1e-9, 1e-3, 1000, roots, arguments))
    assert there.acceptance == pytest.approx(1.0, abs=1e-6) and not there.diverged and there.gradients == 1001
    np.testing.assert_allclose(there.x, x * np.cos(1.0) + momentum * np.sin(1.0), atol=1e-6)  # the exact motion
    far = Moved(*transition(x, momentum, -1e9, 50.0, 10, roots, arguments))
    assert far.diverged and far.acceptance == 0.0 and (far.x == x).all() and far.gradients < 11


def test_the_posterior_that_nuts_samples(small, fitted):
    """Means and standard deviations of the group agree with those of nutpie's draws."""
    learner, trials = fitted.learner, small.trials
    likelihood, population = likelihood_of(learner, trials), population_of(learner, trials)
    target = posterior(learner, pack(learner, trials), population, expand(likelihood, population))
    start = target.start(np.random.default_rng(2))
    roots = roots_of([curvature_at(target, start, target.group_size, target.participants)])
    points = chain(build_transition(target.density), start, roots, target.arguments, 3000)
    values = [target.values(x)[0] for x in points]
    drawn = np.array([[*group.coefficients, *group.spreads] for group in values])
    names = [*population.variables.coefficients, *population.variables.spreads]
    table = fitted.summary().loc[names]
    ess = array_stats.ess(drawn[None], chain_axis=0, draw_axis=1)
    error = np.hypot(drawn.std(0) / np.sqrt(ess), table["mcse_mean"])
    assert (np.abs(drawn.mean(0) - table["mean"]) < 4 * error).all()
    np.testing.assert_allclose(drawn.std(0), table["sd"], rtol=0.35)


def test_step_sizes_follow_acceptance():
    """Acceptance that falls with the step is brought to its target."""
    step = StepSize.begin(0.1)
    for _ in range(400):
        step = step.adapted(float(np.exp(-np.exp(step.log))))
    assert np.exp(-np.exp(StepSize.pooled([step]).log)) == pytest.approx(0.85, abs=0.03)


def test_few_narrow_places_do_not_shorten_all_steps():
    """One of eight points with a ten-thousandfold curvature: the mean of curvatures would give a scale of .17, whose fourth power is 8 / 10007."""
    usual, narrow = np.ones((1, 1)), np.full((1, 1), 1e4)
    points = [Roots(each, each[None]) for each in (*[usual] * 7, narrow)]
    for root in (roots_of(points).group, roots_of(points).participants[0]):
        np.testing.assert_allclose(root, (7 + 0.1) / 8)


def test_tiny_steps_do_not_make_endless_trajectories():
    """Ten rejections at the start of an adaptation leave steps of 1e-12."""
    step = StepSize.begin(0.2)
    for _ in range(10):
        step = step.adapted(0.0)
    assert np.exp(step.log) < 1e-10
    *_, count = draw_transition(np.random.default_rng(1), 3, float(np.exp(step.log)))
    assert count == MOST_STEPS
