"""Arrangements of trials are cached between calls, and never shared with other learners or other trials."""

import gc

import numpy as np
import pytest

import trialwise as tw
from trialwise.analysis.conformance.specimen import specimen
from trialwise.likelihoods.arrangement import arranged_trials, arrangement

VALUES = {"alpha": 0.3, "beta": 2.0, "forget": 0.1}


def test_arrangements_differ_by_settings_restrictions_and_trials():
    learners = tw.QLearning(), tw.QLearning(initial=1.2), tw.QLearning().fix(forget=0.1), tw.QLearning().fix(forget=0.5)
    first = specimen(tw.QLearning())
    for trials in (first, first.select(first.participants[1:]), first):
        for learner in (*learners, *learners):
            values = {name: VALUES[name] for name in learner.names}
            compiled = tw.log_likelihood(learner, trials, values)
            np.testing.assert_allclose(compiled, tw.log_likelihood(learner, trials, values, plain=True), rtol=1e-10)


def test_the_arrangement_is_cached():
    trials = specimen(tw.QLearning())
    assert arrangement(tw.QLearning(), trials) is arrangement(tw.QLearning(), trials)


def test_arranged_trials_are_read_only():
    trials = specimen(tw.QLearning())
    tw.log_likelihood(tw.QLearning(), trials, VALUES)
    with pytest.raises(ValueError, match="read-only"):
        trials.outcome["outcome"][0] = 1.0


def test_the_cache_is_freed_with_the_trials():
    gc.collect()  # trials of other tests, in cycles
    trials = specimen(tw.QLearning())
    tw.log_likelihood(tw.QLearning(), trials, VALUES)
    count = arranged_trials()
    del trials
    gc.collect()
    assert arranged_trials() == count - 1


beta = (np.zeros(2), "a variable of a notebook with the name of a parameter")


def test_variables_with_names_of_parameters_have_no_effect():
    @tw.learner
    class Named:
        """Values of actions."""

        beta: float = tw.positive("inverse temperature")

        def choose(self, q, trial, preference):
            for action in range(len(preference)):
                preference[action] = self.beta * action

    trials = tw.load_data("alien_flat")[0]
    parameters = {"beta": 0.5}
    np.testing.assert_allclose(
        tw.log_likelihood(Named(), trials, parameters),
        tw.log_likelihood(Named(), trials, parameters, plain=True),
        rtol=1e-10,
    )
