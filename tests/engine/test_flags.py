"""What the flags of a row say: a response was observed, an outcome teaches, the response enters the likelihood."""

from dataclasses import replace

import numpy as np
import pytest

import trialwise as tw
from trialwise.analysis.conformance.specimen import specimen
from trialwise.engine import run
from trialwise.engine.flags import FLAGS, RESET, RESPONDED, SCORED, TEACHES, responded
from trialwise.engine.packed import pack
from trialwise.engine.run_hidden import run_exact, run_particles, stream_keys


@pytest.mark.parametrize("own", [tw.QLearning(), tw.learners.RescorlaWagner()])
def test_flags_of_a_row(own):
    trials = specimen(own)
    flags = pack(own, trials).ints[:, FLAGS]
    answered = trials.responded
    np.testing.assert_array_equal((flags & RESET) > 0, trials.reset)
    np.testing.assert_array_equal((flags & RESPONDED) > 0, answered)
    np.testing.assert_array_equal((flags & responded(0)) > 0, answered)
    np.testing.assert_array_equal((flags & SCORED) > 0, answered)
    shown = ~trials.without_outcome
    learns = shown & answered if trials.choice is not None else shown
    np.testing.assert_array_equal((flags & TEACHES) > 0, learns)
    assert not pack(own, trials).unscored


@pytest.mark.parametrize("own", [tw.QLearning().with_stickiness(), tw.learners.RescorlaWagner()])
def test_what_is_not_scored_teaches_all_the_same(own):
    """A forced choice adds nothing to the likelihood; what comes after is as if it had counted."""
    trials, random = specimen(own), np.random.default_rng(2)
    free = random.uniform(0.2, 0.9, (trials.n_participants, len(own.names)))
    counts = random.random(trials.n_trials) < 0.6
    whole, part = pack(own, trials), pack(own, trials, scored=counts)
    assert part.unscored
    every = run.run_trace(own, whole, free)[0][:, 0]
    some, signals, _ = run.run_trace(own, part, free)
    np.testing.assert_array_equal(some[:, 0], np.where(counts, every, np.nan))
    np.testing.assert_array_equal(signals, run.run_trace(own, whole, free)[1])
    spans = zip(trials.offsets[:-1], trials.offsets[1:], strict=True)
    expected = np.array([np.nansum(some[first:end, 0]) for first, end in spans])
    value, slope = run.run_gradient(own, part, free)
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(run.run_plain(own, part, free), expected, rtol=1e-12, atol=1e-12)
    for k in range(len(own.names)):
        step = np.zeros_like(free)
        step[:, k] = 1e-6
        high, low = (run.run_gradient(own, part, free + sign * step)[0] for sign in (1, -1))
        np.testing.assert_allclose(slope[:, k], (high - low) / 2e-6, rtol=1e-5, atol=1e-5)


def test_what_is_not_scored_is_not_drawn():
    """A simulated agent takes forced choices as they are, and gets what they bring."""
    own, random = tw.QLearning(), np.random.default_rng(4)
    trials = specimen(own)
    counts = random.random(trials.n_trials) < 0.5
    packed, free = pack(own, trials, scored=counts), np.full((trials.n_participants, 3), 0.4)
    potential = random.normal(size=(trials.n_trials, packed.actions, 1))
    draws = random.random((trials.n_trials, 2))
    for rollout in (run.run_rollout, run.rollout_plain):
        done, score, _ = rollout(own, packed, free, potential, draws)
        np.testing.assert_array_equal(done.observed[~counts], packed.observed[~counts])
        assert (done.observed[counts] != packed.observed[counts]).any()
        np.testing.assert_array_equal(np.isnan(score), ~(counts & trials.responded))
        created = np.flatnonzero(trials.responded)
        np.testing.assert_array_equal(
            done.reals[created, packed.outcome[0][2]], potential[created, done.observed[created, 0].astype(int), 0]
        )
        np.testing.assert_allclose(run.run_trace(own, done, free)[0][:, 0], score, rtol=1e-12)


def test_hidden_choices_behind_what_is_not_scored():
    """On a forced trial an agent has a hidden choice still, of which nothing is known: particles agree with all courses, and those
    with the sum over what the forced choices might have been, once nothing is learnt on them."""
    own = tw.learners.TaskSets()
    short = specimen(own, {"context": 2, "cue": 2, "action": 2}).first(7)
    forced = np.arange(short.n_trials) % 3 == 1
    packed = pack(own, short, scored=~forced)
    free = np.random.default_rng(0).uniform(0.2, 0.9, (short.n_participants, len(own.names)))
    exact, slope, _ = run_exact(own, packed, free)
    jobs = np.repeat(np.arange(short.n_participants), 400)
    keys = stream_keys(jobs.astype(np.uint64), np.arange(len(jobs)))
    for scored in (False, True):
        result = run_particles(own, packed, free[jobs], jobs, keys, 50, scored=scored)
        ratio = np.exp(result.log_likelihood.reshape(-1, 400) - exact[:, None])
        assert (np.abs(ratio.mean(1) - 1.0) < 5.0 * ratio.std(1) / 20.0 + 1e-9).all()
    for k in range(len(own.names)):
        step = np.zeros_like(free)
        step[:, k] = 1e-6
        high, low = (run_exact(own, packed, free + sign * step)[0] for sign in (1, -1))
        np.testing.assert_allclose(slope[:, k], (high - low) / 2e-6, rtol=1e-5, atol=1e-5)

    untaught = packed.ints.copy()
    untaught[forced, FLAGS] &= ~TEACHES
    teaching = replace(packed, ints=untaught)
    one = int(np.flatnonzero(forced & short.responded)[0])
    counted = untaught.copy()
    counted[one, FLAGS] |= SCORED
    total = 0.0
    for choice in range(2):
        observed = packed.observed.copy()
        observed[one] = choice
        total = total + np.exp(run_exact(own, replace(teaching, ints=counted, observed=observed), free)[0])
    person = int(short.participant_index[one])
    assert total[person] == pytest.approx(np.exp(run_exact(own, teaching, free)[0])[person], rel=1e-12)
