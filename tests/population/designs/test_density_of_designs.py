"""The compiled posterior of designs equals a plain PyMC model of the group and its participants, and the gradient is exact."""

import numpy as np
import pymc as pm
import pytest

import trialwise as tw
from trialwise.engine.packing import pack
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.population.density import SOFTNESS, posterior
from trialwise.population.design import Column, Design, Term
from trialwise.population.geometry.expansion import GroupPosterior, expand
from trialwise.population.population import population_of
from trialwise.population.pymc.model import build_model

pytestmark = pytest.mark.sample

LEARNER = tw.QLearning(initial=1.2).fix(forget=0.05)
COLUMNS = (Column("alpha"), Column("beta"))
ROWS = 6


def group_and_age():
    """Two groups and a covariate of alpha; participants vary in both parameters, which are correlated."""
    group, age = np.array([1, 1, 1, -1, -1, -1]) / np.sqrt(2), np.array([-1.2, 0.3, 1.0, -0.5, 0.1, 0.3])
    fixed = np.zeros((ROWS, 2, 4))
    fixed[:, 0, 0], fixed[:, 0, 1], fixed[:, 0, 2], fixed[:, 1, 3] = 1, group, age, 1
    effects = np.tile(np.eye(2), (ROWS, 1, 1))
    common = Term("alpha"), Term("alpha", "group.1"), Term("alpha", "age"), Term("beta")
    return Design(COLUMNS, common, (Term("alpha"), Term("beta")), np.arange(ROWS), fixed, effects, blocks=((0, 1),))


def two_sessions():
    """A value of alpha in each of two sessions, correlated; one participant has one session only."""
    owner, session = np.array([0, 0, 1, 1, 2, 3]), np.array([0, 1, 0, 1, 0, 1])
    fixed = np.zeros((ROWS, 2, 3))
    fixed[np.arange(ROWS), 0, session], fixed[:, 1, 2] = 1, 1
    terms = Term("alpha", "session[1]", True), Term("alpha", "session[2]", True), Term("beta")
    average = np.array([[0.5, 0.5, 0], [0, 0, 1.0]])
    return Design(COLUMNS, terms, terms, owner, fixed, fixed, blocks=((0, 1),), average=average)


def slopes_within():
    """A difference between sessions in both parameters, with participants who vary in it, without correlations."""
    owner, side = np.array([0, 0, 1, 1, 2, 2]), np.tile([1, -1], 3) / np.sqrt(2)
    fixed = np.zeros((ROWS, 2, 4))
    fixed[:, 0, 0] = fixed[:, 1, 2] = 1
    fixed[:, 0, 1] = fixed[:, 1, 3] = side
    terms = Term("alpha"), Term("alpha", "session.1"), Term("beta"), Term("beta", "session.1")
    return Design(COLUMNS, terms, terms, owner, fixed, fixed)


DESIGNS = {each.__name__: each for each in (group_and_age, two_sessions, slopes_within)}


@pytest.fixture(scope="module", params=list(DESIGNS))
def case(request, small):
    trials = small.trials.select(small.trials.participants[:ROWS]).first(60)
    population = population_of(LEARNER, trials, design=DESIGNS[request.param]())
    likelihood = likelihood_of(LEARNER, trials)
    expansion = expand(likelihood, population)
    return population, likelihood, posterior(LEARNER, pack(LEARNER, trials), population, expansion)


def group_of(target, population, x):
    """Coefficients, signed spreads, numbers of correlations and w, from coordinates."""
    e, f, q, p = (
        target.expansion,
        len(population.prior.mean),
        len(population.prior.spread),
        len(population.correlations),
    )
    m, s, r, w = np.split(x, [f, f + q, f + q + p])
    return e.mean + e.mean_factor @ m, e.sd_scale * s, e.correlation + e.correlation_scale * r, w.reshape(-1, q)


def test_density_is_that_of_a_plain_pymc_model(case):
    population, likelihood, target = case
    design, prior, pairs, e = population.design, population.prior, population.correlations, target.expansion
    random = np.random.default_rng(1)
    f, q = len(prior.mean), len(prior.spread)
    with pm.Model() as model:
        coefficients = pm.Normal("coefficients", prior.mean, prior.width)
        sd = pm.HalfNormal("sd", prior.spread, default_transform=None)
        factor = pm.Data("factor", np.eye(q))
        pm.MvNormal("effects", np.zeros(q), chol=sd[:, None] * factor, shape=(design.participants, q))
    log_density = model.compile_logp()
    for repetition in range(3):
        x = target.start(random)
        if repetition == 2:
            x[f] = -0.4  # a negative spread
        coefficients, z, r, w = group_of(target, population, x)
        factor = np.sign(z)[:, None] * pairs.factor(r)
        lower = abs(z)[:, None] * factor
        effects, log_slope = np.empty(w.shape), 0.0
        for n in range(len(w)):
            own = design.owner == n
            h = np.einsum("rkq,rkl,rlp->qp", design.random[own], e.curvature[own], design.random[own])
            gap = np.einsum("rkq,rk->q", design.random[own], e.linear[own])
            gap = gap - np.einsum(
                "rkq,rkl,rlf,f->q", design.random[own], e.curvature[own], design.fixed[own], coefficients
            )
            m = np.linalg.cholesky(np.eye(q) + lower.T @ h @ lower)
            effects[n] = lower @ np.linalg.solve(m.T, np.linalg.solve(m, lower.T @ gap) + w[n])
            log_slope += np.log(abs(z)).sum() + np.log(abs(np.diag(factor))).sum() - np.log(np.diag(m)).sum()
        group, theta = target.values(x)
        np.testing.assert_allclose(
            group.u, design.centre(coefficients) + design.deviations(effects), rtol=1e-9, atol=1e-12
        )
        model.set_data("factor", np.sign(np.diag(factor)) * factor)
        of_group = log_density({"coefficients": coefficients, "sd": abs(z), "effects": effects})
        expected = of_group + likelihood.gradient(group.u)[0].sum() + log_slope
        expected += np.linalg.slogdet(e.mean_factor)[1] + np.log(e.sd_scale).sum() + np.log(e.correlation_scale).sum()
        expected += pairs.log_density(r) - np.log1p(np.exp(-x[f : f + q] / SOFTNESS)).sum()
        assert target(x)[0] == pytest.approx(expected, rel=1e-12, abs=1e-9)
        np.testing.assert_allclose(theta, likelihood.natural(group.u), rtol=1e-12)
        if (z > 0).all():
            back = target.coordinates(coefficients, z, effects, r)
            np.testing.assert_allclose(back, x, atol=1e-7)


