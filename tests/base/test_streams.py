"""Random numbers of different verbs have nothing to do with each other, though the verbs be given the same seed."""

import numpy as np
import pytest

import trialwise as tw
from trialwise.base import streams
from trialwise.environments import AlienTask

TRUTH = {"alpha": (0.1, 0.4), "beta": (1, 3), "forget": (0, 0.1)}
TASK, QUIET = AlienTask(trials=40), {"progress": False}

SHARED = {"outcomes of an example", "band of uniform ranks"}
"""Purposes whose numbers do not depend on the verb: a look at an environment, and a table of the uniform distribution."""


@pytest.fixture
def opened(monkeypatch):
    """The keys of the streams that are opened, those of shared purposes left out."""
    keys, hashed = set(), streams._hash

    def noted(seed, purpose, label, part):
        key = hashed(seed, purpose, label, part)
        if purpose not in SHARED:
            keys.add(key)
        return key

    monkeypatch.setattr(streams, "_hash", noted)
    return keys


@pytest.mark.study
def test_no_verb_repeats_the_random_numbers_of_another(opened, fitted):
    learner, trials = tw.QLearning(initial=1.2), fitted.trials
    short = {"draws": 20, "tune": 20, "chains": 1}
    study = {"participants": 2, "seed": 1, "workers": 1, **QUIET}
    verbs = {
        "simulate": lambda: tw.simulate(learner, TASK, TRUTH, seed=1, participants=2),
        "simulate again": lambda: tw.simulate(learner, TASK, TRUTH, seed=2, participants=2),
        "rollout": lambda: list(tw.predict(learner, "rollout", TASK, datasets=3, participants=2, seed=1)),
        "one step": lambda: list(tw.predict(fitted, "one-step", datasets=3, seed=1)),
        "fit": lambda: tw.fit(learner, trials, seed=1, **short, **QUIET),
        "point": lambda: tw.point(tw.learners.StimulusLearning(), trials, 2, 1),
        "recover": lambda: tw.recover(learner, TASK, None, 2, **short, **study),
        "confuse": lambda: tw.confuse([learner, tw.learners.StimulusLearning()], TASK, None, 2, **study),
        "calibrate": lambda: tw.calibrate(learner, TASK, 2, ranks=10, **short, **study),
    }
    keys = {}
    for name, run in verbs.items():
        opened.clear()
        run()
        keys[name] = set(opened)
    assert all(keys.values())
    common = {(a, b): keys[a] & keys[b] for a in keys for b in keys if a < b}
    # both look at the same starting points of their own likelihoods, and hold nothing else in common
    allowed = {("fit", "point"): {streams._hash(1, "starting points", "", "")}}
    assert {pair: result for pair, result in common.items() if result - allowed.get(pair, set())} == {}


def test_a_predictive_data_set_is_not_the_simulation_of_a_near_seed():
    prediction = tw.predict(tw.QLearning(), "rollout", TASK, datasets=3, participants=3, seed=0)
    for seed in (0, 1, 2, 1_000_003, 1_000_004):
        simulation = tw.simulate(tw.QLearning(), TASK, prediction.parameters[1], seed=seed, participants=3)
        assert (simulation.trials.choice != prediction[1].choice).mean() > 0.3


def test_streams_of_different_purposes_are_uncorrelated():
    draws = np.array([streams.stream(7, purpose, 3).standard_normal(4000) for purpose in streams.PURPOSES])
    correlation = np.corrcoef(draws) - np.eye(len(draws))
    assert abs(correlation).max() < 4.5 / np.sqrt(4000)
