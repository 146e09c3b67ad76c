"""Verbs that read fits, and learners with hidden choices: none repeats the random numbers of another."""

import pytest

import trialwise as tw
from trialwise.base import streams
from trialwise.environments import AlienTask

TASK, QUIET = AlienTask(trials=24), {"progress": False}
SETS = tw.learners.TaskSets(initial=1.2).tie(alpha_high="alpha", beta_high="beta", forget_high="forget")
TRUTH = {"alpha": 0.3, "beta": 2.0, "forget": 0.05}
SHARED = {"outcomes of an example", "band of uniform ranks"}
"""Purposes whose numbers do not depend on the verb."""


@pytest.fixture
def opened(monkeypatch):
    """The streams that are opened, by key, with their purposes; those of shared purposes left out."""
    keys, hashed = {}, streams._hash

    def noted(seed, purpose, label, part):
        key = hashed(seed, purpose, label, part)
        # every likelihood of a hidden choice is created with the common numbers of seed 0, which do not depend on the verb's seed
        if purpose not in SHARED and (purpose, seed) != ("particles", 0):
            keys[key] = purpose
        return key

    monkeypatch.setattr(streams, "_hash", noted)
    return keys


@pytest.mark.study
def test_no_verb_on_a_fit_repeats_the_random_numbers_of_another(opened):
    trials = tw.simulate(SETS, TASK, TRUTH, participants=3, seed=8).trials
    flat = tw.fit(tw.QLearning(initial=1.2), trials, draws=30, tune=40, chains=2, seed=9, **QUIET)
    sets = tw.fit(SETS, trials, draws=30, chains=2, seed=9, **QUIET)
    both = {"flat": flat, "sets": sets}
    verbs = {
        "simulate": lambda: tw.simulate(SETS, TASK, TRUTH, participants=3, seed=1),
        "fit": lambda: tw.fit(SETS, trials, draws=30, chains=2, seed=1, **QUIET),
        "check": lambda: tw.check(sets, TASK, datasets=2, seed=1, **QUIET),
        "compare participants": lambda: tw.compare(both, draws=30, particles=32, seed=1, **QUIET),
        "compare trials": lambda: tw.compare(both, "trial", draws=30, particles=32, seed=1, **QUIET),
        "diagnose": lambda: tw.diagnose(sets),
        "check_learner": lambda: tw.check_learner(SETS, seed=1),
        "log-likelihood": lambda: tw.log_likelihood(SETS, trials, TRUTH, particles=32, seed=1),
    }
    streams_of = {}
    for name, run in verbs.items():
        opened.clear()
        run()
        streams_of[name] = dict(opened)
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
