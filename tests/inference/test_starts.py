"""Errors at starting points name the trial or the parameter and give advice."""

import re
from dataclasses import replace

import numpy as np
import pytest

import trialwise as tw
from trialwise import learner, positive, real, unit

LEARNER = tw.QLearning(initial=1.2)


def fit(learner, trials):
    return tw.fit(learner, trials, draws=20, tune=20, chains=1, seed=1, progress=False)


def test_an_infinite_outcome_is_named(small):
    outcome = small.trials.outcome["outcome"].copy()
    outcome[125] = np.inf
    with pytest.raises(
        tw.errors.ModelError, match=r"participant 1 (.|\n)*the outcome of trial 6 is not a usable number"
    ):
        fit(LEARNER, replace(small.trials, outcome={"outcome": outcome}))


@learner
class Overflow:
    rate: float = unit("learning rate")
    power: float = positive("steepness", mean=0.0, width=4.0)

    def start(self, task):
        return task.table("action", fill=1.0)

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = (abs(q[action]) + 20.0) ** self.power - action

    def learn(self, q, trial, choice, outcome):
        q[choice] += self.rate * (outcome - q[choice])


def test_the_responsible_parameter_is_named(small):
    with pytest.raises(tw.errors.ModelError, match=r"finite with power at the centre(.|\n)*power_mu"):
        fit(Overflow(), small.trials)


@pytest.mark.parametrize("pooling", ["partial", "none", "complete"])
def test_the_suggested_narrower_prior_can_be_fitted(small, pooling):
    """The suggestion works as printed: name, scale and width fit the pooling."""
    import pymc as pm

    settings = {"draws": 20, "tune": 20, "chains": 1, "seed": 1, "progress": False, "pooling": pooling}
    with pytest.raises(tw.errors.ModelError) as error:
        tw.fit(Overflow(), small.trials, **settings)
    (suggestion,) = re.findall(r"priors=(\{.*?\)\})", str(error.value))
    priors = eval(suggestion, {"pm": pm})
    assert list(priors) == ["power_mu" if pooling == "partial" else "power"]
    fitted = tw.fit(Overflow(), small.trials, priors=priors, **settings)
    power = fitted.tree["posterior"]["power"]
    assert (
        np.isfinite(power).all() and power.dims == ("chain", "draw", "participant")[: 2 if pooling == "complete" else 3]
    )


@pytest.mark.parametrize("family", ["Flat", "Cauchy"])
def test_improper_and_heavy_tailed_priors_can_be_fitted(small, family):
    import pymc as pm

    prior = {"Flat": pm.Flat.dist, "Cauchy": lambda: pm.Cauchy.dist(0, 50)}[family]()
    settings = {"draws": 20, "tune": 20, "chains": 1, "seed": 1, "progress": False}
    fitted = tw.fit(LEARNER, small.trials, priors={"alpha_mu": prior}, **settings)
    assert np.isfinite(fitted.tree["posterior"]["alpha_mu"]).all()


def test_point_estimates_suggest_no_priors(small):
    with pytest.raises(tw.errors.ModelError) as error:
        tw.point(Overflow(), small.trials)
    assert "prior=" not in str(error.value) and "priors=" not in str(error.value)


@learner
class TwoRates:
    gain: float = unit("learning rate of gains")
    loss: float = unit("learning rate of losses")
    beta: float = positive("inverse temperature")

    def start(self, task):
        return task.table("action")

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * q[action]

    def learn(self, q, trial, choice, outcome):
        rate = self.loss if outcome < 0 else self.gain
        q[choice] += rate * (outcome - q[choice])


def test_missing_events_in_the_data_are_named(small):
    with pytest.raises(
        tw.errors.ModelError, match=r"does not change with loss(.|\n)*no negative outcome in these data"
    ):
        fit(TwoRates(), small.trials)
    unpaid = replace(small.trials, outcome={"outcome": np.zeros(small.trials.n_trials)})
    with pytest.raises(tw.errors.ModelError, match=r"does not change with \w+ (.|\n)*every outcome is 0"):
        fit(TwoRates(), unpaid)


@learner
class ArgmaxChooser:
    alpha: float = unit("learning rate")
    bias: float = real("bias", mean=1.0)

    def start(self, task):
        return task.table("cue", "action", fill=1.2)

    def choose(self, q, trial, preference):
        best = np.argmax(q[trial.cue])
        for action in range(len(preference)):
            preference[action] = self.bias if action == best else 0.0

    def learn(self, q, trial, choice, outcome):
        q[trial.cue, choice] += self.alpha * (outcome - q[trial.cue, choice])


def test_argmax_is_explained(small):
    with pytest.raises(tw.errors.ModelError, match=r"changes with alpha only in jumps(.|\n)*argmax(.|\n)*hide"):
        fit(ArgmaxChooser(), small.trials)


@learner
class Unused:
    alpha: float = unit("learning rate")
    beta: float = positive("inverse temperature")

    def choose(self, nothing, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * action


def test_an_unused_parameter_is_named(small):
    with pytest.raises(tw.errors.ModelError, match="alpha affects nothing that choose or respond reads"):
        fit(Unused(), small.trials)


@learner
class Watcher:
    alpha: float = unit("learning rate")
    shown: float = unit("learning rate of what is only shown")

    def start(self, task):
        return task.table("action")

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = q[action]

    def learn(self, q, trial, choice, outcome):
        q[choice] += self.alpha * (outcome - q[choice])

    def watch(self, q, trial, outcome):
        q[0] += self.shown * (outcome - q[0])


def test_a_method_that_the_data_never_call_is_named(small):
    with pytest.raises(
        tw.errors.ModelError,
        match=r"does not change with shown(.|\n)*so that watch is never called: leave shown out with",
    ):
        tw.point(Watcher(), small.trials)


def test_data_in_which_no_response_is_scored(small):
    everyone = np.ones(small.trials.n_trials, bool)
    with pytest.raises(tw.errors.ModelError, match=r"960 one that was not the participant's own(.|\n)*scored=False"):
        tw.point(LEARNER, replace(small.trials, scored=~everyone))
    with pytest.raises(tw.errors.ModelError, match=r"960 have no choice(.|\n)*choice=\.\.\."):
        tw.point(LEARNER, replace(small.trials, choice=np.full(small.trials.n_trials, -1)))


def test_participants_with_uninformative_data(small):
    outcome = small.trials.outcome["outcome"].copy()
    outcome[: small.trials.offsets[1]] = np.nan
    result = fit(LEARNER, replace(small.trials, outcome={"outcome": outcome}))
    assert any("the data of 0 are uninformative about alpha" in note for note in result.notes)


SETS = tw.learners.TaskSets(initial=1.2)


def test_hidden_choices_with_infinite_or_missing_outcomes(small):
    trials = small.trials.select(small.trials.participants[:3])
    outcome = trials.outcome["outcome"].copy()
    outcome[125] = np.inf
    with pytest.raises(
        tw.errors.ModelError, match=r"participant 1 is (nan|-inf) at a plausible(.|\n)*not usable numbers"
    ):
        fit(SETS, replace(trials, outcome={"outcome": outcome}))
    missing = np.full(trials.n_trials, np.nan)
    with pytest.raises(
        tw.errors.ModelError, match=r"does not change with alpha at any starting point(.|\n)*\.fix\(alpha=\.\.\.\)"
    ):
        fit(SETS, replace(trials, outcome={"outcome": missing}))
