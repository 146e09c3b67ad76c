"""One prior of several coefficients, beside one for which the model is written in PyMC: each has its own variable."""

import numpy as np
import pymc as pm
from scipy import stats

import trialwise as tw
from trialwise.population.designs.build import designed
from trialwise.population.population import population_of
from trialwise.population.pymc.model import build_model


def test_one_prior_of_several_coefficients_is_counted_for_each():
    trials = tw.load_data("alien_flat").trials.select([0, 1, 2, 3]).first(10)
    table = {"participant": trials.participants, "group": ["a", "b"] * 2, "age": [20, 30, 45, 40]}
    learner = tw.QLearning().fix(forget=0)
    built = designed(learner.names, learner, trials, "alpha ~ group + age", table)
    priors = {"alpha_effects": pm.Normal.dist(0, 0.2), "alpha_mu": pm.StudentT.dist(nu=3, mu=-1, sigma=1)}
    model = build_model(learner, trials, population_of(learner, trials, priors, design=built.design))
    names = ["alpha_effects[group.1]", "alpha_effects[age]", "alpha_mu"]
    assert {variable.name for variable in model.free_RVs} >= set(names)
    density = model.compile_logp([model[name] for name in names], sum=False)
    point = model.initial_point() | {name: np.array(value) for name, value in zip(names, (0.1, -0.3, 0.5), strict=True)}
    expected = [stats.norm(0, 0.2).logpdf(0.1), stats.norm(0, 0.2).logpdf(-0.3), stats.t(3, -1, 1).logpdf(0.5)]
    np.testing.assert_allclose(sorted(float(each) for each in density(point)), sorted(expected), rtol=1e-8)
