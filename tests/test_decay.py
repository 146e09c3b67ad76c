"""Forgetting, ``Table.decay``: at the ends of its range, toward several values, at changing rates, sparing a cell."""

import numpy as np
import pytest

import trialwise as tw
from trialwise import learner, positive, state, unit
from trialwise.specimen import specimen
from trialwise.state import Table

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
    found, gradient = tw.log_likelihood(Forgetful(), trials, values, gradient=True)
    np.testing.assert_allclose(found, tw.plain_log_likelihood(Forgetful(), trials, values), rtol=1e-10)
    for name, ends in (("aim", (0.8 - 1e-6, 0.8 + 1e-6)), ("rate", (max(rate - 1e-6, 0.0), min(rate + 1e-6, 1.0)))):
        below, above = (tw.plain_log_likelihood(Forgetful(), trials, values | {name: end}) for end in ends)
        one_sided = 1e-4 if ends[1] - ends[0] < 1.9e-6 else 1e-6
        np.testing.assert_allclose(
            gradient[name], (above - below) / (ends[1] - ends[0]), rtol=one_sided, atol=10 * one_sided, err_msg=name
        )