def test_gradient(case):
    _, _, target = case
    x = target.start(np.random.default_rng(2))
    gradient, step = target(x)[1], 1e-5
    found = [(target(x + step * e)[0] - target(x - step * e)[0]) / (2 * step) for e in np.eye(len(x))]
    np.testing.assert_allclose(gradient, found, atol=1e-6 * np.abs(gradient).max())


def test_the_group_posterior_of_the_expansion(case):
    """Its gradient, and its value against the integral over effects as one Normal distribution."""
    population, _, target = case
    design, e = population.design, target.expansion
    group = GroupPosterior(population, design, e.curvature, e.linear)
    theta = np.concatenate([e.mean, e.log_sd, e.correlation])
    random, differences = np.random.default_rng(3), []
    for _ in range(3):
        at = theta + 0.2 * random.standard_normal(len(theta))
        gradient = [(group(at + 1e-5 * k)[0] - group(at - 1e-5 * k)[0]) / 2e-5 for k in np.eye(len(at))]
        np.testing.assert_allclose(group(at)[1], gradient, rtol=1e-5, atol=1e-5)
        f, q = len(e.mean), len(e.log_sd)
        coefficients, sd = at[:f], np.exp(at[f : f + q])
        factor = population.correlations.factor(at[f + q :])
        covariance = (sd[:, None] * factor) @ (sd[:, None] * factor).T
        value = 0.0
        for n in range(design.participants):
            own = np.flatnonzero(design.owner == n)
            z, mean = np.concatenate(design.random[own]), np.concatenate(design.centre(coefficients)[own])
            h = np.zeros((len(z), len(z)))
            for k, r in enumerate(own):
                h[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = e.curvature[r]
            b = np.concatenate(e.linear[own])
            a = np.linalg.inv(covariance) + z.T @ h @ z
            c = z.T @ (b - h @ mean)
            value += (
                0.5 * c @ np.linalg.solve(a, c) - 0.5 * np.linalg.slogdet(a)[1] - 0.5 * np.linalg.slogdet(covariance)[1]
            )
            value += b @ mean - 0.5 * mean @ h @ mean
        prior = population.prior
        value += (
            -0.5 * (((coefficients - prior.mean) / prior.width) ** 2).sum() - 0.5 * ((sd / prior.spread) ** 2).sum()
        )
        value += np.log(sd).sum() + population.correlations.log_density(at[f + q :])
        differences.append(group(at)[0] - value)
    assert np.ptp(differences) < 1e-7


def test_the_model_of_the_same_population(case, small):
    """The variables of the PyMC model are those of a fit, and the values that follow from others are the same."""
    population, likelihood, target = case
    model = build_model(LEARNER, likelihood.trials, population)
    names = {each.name for each in (*model.free_RVs, *model.deterministics)}
    assert {*population.group_names, *population.derived_names, "individual", "alpha", "beta"} <= names
    x = np.abs(target.start(np.random.default_rng(4)))
    group, _ = target.values(x)
    named = population.by_name(*group[:3])
    wanted = (*population.variables.correlations, *population.derived_names)
    coefficients, spreads, r, _ = group_of(target, population, x)
    values = dict(zip(population.variables.coefficients, coefficients, strict=True))
    values |= dict(zip(population.variables.spreads, spreads, strict=True))
    if len(r):
        values["partial_correlations"] = (np.tanh(r) + 1) / 2
    found = model.compile_fn(
        [model[name] for name in wanted],
        inputs=[model[name] for name in values],
        point_fn=False,
        on_unused_input="ignore",
    )(*values.values())
    expected = {**named, **population.derived(named)}
    np.testing.assert_allclose(found, [expected[name] for name in wanted], rtol=1e-9)


def test_whitened_and_centred_models_have_the_same_posterior_density(case):
    """Up to the change of coordinates, whose determinant is known."""
    population, likelihood, target = case
    whitened = build_model(LEARNER, likelihood.trials, population, "whitened", target.expansion)
    assert {"whitened"} <= {each.name for each in whitened.free_RVs}
    assert np.isfinite(whitened.compile_logp()(whitened.initial_point()))
