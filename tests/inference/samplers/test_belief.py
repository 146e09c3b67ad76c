"""Particle Gibbs draws from the posterior that an exact forward sum has. For 100 groups, and ranks, see ``docs/calibration_belief.txt``."""

import importlib
from pathlib import Path

import numpy as np
import pytest

import trialwise as tw


@pytest.fixture
def script(monkeypatch):
    """The script of the long study."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "scripts"))
    return importlib.import_module("calibration_belief")


@pytest.mark.sample
def test_the_posterior_is_that_of_the_forward_sum(script):
    _, fit, exact = script.both_fits(0, draws=600)
    assert (fit.attrs["sampler"], exact.attrs["sampler"]) == ("particle-gibbs", "nuts")
    between = script.distances(fit, exact)
    assert between.shape == (2, 6) and np.abs(between).max() < 4


def test_both_learners_have_the_same_likelihood(script):
    """The chain declared as such, and the last belief as part of the state, by summing over all sequences."""
    theta = {"beta": 2.0, "stay": 0.9, "leave": 0.3}
    trials = tw.simulate(
        script.Belief(), tw.environments.ProbabilisticReversal(trials=8), theta, participants=2, seed=1
    ).trials
    chain, state = (
        tw.log_likelihood(learner, trials, theta, **more)
        for learner, more in ((script.Belief(), {}), (script.BeliefInState(), {"method": "exact"}))
    )
    np.testing.assert_allclose(np.asarray(chain, float), np.asarray(state, float), rtol=1e-12)
