"""Forgetting, ``Table.decay``: at the ends of its range, toward several values, at changing rates, except for a cell."""

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
    """All forms of forgetting: two tables, two targets, part of a table, an excepted cell, a rate that changes by trial."""

    rate: float = unit("forgetting rate")
    target: float = positive("value toward which tables decay")

    def start(self, task):
        return state(q=task.table("cue", "action", fill=0.4), other=task.table("action", "cue", fill=-0.3))

    def choose(self, now, trial, preference):
        for action in range(len(preference)):
            preference[action] = now.q[trial.cue, action] + now.other[action, trial.cue]

    def elapse(self, now, trial):
        now.q.decay(self.rate, self.target)
        now.other.decay(self.rate * trial.gap, 1.0, except_=(0, trial.cue))
        now.other[:, 0].decay(self.rate)
        now.q[trial.cue].decay(0.1, toward=-self.target, except_=1)

    def learn(self, now, trial, choice, outcome):
        now.q[trial.cue, choice] += 0.5 * (outcome - now.q[trial.cue, choice])
        now.other[choice, trial.cue] += outcome


@pytest.fixture(scope="module")
def trials():
    return specimen(Forgetful(), columns={"gap": (0.0, 1.0)})


@pytest.mark.parametrize("rate", FORGET)
def test_compiled_tables(trials, rate):
    values = {"rate": rate, "target": 0.8}
    result, gradient = tw.log_likelihood(Forgetful(), trials, values, gradient=True)
    np.testing.assert_allclose(result, tw.log_likelihood(Forgetful(), trials, values, plain=True), rtol=1e-10)
    for name, ends in (("target", (0.8 - 1e-6, 0.8 + 1e-6)), ("rate", (max(rate - 1e-6, 0.0), min(rate + 1e-6, 1.0)))):
        below, above = (tw.log_likelihood(Forgetful(), trials, values | {name: end}, plain=True) for end in ends)
        one_sided = 1e-4 if ends[1] - ends[0] < 1.9e-6 else 1e-6
        np.testing.assert_allclose(
            gradient[name], (above - below) / (ends[1] - ends[0]), rtol=one_sided, atol=10 * one_sided, err_msg=name
        )


@learner
class Viewer:
    """All forms of reading and changing a table between steps of forgetting, including a row referenced before them."""

    rate: float = unit("forgetting rate")
    target: float = positive("value toward which tables decay")

    def start(self, task):
        return task.table("cue", "action", fill=0.4)

    def choose(self, q, trial, preference):
        preference[:] = q[trial.cue]

    def elapse(self, q, trial):
        row = q[trial.cue]
        before = row[0]
        reference = row if trial.gap > 0.5 else q[0]
        q.decay(self.rate, self.target)
        row[1] += 0.3 * before
        q.decay(0.5 * self.rate, -self.target * trial.gap)
        row *= 0.9
        q[:, 0] = 0.2 * reference[1] + 0.1 * q.sum()
        copy = q.copy()
        for cell in row:
            q[0, 1] += 0.01 * cell
        q[trial.cue] = copy[0] + 0.5 * (row - copy[trial.cue])
        q[0, 0] = max(q[trial.cue, 1], reference.mean())

    def learn(self, q, trial, choice, outcome):
        q[trial.cue, choice] += 0.5 * (outcome - q[trial.cue, choice])


@pytest.mark.parametrize("rate", [0.0, 1e-12, 0.02, 0.3, 0.89, 0.91, 1 - 1e-12, 1.0])
@pytest.mark.parametrize("cls", [Viewer, Forgetful])
def test_compiled_forgetting_agrees_with_plain_python(cls, rate):
    trials = specimen(cls(), columns={"gap": (0.0, 1.0)})
    values = {"rate": rate, "target": 0.8}
    result, gradient = tw.log_likelihood(cls(), trials, values, gradient=True)
    np.testing.assert_allclose(result, tw.log_likelihood(cls(), trials, values, plain=True), rtol=1e-10)
    below, above = (
        tw.log_likelihood(cls(), trials, values | {"target": target}, plain=True) for target in (0.8 - 1e-6, 0.8 + 1e-6)
    )
    np.testing.assert_allclose(gradient["target"], (above - below) / 2e-6, rtol=1e-5, atol=1e-5)


@learner
class LongForgetting:
    """Values that decay for so long that the scale of their forgetting becomes small and is reset."""

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
def test_long_forgetting(rate):
    trials = specimen(LongForgetting())
    values = {"rate": rate, "alpha": 0.4}
    result, gradient = tw.log_likelihood(LongForgetting(), trials, values, gradient=True)
    np.testing.assert_allclose(result, tw.log_likelihood(LongForgetting(), trials, values, plain=True), rtol=1e-10)
    for name in values:
        ends = [
            tw.log_likelihood(LongForgetting(), trials, values | {name: values[name] + d}, plain=True)
            for d in (-1e-6, 1e-6)
        ]
        np.testing.assert_allclose(gradient[name], (ends[1] - ends[0]) / 2e-6, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_values_are_overwritten(bad):
    """After forgetting has made cells non-finite, a cell that is assigned is finite again, as in plain Python."""

    @learner
    class NonFinite:
        alpha: float = unit("learning rate")
        target: float = constant(0.0, "value toward which tables sometimes decay")
        less: float = constant(0.0, "subtracted from it: infinity less infinity is no number")

        def start(self, task):
            return task.table("action", fill=0.5)

        def choose(self, q, trial, preference):
            for action in range(len(preference)):
                preference[action] = self.alpha * q[action]

        def elapse(self, q, trial):
            q.decay(0.5, self.target - self.less if trial.gap > 0.5 else 1.0)
            for action in range(len(q)):
                q[action] = 0.1 * action

    cls = NonFinite(target=np.inf, less=np.inf if np.isnan(bad) else 0.0)
    trials = specimen(cls, columns={"gap": (0.0, 1.0)})
    result, gradient = tw.log_likelihood(cls, trials, {"alpha": 0.3}, gradient=True)
    np.testing.assert_allclose(result, tw.log_likelihood(cls, trials, {"alpha": 0.3}, plain=True), rtol=1e-10)
    assert np.isfinite(gradient["alpha"]).all()
