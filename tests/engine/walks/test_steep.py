"""Likelihoods of choices that are all but certain, which are products of very large and very small numbers."""

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise.engine import run
from trialwise.engine.packing import pack

pytestmark = pytest.mark.compile

TRIALS = 20


@tw.learner
class Steep:
    """A hidden and an observed choice, each of the second option but for one in exp(bias)."""

    bias: float = tw.real("logit of the second option")
    rules: int = tw.hidden(2, "rules")

    def hide(self, state, trial, preference):
        preference[0], preference[1] = 0.0, self.bias

    def choose(self, state, trial, rule, preference):
        preference[0], preference[1] = 0.0, self.bias


@tw.learner
class Rare:
    """Choices of the second action with a tiny probability."""

    exponent: float = tw.positive("decimal exponent")

    @tw.probabilities
    def choose(self, state, trial, chance):
        chance[1] = 10.0**-self.exponent
        chance[0] = 1.0 - chance[1]


@pytest.fixture(scope="module")
def trials():
    choice = np.arange(TRIALS) % 3 == 0
    return tw.read_long(pd.DataFrame({"participant": "p", "choice": choice.astype(int), "outcome": 0.0}))


@pytest.mark.parametrize("bias", [-190.0, 3.0, 120.0, 190.0, 199.9])
def test_a_choice_and_a_hidden_choice(trials, bias):
    """Each factor is up to exp(200), and those of a trial are multiplied."""
    learner, hidden = Steep(), np.arange(TRIALS) % 2
    packed = pack(learner, trials).with_hidden(hidden)
    expected = sum(-np.logaddexp(0.0, -bias if each else bias) for each in (*hidden, *trials.choice))
    value, slope = run.run_gradient(learner, packed, np.array([[bias]]))
    assert value[0] == pytest.approx(expected, rel=1e-12) and np.isfinite(slope).all()
    assert run.run_plain(learner, packed, np.array([[bias]]))[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("exponent", [1.0, 90.0, 160.0, 195.0, 250.0])
def test_improbable_choices(trials, exponent):
    packed = pack(Rare(), trials)
    expected = (trials.choice == 1).sum() * -exponent * np.log(10) + (trials.choice == 0).sum() * np.log1p(
        -(10**-exponent)
    )
    for runs in (
        lambda free: run.run_gradient(Rare(), packed, free)[0],
        lambda free: run.run_plain(Rare(), packed, free),
    ):
        assert runs(np.array([[exponent]]))[0] == pytest.approx(expected, rel=1e-12)
