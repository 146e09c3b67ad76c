"""Verbs on fits and on learners with hidden choices do not share random numbers."""

import pytest

import trialwise as tw
from trialwise.base import streams
from trialwise.environments import AlienTask

ENVIRONMENT, QUIET = AlienTask(trials=24), {"progress": False}
SETS = tw.learners.TaskSets(initial=1.2).tie(alpha_high="alpha", beta_high="beta", forget_high="forget")
TRUTH = {"alpha": 0.3, "beta": 2.0, "forget": 0.05}
SHARED = {"outcomes of an example", "band of uniform ranks"}
"""Purposes whose random numbers do not depend on the verb."""


@pytest.fixture
def opened_streams(monkeypatch):
    """The purposes of opened streams by key, except shared purposes."""
    keys, original = {}, streams._hash

    def recorded(seed, purpose, label, part):
        key = original(seed, purpose, label, part)
        # every likelihood with a hidden choice is created with the common random numbers of seed 0
        if purpose not in SHARED and (purpose, seed) != ("particles", 0):
            keys[key] = purpose
        return key

    monkeypatch.setattr(streams, "_hash", recorded)
    return keys


@pytest.mark.study
def test_no_verb_on_a_fit_repeats_the_random_numbers_of_another(opened_streams):
    trials = tw.simulate(SETS, ENVIRONMENT, TRUTH, participants=3, seed=8).trials
    flat = tw.fit(tw.QLearning(initial=1.2), trials, draws=30, tune=40, chains=2, seed=9, **QUIET)
    sets = tw.fit(SETS, trials, draws=30, chains=2, seed=9, **QUIET)
    both = {"flat": flat, "sets": sets}
    verbs = {
        "simulate": lambda: tw.simulate(SETS, ENVIRONMENT, TRUTH, participants=3, seed=1),
        "fit": lambda: tw.fit(SETS, trials, draws=30, chains=2, seed=1, **QUIET),
        "check": lambda: tw.check(sets, ENVIRONMENT, datasets=2, seed=1, **QUIET),
        "compare participants": lambda: tw.compare(both, draws=30, particles=32, seed=1, **QUIET),
        "compare trials": lambda: tw.compare(both, "trial", draws=30, particles=32, seed=1, **QUIET),
        "diagnose": lambda: tw.diagnose(sets),
        "check_learner": lambda: tw.check_learner(SETS, seed=1),
        "log-likelihood": lambda: tw.log_likelihood(SETS, trials, TRUTH, particles=32, seed=1),
    }
    streams_of = {}
    for name, run in verbs.items():
        opened_streams.clear()
        run()
        streams_of[name] = dict(opened_streams)
    assert all(streams_of.values())
    assert "points under a group" in streams_of["compare participants"].values()
    assert {"integrated likelihood", "trials left out"} <= {
        purpose for verb in ("compare participants", "compare trials") for purpose in streams_of[verb].values()
    }
    common = {
        (a, b): {streams_of[a][key] for key in streams_of[a].keys() & streams_of[b].keys()}
        for a in streams_of
        for b in streams_of
        if a < b
    }
    assert {pair: purposes for pair, purposes in common.items() if purposes} == {}
