"""Flags of a row: a response was observed, the outcome triggers learning, the response enters the likelihood."""

from dataclasses import replace

import numpy as np
import pytest

import trialwise as tw
from trialwise.analysis.conformance.specimen import specimen
from trialwise.engine import run
from trialwise.engine.flags import FLAGS, RESET, RESPONDED, SCORED, TEACHES, responded
from trialwise.engine.packing import pack
from trialwise.engine.run_hidden import run_exact, run_particles, stream_keys


@pytest.mark.parametrize("learner", [tw.QLearning(), tw.learners.RescorlaWagner()])
def test_flags_of_a_row(learner):
    trials = specimen(learner)
    flags = pack(learner, trials).ints[:, FLAGS]
    observed = trials.responded
    np.testing.assert_array_equal((flags & RESET) > 0, trials.reset)
    np.testing.assert_array_equal((flags & RESPONDED) > 0, observed)
    np.testing.assert_array_equal((flags & responded(0)) > 0, observed)
    np.testing.assert_array_equal((flags & SCORED) > 0, trials.own)
    assert (observed & ~trials.own).any()
    with_outcome = ~trials.without_outcome
    learns = with_outcome & observed if trials.choice is not None else with_outcome
    np.testing.assert_array_equal((flags & TEACHES) > 0, learns)
    assert pack(learner, trials).unscored
    assert not pack(learner, replace(trials, scored=None)).unscored


@pytest.mark.parametrize("learner", [tw.QLearning().with_stickiness(), tw.learners.RescorlaWagner()])
def test_unscored_responses_still_trigger_learning(learner):
    """A forced choice adds nothing to the likelihood; later trials are the same as if it had been scored."""
    trials, random = specimen(learner), np.random.default_rng(2)
    free = random.uniform(0.2, 0.9, (trials.n_participants, len(learner.names)))
    is_scored = random.random(trials.n_trials) < 0.6
    complete, partial = pack(learner, replace(trials, scored=None)), pack(learner, replace(trials, scored=is_scored))
    assert partial.unscored
    all_scores = run.run_trace(learner, complete, free)[0][:, 0]
    partial_scores, signals, _ = run.run_trace(learner, partial, free)
    np.testing.assert_array_equal(partial_scores[:, 0], np.where(is_scored, all_scores, np.nan))
    np.testing.assert_array_equal(signals, run.run_trace(learner, complete, free)[1])
    segments = zip(trials.offsets[:-1], trials.offsets[1:], strict=True)
    expected = np.array([np.nansum(partial_scores[first:end, 0]) for first, end in segments])
    value, slope = run.run_gradient(learner, partial, free)
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(run.run_plain(learner, partial, free), expected, rtol=1e-12, atol=1e-12)
    for k in range(len(learner.names)):
        step = np.zeros_like(free)
        step[:, k] = 1e-6
        high, low = (run.run_gradient(learner, partial, free + sign * step)[0] for sign in (1, -1))
        np.testing.assert_allclose(slope[:, k], (high - low) / 2e-6, rtol=1e-5, atol=1e-5)


def test_unscored_choices_are_not_drawn():
    """A simulated agent makes the forced choices of the data and receives their outcomes."""
    learner, random = tw.QLearning(), np.random.default_rng(4)
    trials = specimen(learner)
    is_scored = random.random(trials.n_trials) < 0.5
    packed, free = pack(learner, replace(trials, scored=is_scored)), np.full((trials.n_participants, 3), 0.4)
    potential = random.normal(size=(trials.n_trials, packed.actions, 1))
    draws = random.random((trials.n_trials, 2))
    for rollout in (run.run_rollout, run.rollout_plain):
        simulated, score, _ = rollout(learner, packed, free, potential, draws)
        np.testing.assert_array_equal(simulated.observed[~is_scored], packed.observed[~is_scored])
        assert (simulated.observed[is_scored] != packed.observed[is_scored]).any()
        np.testing.assert_array_equal(np.isnan(score), ~(is_scored & trials.responded))
        with_choice = np.flatnonzero(trials.responded)
        np.testing.assert_array_equal(
            simulated.reals[with_choice, packed.outcome[0][2]],
            potential[with_choice, simulated.observed[with_choice, 0].astype(int), 0],
        )
        np.testing.assert_allclose(run.run_trace(learner, simulated, free)[0][:, 0], score, rtol=1e-12)


def test_hidden_choices_on_unscored_trials():
    """On a forced trial an agent still makes a hidden choice, about which the data are uninformative: particles agree with the sum over all
    sequences, and that sum with the sum over all possible forced choices, if nothing is learnt from them."""
    learner = tw.learners.TaskSets()
    short = specimen(learner, {"context": 2, "cue": 2, "action": 2}).first(7)
    forced = np.arange(short.n_trials) % 3 == 1
    packed = pack(learner, replace(short, scored=~forced))
    free = np.random.default_rng(0).uniform(0.2, 0.9, (short.n_participants, len(learner.names)))
    exact, slope, _ = run_exact(learner, packed, free)
    jobs = np.repeat(np.arange(short.n_participants), 400)
    keys = stream_keys(jobs.astype(np.uint64), np.arange(len(jobs)))
    for scored in (False, True):
        result = run_particles(learner, packed, free[jobs], jobs, keys, 50, scored=scored)
        ratio = np.exp(result.log_likelihood.reshape(-1, 400) - exact[:, None])
        assert (np.abs(ratio.mean(1) - 1.0) < 5.0 * ratio.std(1) / 20.0 + 1e-9).all()
    for k in range(len(learner.names)):
        step = np.zeros_like(free)
        step[:, k] = 1e-6
        high, low = (run_exact(learner, packed, free + sign * step)[0] for sign in (1, -1))
        np.testing.assert_allclose(slope[:, k], (high - low) / 2e-6, rtol=1e-5, atol=1e-5)

    flags = packed.ints.copy()
    flags[forced, FLAGS] &= ~TEACHES
    without_learning = replace(packed, ints=flags)
    row = int(np.flatnonzero(forced & short.responded)[0])
    scored_flags = flags.copy()
    scored_flags[row, FLAGS] |= SCORED
    total = 0.0
    for choice in range(2):
        observed = packed.observed.copy()
        observed[row] = choice
        total = total + np.exp(
            run_exact(learner, replace(without_learning, ints=scored_flags, observed=observed), free)[0]
        )
    participant = int(short.participant_index[row])
    assert total[participant] == pytest.approx(
        np.exp(run_exact(learner, without_learning, free)[0])[participant], rel=1e-12
    )
