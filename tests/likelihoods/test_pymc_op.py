"""The likelihood in PyMC models where responses and outcomes are missing."""

from dataclasses import replace

import numpy as np
import pymc as pm
import pytest

import trialwise as tw

pytestmark = pytest.mark.sample

FLAT = tw.QLearning(initial=0.5)
VALUES = {"alpha": 0.3, "beta": 2.0, "forget": 0.01}
CONDITIONED = {"alpha": 0.2, "intercept": 0.0, "slope": 1.0, "noise": 0.2}


@pytest.fixture(scope="module")
def missed():
    """Choices with and without outcome missed, and an outcome missing after a choice."""
    trials = tw.simulate(FLAT, tw.environments.AlienTask(trials=40), VALUES, participants=3, seed=1).trials
    choice, outcome = trials.choice.copy(), trials.outcome["outcome"].copy()
    choice[[3, 50]], outcome[[3, 7]] = -1, np.nan
    return replace(trials, choice=choice, outcome={"outcome": outcome})


@pytest.fixture(scope="module")
def unanswered():
    """Continuous responses, two of them missing."""
    learner = tw.learners.RescorlaWagner()
    trials = tw.simulate(learner, tw.environments.Conditioning(), CONDITIONED, participants=3, seed=1).trials
    response = trials.response["response"].copy()
    response[[2, 40]] = np.nan
    return replace(trials, response={"response": response})


def test_missed_choices_and_outcomes(missed):
    with pm.Model(coords={"participant": missed.participants}) as model:
        alpha = pm.Beta("alpha", 2, 2, dims="participant")
        variable = tw.likelihood("choices", FLAT, missed, alpha=alpha, beta=2.0, forget=0.01)
        prior = pm.sample_prior_predictive(5, random_seed=1)
    logp, slope = model.compile_logp(vars=[variable]), model.compile_dlogp()
    u = np.log(0.3 / 0.7) * np.ones(3)
    values, slopes = tw.log_likelihood(FLAT, missed, VALUES, gradient=True)
    assert float(logp({"alpha_logodds__": u})) == pytest.approx(values.sum(), rel=1e-12)
    # Beta(2, 2) on the logit scale, its Jacobian included: the log-density is 2 log alpha + 2 log(1 - alpha) + a constant
    expected = slopes["alpha"] * 0.3 * 0.7 + 2 * (1 - 0.3) - 2 * 0.3
    np.testing.assert_allclose(slope({"alpha_logodds__": u}), expected, rtol=1e-10)
    drawn = prior["prior_predictive"]["choices"].to_numpy()
    np.testing.assert_array_equal((drawn == -1).all((0, 1)), missed.choice == -1)


def test_missing_continuous_responses(unanswered):
    learner = tw.learners.RescorlaWagner()
    with pm.Model() as model:
        alpha = pm.Beta("alpha", 2, 2)
        variable = tw.likelihood("responses", learner, unanswered, **(CONDITIONED | {"alpha": alpha}))
    logp = model.compile_logp(vars=[variable])
    expected = tw.log_likelihood(learner, unanswered, CONDITIONED).sum()
    assert float(logp({"alpha_logodds__": np.log(0.2 / 0.8)})) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "settings",
    [{"priors": {"alpha_mu": pm.StudentT.dist(nu=3, mu=0, sigma=1)}}, {"priors": {"alpha": pm.Beta.dist(2, 2)}, "pooling": "none"}],
    ids=["partial", "none"],
)  # fmt: skip
def test_priors_of_ones_own_and_the_model_of_a_fit(missed, settings):
    fit = tw.fit(FLAT, missed, draws=20, tune=20, chains=2, progress=False, **settings)
    assert "choices" in fit.model.named_vars
