"""Random numbers of different verbs are independent, even with the same seed."""

import numpy as np
import pytest

import trialwise as tw
from trialwise.base import streams
from trialwise.environments import AlienTask

TRUTH = {"alpha": (0.1, 0.4), "beta": (1, 3), "forget": (0, 0.1)}
ENVIRONMENT, QUIET = AlienTask(trials=40), {"progress": False}

SHARED = {"outcomes of an example", "band of uniform ranks"}
"""Purposes whose random numbers do not depend on the verb: an example of an environment, and a table of the uniform distribution."""


@pytest.fixture
def opened_streams(monkeypatch):
    """The keys of opened streams, except those of shared purposes."""
    keys, original = set(), streams._hash

    def recorded(seed, purpose, label, part):
        key = original(seed, purpose, label, part)
        if purpose not in SHARED:
            keys.add(key)
        return key

    monkeypatch.setattr(streams, "_hash", recorded)
    return keys


@pytest.mark.study
def test_no_verb_repeats_the_random_numbers_of_another(opened_streams, fitted):
    learner, trials = tw.QLearning(initial=1.2), fitted.trials
    short = {"draws": 20, "tune": 20, "chains": 1}
    study = {"participants": 2, "seed": 1, "workers": 1, **QUIET}
    verbs = {
        "simulate": lambda: tw.simulate(learner, ENVIRONMENT, TRUTH, seed=1, participants=2),
        "simulate again": lambda: tw.simulate(learner, ENVIRONMENT, TRUTH, seed=2, participants=2),
        "rollout": lambda: list(tw.predict(learner, "rollout", ENVIRONMENT, datasets=3, participants=2, seed=1)),
        "one step": lambda: list(tw.predict(fitted, "one-step", datasets=3, seed=1)),
        "fit": lambda: tw.fit(learner, trials, seed=1, **short, **QUIET),
        "point": lambda: tw.point(tw.learners.StimulusLearning(), trials, 2, 1),
        "recover": lambda: tw.recover(learner, ENVIRONMENT, None, 2, **short, **study),
        "confuse": lambda: tw.confuse([learner, tw.learners.StimulusLearning()], ENVIRONMENT, None, 2, **study),
        "calibrate": lambda: tw.calibrate(learner, ENVIRONMENT, 2, ranks=10, **short, **study),
    }
    keys = {}
    for name, run in verbs.items():
        opened_streams.clear()
        run()
        keys[name] = set(opened_streams)
    assert all(keys.values())
    common = {(a, b): keys[a] & keys[b] for a in keys for b in keys if a < b}
    # both evaluate their own likelihood at the same starting points
    allowed = {("fit", "point"): {streams._hash(1, "starting points", "", "")}}
    assert {pair: result for pair, result in common.items() if result - allowed.get(pair, set())} == {}


def test_predictive_data_sets_differ_from_simulations_with_nearby_seeds():
    prediction = tw.predict(tw.QLearning(), "rollout", ENVIRONMENT, datasets=3, participants=3, seed=0)
    for seed in (0, 1, 2, 1_000_003, 1_000_004):
        simulation = tw.simulate(tw.QLearning(), ENVIRONMENT, prediction.parameters[1], seed=seed, participants=3)
        assert (simulation.trials.choice != prediction[1].choice).mean() > 0.3


def test_streams_of_different_purposes_are_uncorrelated():
    draws = np.array([streams.stream(7, purpose, 3).standard_normal(4000) for purpose in streams.PURPOSES])
    correlation = np.corrcoef(draws) - np.eye(len(draws))
    assert abs(correlation).max() < 4.5 / np.sqrt(4000)
