"""Forgetting, ``Table.decay``: at the ends of its range, toward several values, at changing rates, sparing a cell."""

import numpy as np
import pytest

import trialwise as tw
from trialwise import constant, learner, positive, state, unit
from trialwise.analysis.conformance.specimen import specimen
from trialwise.learners.state import Table

FORGET = (0.0, 1e-12, 0.3, 1 - 1e-12, 1.0)


@pytest.mark.parametrize("rate", FORGET)
def test_plain_table(rate):
    table = np.arange(6.0).reshape(2, 3).view(Table)
    table.decay(rate, 2.0, except_=(1, 1))
    expected = (1 - rate) * np.arange(6.0).reshape(2, 3) + rate * 2.0
    expected[1, 1] = 4.0
    np.testing.assert_allclose(table, expected, rtol=1e-15, atol=1e-15)
    table.decay(1.0)
    assert not table.any()


@learner
class Forgetful:
    """Every way to forget: two tables, two aims, part of a table, a cell spared, a rate that changes by trial."""

    rate: float = unit("forgetting rate")
    aim: float = positive("value that is fallen back to")

    def start(self, task):
        return state(q=task.table("cue", "action", fill=0.4), other=task.table("action", "cue", fill=-0.3))

    def choose(self, now, trial, preference):
        for action in range(len(preference)):
            preference[action] = now.q[trial.cue, action] + now.other[action, trial.cue]

    def elapse(self, now, trial):
        now.q.decay(self.rate, self.aim)
        now.other.decay(self.rate * trial.gap, 1.0, except_=(0, trial.cue))
        now.other[:, 0].decay(self.rate)
        now.q[trial.cue].decay(0.1, toward=-self.aim, except_=1)

    def learn(self, now, trial, choice, outcome):
        now.q[trial.cue, choice] += 0.5 * (outcome - now.q[trial.cue, choice])
        now.other[choice, trial.cue] += outcome


@pytest.fixture(scope="module")
def trials():
    return specimen(Forgetful(), columns={"gap": (0.0, 1.0)})


@pytest.mark.parametrize("rate", FORGET)
def test_compiled_tables(trials, rate):
    values = {"rate": rate, "aim": 0.8}
    result, gradient = tw.log_likelihood(Forgetful(), trials, values, gradient=True)
    np.testing.assert_allclose(result, tw.log_likelihood(Forgetful(), trials, values, plain=True), rtol=1e-10)
    for name, ends in (("aim", (0.8 - 1e-6, 0.8 + 1e-6)), ("rate", (max(rate - 1e-6, 0.0), min(rate + 1e-6, 1.0)))):
        below, above = (tw.log_likelihood(Forgetful(), trials, values | {name: end}, plain=True) for end in ends)
        one_sided = 1e-4 if ends[1] - ends[0] < 1.9e-6 else 1e-6
        np.testing.assert_allclose(
            gradient[name], (above - below) / (ends[1] - ends[0]), rtol=one_sided, atol=10 * one_sided, err_msg=name
        )


@learner
class Viewer:
    """Every way to see and to change a table, between and behind its forgetting, through a row held from before."""

    rate: float = unit("forgetting rate")
    aim: float = positive("value that is fallen back to")

    def start(self, task):
        return task.table("cue", "action", fill=0.4)

    def choose(self, q, trial, preference):
        preference[:] = q[trial.cue]

    def elapse(self, q, trial):
        row = q[trial.cue]
        before = row[0]
        held = row if trial.gap > 0.5 else q[0]
        q.decay(self.rate, self.aim)
        row[1] += 0.3 * before
        q.decay(0.5 * self.rate, -self.aim * trial.gap)
        row *= 0.9
        q[:, 0] = 0.2 * held[1] + 0.1 * q.sum()
        same = q.copy()
        for cell in row:
            q[0, 1] += 0.01 * cell
        q[trial.cue] = same[0] + 0.5 * (row - same[trial.cue])
        q[0, 0] = max(q[trial.cue, 1], held.mean())

    def learn(self, q, trial, choice, outcome):
        q[trial.cue, choice] += 0.5 * (outcome - q[trial.cue, choice])


@pytest.mark.parametrize("rate", [0.0, 1e-12, 0.02, 0.3, 0.89, 0.91, 1 - 1e-12, 1.0])
@pytest.mark.parametrize("which", [Viewer, Forgetful])
def test_forgotten_tables_as_plain_ones(which, rate):
    trials = specimen(which(), columns={"gap": (0.0, 1.0)})
    values = {"rate": rate, "aim": 0.8}
    result, gradient = tw.log_likelihood(which(), trials, values, gradient=True)
    np.testing.assert_allclose(result, tw.log_likelihood(which(), trials, values, plain=True), rtol=1e-10)
    below, above = (
        tw.log_likelihood(which(), trials, values | {"aim": aim}, plain=True) for aim in (0.8 - 1e-6, 0.8 + 1e-6)
    )
    np.testing.assert_allclose(gradient["aim"], (above - below) / 2e-6, rtol=1e-5, atol=1e-5)


@learner
class Patient:
    """Values that fade for long, so that the scale of their forgetting gets small and starts afresh."""

    rate: float = unit("forgetting rate")
    alpha: float = unit("learning rate")

    def start(self, task):
        return task.table("action", fill=0.5)

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = q[action]

    def elapse(self, q, trial):
        for _ in range(50):
            q.decay(self.rate, 0.2)

    def learn(self, q, trial, choice, outcome):
        q[choice] += self.alpha * (outcome - q[choice])


@pytest.mark.parametrize("rate", [1e-3, 0.1, 0.7])
def test_forgetting_for_long(rate):
    trials = specimen(Patient())
    values = {"rate": rate, "alpha": 0.4}
    result, gradient = tw.log_likelihood(Patient(), trials, values, gradient=True)
    np.testing.assert_allclose(result, tw.log_likelihood(Patient(), trials, values, plain=True), rtol=1e-10)
    for name in values:
        ends = [
            tw.log_likelihood(Patient(), trials, values | {name: values[name] + d}, plain=True) for d in (-1e-6, 1e-6)
        ]
        np.testing.assert_allclose(gradient[name], (ends[1] - ends[0]) / 2e-6, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_number_that_is_none_does_not_outlive_its_cell(bad):
    """Once forgetting has spoilt the table, a cell that is set anew is well again, as in plain Python."""

    @learner
    class Spoilt:
        alpha: float = unit("learning rate")
        aim: float = constant(0.0, "value that is sometimes fallen back to")

        def start(self, task):
            return task.table("action", fill=0.5)

        def choose(self, q, trial, preference):
            for action in range(len(preference)):
                preference[action] = self.alpha * q[action]

        def elapse(self, q, trial):
            q.decay(0.5, self.aim if trial.gap > 0.5 else 1.0)
            for action in range(len(q)):
                q[action] = 0.1 * action

    which = Spoilt(aim=bad)
    trials = specimen(which, columns={"gap": (0.0, 1.0)})
    result, gradient = tw.log_likelihood(which, trials, {"alpha": 0.3}, gradient=True)
    np.testing.assert_allclose(result, tw.log_likelihood(which, trials, {"alpha": 0.3}, plain=True), rtol=1e-10)
    assert np.isfinite(gradient["alpha"]).all()
