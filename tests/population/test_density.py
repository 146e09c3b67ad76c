"""The compiled posterior equals that of the PyMC model in other coordinates, with correct gradient and Jacobian."""

import numpy as np
import pymc as pm
import pytest
from scipy.special import expit

import trialwise as tw
from trialwise.base.errors import UsageError
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.population.density import SOFTNESS, posterior
from trialwise.population.geometry.expansion import expand
from trialwise.population.population import population_of
from trialwise.population.pymc.model import build_model

pytestmark = pytest.mark.sample

LEARNER = tw.QLearning(initial=1.2)


def compiled_posterior(trials, pooling, learner=LEARNER, priors=None):
    population = population_of(learner, trials, priors, pooling)
    assert not population.unusual
    likelihood = likelihood_of(learner, trials, pooled=pooling == "complete")
    return posterior(learner, likelihood.packed, population, expand(likelihood, population))


def log_jacobian(target, x, step=1e-6):
    """log |d (mu, sd, u) / dx| by central differences."""

    def values_at(x):
        group, _ = target.values(x)
        return (
            np.concatenate([group.coefficients, group.spreads, group.u.ravel()]) if target.grouped else group.u.ravel()
        )

    columns = [(values_at(x + step * e) - values_at(x - step * e)) / (2 * step) for e in np.eye(len(x))]
    return np.linalg.slogdet(np.stack(columns, 1))[1]


def pymc_log_density(model, target, x):
    """The model's joint log-density of its own parameters, without Jacobians of transforms."""
    mu, sd, _, u = target.values(x)[0]
    names = list(target.population.names)
    if target.grouped:
        point = {"individual": u}
        point |= {f"{name}_mu": mu[k] for k, name in enumerate(names)}
        point |= {f"{name}_sd": sd[k] for k, name in enumerate(names)}
    else:
        point = {f"{n}_unconstrained": u[:, k] if len(u) > 1 else u[0, k] for k, n in enumerate(names)}
    inputs = {}
    for rv in model.free_RVs:
        value = model.rvs_to_values[rv]
        inputs[value.name] = np.log(point[rv.name]) if value.name.endswith("_log__") else np.asarray(point[rv.name])
    return float(model.compile_logp(jacobian=False)(inputs))


@pytest.mark.parametrize(
    ("pooling", "user_priors", "learner"),
    [
        ("partial", False, LEARNER),
        ("none", False, LEARNER),
        ("complete", False, LEARNER),
        ("partial", True, LEARNER),
        ("partial", False, tw.learners.EngagedQLearning(initial=1.2)),
    ],
)
def test_density_is_that_of_the_pymc_model(small, pooling, user_priors, learner):
    trials = small.trials.select(small.trials.participants[:4])
    priors = {"alpha_mu": pm.Normal.dist(-1.5, 0.3), "beta_sd": pm.HalfNormal.dist(0.2)} if user_priors else {}
    target = compiled_posterior(trials, pooling, learner, priors=priors)
    model = build_model(learner, trials, target.population)
    random = np.random.default_rng(5)
    for _ in range(2):
        x = target.start(random)
        size = target.shape[1]
        # probability of the signs of spreads
        share = np.log(expit(x[size : 2 * size] / SOFTNESS)).sum() if target.grouped else 0.0
        expected = pymc_log_density(model, target, x) + share + log_jacobian(target, x)
        assert target(x)[0] == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("pooling", ["partial", "none", "complete"])
@pytest.mark.parametrize("learner", [LEARNER, LEARNER.with_stickiness().with_lapse()], ids=repr)
def test_gradient(small, pooling, learner):
    target = compiled_posterior(small.trials, pooling, learner)
    x = target.start(np.random.default_rng(1))
    _, gradient = target(x)
    step = 1e-5
    slopes = [(target(x + step * e)[0] - target(x - step * e)[0]) / (2 * step) for e in np.eye(len(x))]
    np.testing.assert_allclose(gradient, slopes, atol=1e-5 * np.abs(gradient).max())


def test_the_density_is_smooth_at_spreads_of_zero(small):
    """A signed spread may cross zero: the density is smooth there and its gradient correct."""
    target = compiled_posterior(small.trials, "partial")
    x = target.start(np.random.default_rng(2))
    size = target.shape[1]
    x[size] = -0.5
    assert (target.values(x)[0].spreads > 0).all()
    slope = (target(x + 1e-6 * np.eye(len(x))[size])[0] - target(x)[0]) / 1e-6
    assert slope == pytest.approx(target(x)[1][size], rel=1e-3, abs=1e-3)


def test_coordinates_are_the_inverse_of_values(small):
    target = compiled_posterior(small.trials, "partial")
    x = np.abs(target.start(np.random.default_rng(3)))
    mu, sd, _, u = target.values(x)[0]
    np.testing.assert_allclose(target.coordinates(mu, sd, u - mu), x, atol=1e-8)


