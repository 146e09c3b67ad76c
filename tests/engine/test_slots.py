"""Slots of parameters: a parameter that takes different values over trials while the state continues."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import trialwise as tw
from trialwise import constant, learner, positive, unit
from trialwise.analysis.conformance.specimen import specimen
from trialwise.data.trials import Column
from trialwise.engine import run
from trialwise.engine.packing import pack
from trialwise.engine.run_hidden import run_exact, run_particles, stream_keys


@learner
class OneRate:
    """Values of actions, learnt by cue with one rate."""

    alpha: float = unit("learning rate")
    beta: float = positive("inverse temperature")
    initial: float = constant(0.3, "value before any outcome")

    def start(self, task):
        return task.table("cue", "action", fill=self.initial)

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * q[trial.cue, action]

    def elapse(self, q, trial):
        q.decay(0.1 * self.alpha, self.initial)

    def learn(self, q, trial, choice, outcome):
        error = outcome - q[trial.cue, choice]
        q[trial.cue, choice] += self.alpha * error
        return error


@learner
class TwoRates:
    """The same with two rates; a column of the trials determines which one applies."""

    alpha: float = unit("learning rate in the first phase")
    later: float = unit("learning rate in the second phase")
    beta: float = positive("inverse temperature")
    initial: float = constant(0.3, "value before any outcome")

    def rate(self, trial):
        return self.alpha if trial.phase == 0 else self.later

    def start(self, task):
        return task.table("cue", "action", fill=self.initial)

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * q[trial.cue, action]

    def elapse(self, q, trial):
        q.decay(0.1 * self.rate(trial), self.initial)

    def learn(self, q, trial, choice, outcome):
        error = outcome - q[trial.cue, choice]
        q[trial.cue, choice] += self.rate(trial) * error
        return error


@learner
class RateOfTheStart:
    """A learner whose parameter is used in start and reset."""

    level: float = unit("value before any outcome")
    beta: float = positive("inverse temperature")

    def start(self, task):
        return task.table("action", fill=self.level)

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * q[action]

    def learn(self, q, trial, choice, outcome):
        q[choice] += 0.3 * (outcome - q[choice])


@pytest.fixture(scope="module")
def trials():
    return specimen(TwoRates(), {"phase": 2, "cue": 4})


def by_codes(model, trials, slots):
    """The learner varied by columns of codes, one for each parameter, and the trials with them."""
    columns, levels = dict(trials.columns), dict(trials.levels)
    for name, codes in slots.items():
        columns[f"{name} slot"] = Column(np.asarray(codes, np.int64), f"{name} slot")
        levels[f"{name} slot"] = tuple(range(int(codes.max()) + 1))
    by = {name: {f"{name} slot": levels[f"{name} slot"]} for name in slots}
    return model.vary(**by), replace(trials, columns=columns, levels=levels)


def random_rows(participants, columns, seed=0):
    return np.random.default_rng(seed).uniform(0.2, 0.9, (participants, columns))


def close(result, expected):
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "model",
    [tw.QLearning(), tw.QLearning().tie(forget="alpha").with_lapse().with_stickiness(), tw.learners.RescorlaWagner()],
)
def test_equal_values_in_all_slots_equal_one_value(model):
    data, random = specimen(model), np.random.default_rng(3)
    free = random_rows(data.n_participants, len(model.names))
    slots = {name: random.integers(0, 2 + k, data.n_trials) for k, name in enumerate(model.names[:3])}
    varied, longer = by_codes(model, data, slots)
    without_slots, with_slots = pack(model, data), pack(varied, longer)
    levels = [slot.size for slot in with_slots.slots]
    assert levels == [2, 3, 4][: len(levels)] + [1] * (len(levels) - 3)
    repeated = np.repeat(free, levels, axis=1)
    value, slope = run.run_gradient(model, without_slots, free)
    result, slopes = run.run_gradient(varied, with_slots, repeated)
    close(result, value)
    ends = np.cumsum([0, *levels])
    close(np.stack([slopes[:, a:b].sum(1) for a, b in pairwise(ends)], 1), slope)
    for by_slot, reference in zip(
        run.run_trace(varied, with_slots, repeated)[:2], run.run_trace(model, without_slots, free)[:2], strict=True
    ):
        close(by_slot, reference)
    close(run.run_plain(varied, with_slots, repeated), value)


def test_two_slots_equal_two_parameters(trials):
    phase = trials.columns["phase"].values
    varied, longer = by_codes(OneRate(), trials, {"alpha": phase})
    by_parameters, by_slots = pack(TwoRates(), trials), pack(varied, longer)
    free = random_rows(trials.n_participants, 3)
    value, slope = run.run_gradient(TwoRates(), by_parameters, free)
    result, slopes = run.run_gradient(varied, by_slots, free)
    assert np.abs(slope).min(0).max() > 0 and len(set(phase[:31])) == 2
    close(result, value)
    close(slopes, slope)
    expected, signals, names = run.run_trace(TwoRates(), by_parameters, free)
    record, by_slot, names_by_slot = run.run_trace(varied, by_slots, free)
    close(record, expected)
    close(by_slot, signals)
    assert names == names_by_slot
    close(run.run_plain(varied, by_slots, free), value)
    for plain, compiled in zip(run.trace_plain(varied, by_slots, free), (record, by_slot), strict=True):
        close(plain, compiled)


def test_simulation_with_slots(trials):
    """With the same random numbers, two parameters and two slots give the same choices."""
    phase, random = trials.columns["phase"].values, np.random.default_rng(1)
    free, potential = random_rows(trials.n_participants, 3), random.normal(size=(trials.n_trials, 3, 1))
    draws = random.random((trials.n_trials, 2))
    by_parameters = run.run_rollout(TwoRates(), pack(TwoRates(), trials), free, potential, draws)
    varied, longer = by_codes(OneRate(), trials, {"alpha": phase})
    for rollout in (run.run_rollout, run.rollout_plain):
        simulated, score, _ = rollout(varied, pack(varied, longer), free, potential, draws)
        np.testing.assert_array_equal(simulated.observed, by_parameters[0].observed)
        close(score, by_parameters[1])


def test_more_slots_than_fit_into_one_pass(trials):
    """Twenty values of one parameter and two of another: gradients are computed in two passes."""
    codes = np.arange(trials.n_trials) % 20
    varied, longer = by_codes(OneRate(), trials, {"alpha": codes, "beta": codes % 2})
    packed = pack(varied, longer)
    free = random_rows(trials.n_participants, 22)
    value, slope = run.run_gradient(varied, packed, free)
    close(run.run_plain(varied, packed, free), value)
    for k in (0, 13, 14, 15, 19, 20, 21):
        step = np.zeros_like(free)
        step[:, k] = 1e-5
        high, low = (run.run_gradient(varied, packed, free + sign * step)[0] for sign in (1, -1))
        np.testing.assert_allclose(slope[:, k], (high - low) / 2e-5, atol=1e-6)


def test_a_state_starts_with_the_slot_of_its_trial():
    """The first state is computed with the slot of the first trial, the next state with the slot of the trial with a reset."""
    model = RateOfTheStart()
    data = specimen(model, {"action": 2}, seed=5).select(["participant 1"])
    codes = np.zeros(data.n_trials, int)
    resets = np.flatnonzero(data.reset)
    assert len(resets) > 0 and resets[-1] > 0
    codes[resets[-1]] = 1
    varied, longer = by_codes(model, data, {"level": codes})
    packed = pack(varied, longer)
    low, high = np.array([[0.2, 0.2, 2.0]]), np.array([[0.2, 0.8, 2.0]])
    by_trial = [run.run_trace(varied, packed, free)[0][:, 0] for free in (low, high)]
    before = slice(0, int(resets[-1]))
    np.testing.assert_array_equal(by_trial[0][before], by_trial[1][before])
    one_level = run.run_trace(model, pack(model, data), np.array([[0.8, 2.0]]))[0][:, 0]
    close(by_trial[1][resets[-1] :], one_level[resets[-1] :])


def test_slots_with_a_hidden_choice():
    """Sums over all sequences, and filters: equal values in all slots equal one value."""
    model = tw.learners.TaskSets()
    short = specimen(model, {"context": 2, "cue": 2, "action": 2}).first(7)
    codes = np.arange(short.n_trials) % 2
    varied, longer = by_codes(model, short, {"alpha": codes})
    without_slots, with_slots = pack(model, short), pack(varied, longer)
    free = random_rows(short.n_participants, len(model.names))
    repeated = np.repeat(free, [slot.size for slot in with_slots.slots], axis=1)
    value, slope, _ = run_exact(model, without_slots, free)
    result, slopes, _ = run_exact(varied, with_slots, repeated)
    close(result, value)
    close(np.concatenate([slopes[:, :2].sum(1, keepdims=True), slopes[:, 2:]], 1), slope)
    jobs = np.arange(short.n_participants)
    keys = stream_keys(jobs.astype(np.uint64), jobs)
    for scored in (False, True):
        by_slot, reference = (
            run_particles(each, packed, values, jobs, keys, 50, scored=scored)
            for each, packed, values in ((varied, with_slots, repeated), (model, without_slots, free))
        )
        close(by_slot.log_likelihood, reference.log_likelihood)
    repeated[:, 1] = 0.1
    unequal = run_exact(varied, with_slots, repeated)[0]
    assert np.abs(unequal - value)[[0, 2, 3]].min() > 1e-6
    filters = np.repeat(jobs, 400)
    keys = stream_keys(filters.astype(np.uint64), np.arange(len(filters)))
    estimate = run_particles(varied, with_slots, repeated[filters], filters, keys, 50).log_likelihood.reshape(
        len(jobs), 400
    )
    ratio = np.exp(estimate - unequal[:, None])
    assert (np.abs(ratio.mean(1) - 1.0) < 5.0 * ratio.std(1) / 20.0 + 1e-9).all()
