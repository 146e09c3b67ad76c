"""Fits in which a parameter has a slope on a number of the trials."""

from dataclasses import replace

import numpy as np
import pytest

import trialwise as tw
from trialwise import learner, positive, real, unit
from trialwise.data.trials import Column
from trialwise.inference.design_of import design_of
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.population.population import population_of

BASE = tw.QLearning().fix(forget=0)
PARTICIPANTS, TRUE = 16, 0.8
TASK = tw.environments.ProbabilisticReversal(trials=120)


@learner
class ByHand:
    """Q-learning with an inverse temperature that follows stakes."""

    alpha: float = unit("learning rate")
    beta: float = positive("inverse temperature")
    slope: float = real("slope")

    def start(self, task):
        return task.table("action")

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * np.exp(self.slope * trial.stake) * q[action]

    def learn(self, q, trial, choice, outcome):
        q[choice] += self.alpha * (outcome - q[choice])


@pytest.fixture(scope="module")
def trials():
    random = np.random.default_rng(3)
    drawn = tw.simulate(BASE, TASK, {"alpha": 0.3, "beta": 2.0}, participants=PARTICIPANTS, seed=1).trials
    stake = Column(random.normal(5.0, 2.0, drawn.n_trials))
    recorded = TASK.on(replace(drawn, columns={**drawn.columns, "stake": stake}))
    values = {
        "alpha": random.uniform(0.2, 0.5, PARTICIPANTS),
        "beta": np.exp(random.normal(0.7 - 2.5 * TRUE, 0.2, PARTICIPANTS)),
        "beta:stake": random.normal(TRUE / 2.0, 0.05, PARTICIPANTS),
    }
    return tw.simulate(BASE.vary(beta="stake"), recorded, values, seed=2).trials


def test_the_likelihood_of_the_design_is_that_of_a_learner_written_by_hand(trials):
    sloped, longer, stored, notes = design_of(BASE, trials, "beta ~ stake", None, "partial")
    assert sloped.names == ("alpha", "beta", "beta:stake (standardised)")
    assert any("a slope" in str(note) for note in notes)
    design = stored.design
    mean, sd = stored.models["beta"].numbers["stake"]
    random = np.random.default_rng(0)
    u = design.centre(random.normal(size=len(design.coefficients)) * 0.5)
    u = u + design.deviations(0.3 * random.normal(size=(PARTICIPANTS, len(design.effects))))
    result = likelihood_of(sloped, longer).gradient(u)[0]
    slope = u[:, 2] / sd
    values = {"alpha": 1 / (1 + np.exp(-u[:, 0])), "beta": np.exp(u[:, 1] - slope * mean), "slope": slope}
    np.testing.assert_allclose(result, tw.log_likelihood(ByHand(), trials, values), rtol=1e-10)


def test_priors_are_those_of_the_parameter_not_of_its_slope(trials):
    sloped, longer, stored, _ = design_of(BASE, trials, "beta ~ stake", None, "partial")
    prior = population_of(sloped.parameters, longer, design=stored.design).prior
    plain = population_of(BASE.parameters, trials).prior
    assert [term.label for term in stored.design.coefficients] == ["", "", "stake"]
    np.testing.assert_allclose(prior.mean, [*plain.mean, 0.0])
    np.testing.assert_allclose(prior.width, [*plain.width, plain.spread[1] / 2])
    np.testing.assert_allclose(prior.spread, [*plain.spread, plain.spread[1] / 2])


def test_a_fit_finds_the_slope(trials, tmp_path):
    fit = tw.fit(BASE, trials, formulas="beta ~ stake", draws=300, tune=300, chains=2, seed=1, progress=False)
    slope = fit.tree["posterior"]["beta_effects[stake]"].values.ravel()
    assert abs(slope.mean() - TRUE) < 4 * slope.std() and slope.mean() > 3 * slope.std() and slope.std() < 0.2
    fit.save(tmp_path / "fit.nc")
    again = tw.load(tmp_path / "fit.nc")
    np.testing.assert_array_equal(again.tree["posterior"]["beta_effects[stake]"].values.ravel(), slope)
    assert list(again.group().index) == list(fit.group().index)
