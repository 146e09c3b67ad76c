"""Arrays of a wrong shape raise errors before compiled code reads beyond their ends."""

import numpy as np
import pytest

import trialwise as tw
from trialwise.analysis.conformance.specimen import specimen
from trialwise.base.errors import UsageError
from trialwise.engine import run, run_hidden
from trialwise.engine.packing import pack
from trialwise.likelihoods.kinds import likelihood_of

FLAT, HIDDEN = tw.QLearning(), tw.learners.TaskSets()
FLAT_TRIALS = specimen(FLAT)
HIDDEN_TRIALS = specimen(HIDDEN, {"context": 2, "cue": 2, "action": 2}).first(6)


def particles(learner, packed, free):
    count = len(free) if free.ndim == 2 else 1
    segments = np.arange(count) % len(packed.rows)
    return run_hidden.run_particles(learner, packed, free, segments, np.arange(count, dtype=np.uint64), 8)


def rollout(learner, packed, free, *, runner=run.run_rollout):
    trials = len(packed.ints)
    return runner(learner, packed, free, np.zeros((trials, packed.actions, 1)), np.full((trials, 2), 0.5))


FLAT_RUNS = {
    "gradient": run.run_gradient,
    "trace": run.run_trace,
    "plain": run.run_plain,
    "plain trace": run.trace_plain,
    "rollout": rollout,
    "plain rollout": lambda *args: rollout(*args, runner=run.rollout_plain),
}
HIDDEN_RUNS = {
    "particles": particles,
    "exact": run_hidden.run_exact,
    "one filter": lambda learner, packed, free: run_hidden.run_traced(learner, packed, 0, free[0], 1, 8),
    "one plain filter": lambda learner, packed, free: run_hidden.trace_particles_plain(
        learner, packed, 0, free[0], 1, 8
    ),
    "rollout": rollout,
}
CASES = [(FLAT, FLAT_TRIALS, each) for each in FLAT_RUNS.items()]
CASES += [(HIDDEN, HIDDEN_TRIALS, each) for each in HIDDEN_RUNS.items()]
CASES = [pytest.param(*case[:2], case[2][1], id=f"{case[0]!r}-{case[2][0]}") for case in CASES]


@pytest.mark.parametrize(("learner", "trials", "function"), CASES)
def test_parameters_have_a_column_for_each_slot(learner, trials, function):
    packed = pack(learner, trials)
    free = np.full((trials.n_participants, packed.all_slots), 0.3)
    function(learner, packed, free)
    for wrong in (free[:, :-1], np.hstack([free, free[:, :1]])):
        with pytest.raises(UsageError, match=rf"parameters of shape .*expected \(\d+, {packed.all_slots}\)"):
            function(learner, packed, wrong)


@pytest.mark.parametrize("name", ["gradient", "trace", "plain", "plain trace", "rollout", "plain rollout"])
def test_every_participant_has_a_row(name):
    packed = pack(FLAT, FLAT_TRIALS)
    free = np.full((FLAT_TRIALS.n_participants, packed.all_slots), 0.3)
    for wrong in (free[:-1], free[0]):
        with pytest.raises(UsageError, match="a row for each participant"):
            FLAT_RUNS[name](FLAT, packed, wrong)


def test_likelihoods_check_the_shape_of_parameters():
    """The samplers of PyMC call the same functions."""
    exact = likelihood_of(FLAT, FLAT_TRIALS)
    for wrong in (np.full((2, len(FLAT.names)), 0.3)[:1], np.full((FLAT_TRIALS.n_participants, 2), 0.3)):
        with pytest.raises(UsageError, match="parameters of shape"):
            exact.gradient_at(wrong)


@pytest.mark.parametrize("mode", ["NUMBA", "FAST_COMPILE"])
def test_the_pytensor_operation_checks_the_shape_of_parameters(mode):
    import pytensor
    import pytensor.tensor as pt

    from trialwise.likelihoods.pymc_op import LogLikelihood

    exact = likelihood_of(FLAT, FLAT_TRIALS)
    free = pt.dmatrix()
    total = LogLikelihood(exact)(free, *exact.arrangement.arguments)[0].sum()
    function = pytensor.function([free], total, mode=mode)
    valid = np.full((FLAT_TRIALS.n_participants, len(FLAT.names)), 0.3)
    np.testing.assert_allclose(function(valid), exact.gradient_at(valid)[0].sum(), rtol=1e-12)
    for wrong in (valid[:-1], valid[:, :-1], np.hstack([valid, valid])):
        with pytest.raises(ValueError, match="parameters of another shape"):
            function(wrong)


def test_particle_filters_check_their_segments():
    packed = pack(HIDDEN, HIDDEN_TRIALS)
    count = len(packed.rows)
    free, keys = np.full((2, packed.all_slots), 0.3), np.arange(2, dtype=np.uint64)
    for segments in ([0, count], [-1, 0]):
        with pytest.raises(UsageError, match=rf"segment (-1|{count}): the trials have segments 0 to {count - 1}"):
            run_hidden.run_particles(HIDDEN, packed, free, np.array(segments), keys, 8)
    with pytest.raises(UsageError, match="2 segments with 2 rows of parameters and 1 streams"):
        run_hidden.run_particles(HIDDEN, packed, free, np.array([0, 1]), keys[:1], 8)


@pytest.mark.parametrize("runner", [run.run_rollout, run.rollout_plain])
def test_rollouts_need_outcomes_and_random_numbers_for_every_trial(runner):
    packed = pack(FLAT, FLAT_TRIALS)
    trials = len(packed.ints)
    free = np.full((FLAT_TRIALS.n_participants, packed.all_slots), 0.3)
    potential, random = np.zeros((trials, packed.actions, 1)), np.full((trials, 1), 0.5)
    runner(FLAT, packed, free, potential, random)
    for wrong in (potential[:-1], potential[:, :-1], np.zeros((trials, packed.actions, 2)), potential[0]):
        with pytest.raises(UsageError, match=r"expected .*\(trials, actions, outcomes\)"):
            runner(FLAT, packed, free, wrong, random)
    for wrong in (random[:-1], random[:, :0], random[:, 0]):
        with pytest.raises(UsageError, match="random numbers of shape"):
            runner(FLAT, packed, free, potential, wrong)


def test_hidden_choices_are_among_the_options():
    packed = pack(HIDDEN, HIDDEN_TRIALS)
    hidden = np.zeros(len(packed.ints), int)
    packed.with_hidden(hidden)
    for wrong in (packed.options, -2):
        hidden[3] = wrong
        with pytest.raises(UsageError, match=f"hidden choice {wrong} on trial 4: expected 0 to {packed.options - 1}"):
            packed.with_hidden(hidden)