def test_other_data_need_no_new_compilation(small):
    first = compiled_posterior(small.trials, "partial")
    second = compiled_posterior(small.trials.select(small.trials.participants[:5]), "partial")
    third = compiled_posterior(small.trials, "complete")
    assert first.density is second.density is third.density
    before = len(first.density.signatures)
    for target in (first, second, third):
        target(target.start(np.random.default_rng(0)))
    added = first.density.signatures[before:]
    assert len(added) == (before == 0), added


def test_variables_of_the_pymc_model(small):
    trials = small.trials
    model = build_model(LEARNER, trials)
    assert {rv.name for rv in model.free_RVs} == {
        *(f"{name}_{part}" for name in LEARNER.names for part in ("mu", "sd")), "individual",
    }  # fmt: skip
    assert [rv.name for rv in model.observed_RVs] == ["choices"]
    assert not model.potentials
    with model:
        prior = pm.sample_prior_predictive(5, random_seed=1)
    choices = prior["prior_predictive"]["choices"].to_numpy()
    assert choices.shape == (1, 5, trials.n_trials)
    assert set(np.unique(choices)) <= {0, 1, 2}
    assert prior["prior"]["alpha"].dims == ("chain", "draw", "participant")


def test_log_likelihood_and_predictive_of_a_fit(fitted):
    posterior = fitted.tree["posterior"].to_dataset().isel(draw=slice(0, 3))
    import xarray as xr

    tree = xr.DataTree.from_dict({"posterior": posterior})
    with fitted.model:
        pm.compute_log_likelihood(tree, progressbar=False)
        predicted = pm.sample_posterior_predictive(tree, progressbar=False, random_seed=1)
    result = tree["log_likelihood"]["choices"].to_numpy()
    parameters = {name: posterior[name].isel(chain=1, draw=2).to_numpy() for name in fitted.parameters}
    np.testing.assert_allclose(result[1, 2], tw.log_likelihood(fitted.learner, fitted.trials, parameters), atol=1e-8)
    assert predicted["posterior_predictive"]["choices"].shape[-1] == fitted.trials.n_trials


@pytest.mark.parametrize(
    "prior",
    [
        pm.Normal.dist(pm.Normal.dist(), 1), pm.StudentT.dist(3), pm.HalfNormal.dist(1),
        pm.Normal.dist(0, 1) + 1,
    ],
)  # fmt: skip
def test_other_priors_are_sampled_by_pymc(small, prior):
    default = population_of(LEARNER, small.trials)
    population = population_of(LEARNER, small.trials, {"alpha_mu": prior})
    assert population.unusual == {"alpha_mu": prior} and not default.unusual
    np.testing.assert_array_equal(population.prior.mean, default.prior.mean)


@pytest.mark.parametrize("prior", [0.3, None, "Normal(0, 1)"])
@pytest.mark.parametrize("pooling", ["partial", "none", "complete"])
def test_a_prior_is_a_distribution(small, pooling, prior):
    name = "alpha_mu" if pooling == "partial" else "alpha"
    with pytest.raises(UsageError, match=f"the prior of {name} is .* it must be a distribution"):
        population_of(LEARNER, small.trials, {name: prior}, pooling)


@pytest.mark.parametrize("name, prior", [("alpha_mu", pm.Normal.dist(0, 0.0)), ("beta_sd", pm.HalfNormal.dist(-1.0))])
def test_a_prior_needs_a_width(small, name, prior):
    with pytest.raises(UsageError, match="must be above 0"):
        population_of(LEARNER, small.trials, {name: prior})


def test_the_likelihood_in_a_users_model(small):
    """``tw.likelihood`` inside a model with any priors, and its gradient."""
    trials = small.trials
    with pm.Model(coords={"participant": list(trials.participants)}) as model:
        alpha = pm.Beta("alpha", 2, 5, dims="participant")
        beta = pm.Gamma("beta", 2, 1, dims="participant")
        tw.likelihood("choices", LEARNER.fix(forget=0.05), trials, alpha=alpha, beta=beta)
    with pytest.raises(tw.errors.UsageError, match="needs beta"), pm.Model():
        tw.likelihood("choices", LEARNER.fix(forget=0.05), trials, alpha=0.1)
    start = model.initial_point()
    logp, slope = model.compile_logp(), model.compile_dlogp()
    gradient = slope(start)
    flat = np.concatenate([start[v.name].ravel() for v in model.value_vars])

    def log_density(x):
        point, start_index = {}, 0
        for v in model.value_vars:
            size = start[v.name].size
            point[v.name] = x[start_index : start_index + size].reshape(start[v.name].shape)
            start_index += size
        return float(logp(point))

    steps = [(log_density(flat + 1e-5 * e) - log_density(flat - 1e-5 * e)) / 2e-5 for e in np.eye(len(flat))]
    np.testing.assert_allclose(gradient, steps, rtol=1e-5, atol=1e-4)
