"""Trials on which a part of the outcome is missing are refused before anything runs, unless the learner allows for it."""

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise import learner, unit
from trialwise.base.errors import LearnerError


class Two:
    alpha: float = unit("learning rate")

    def start(self, task):
        return task.table("action")

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = q[action]


def learns(body):
    own = {name: value for name, value in vars(Two).items() if not name.startswith("__")}
    return learner(type(body.__name__.title(), (), {"__annotations__": Two.__annotations__, **own, "learn": body}))()


def both(self, q, trial, choice, outcome):
    q[choice] += self.alpha * (outcome.money + outcome.social - q[choice])


def difference(outcome):
    return outcome.money - outcome.social


def in_a_helper(self, q, trial, choice, outcome):
    q[choice] += self.alpha * (difference(outcome) - q[choice])


def only_social(self, q, trial, choice, outcome):
    q[choice] += self.alpha * (outcome.social - q[choice])


def asks(self, q, trial, choice, outcome):
    q[choice] += self.alpha * (outcome.social - q[choice])
    if not np.isnan(outcome.money):
        q[choice] += self.alpha * (outcome.money - q[choice])


def asks_and_ends(self, q, trial, choice, outcome):
    if np.isnan(outcome.money):
        return
    q[choice] += self.alpha * (outcome.money + outcome.social - q[choice])


def by_cue(self, q, trial, choice, outcome):
    q[choice] += self.alpha * ((outcome.social if trial.cue == 1 else outcome.money) - q[choice])


def data(empty=True, choice=1.0):
    """Row 15 of the file, the 6th trial of participant ``b``, lacks money, and has the cue 1."""
    rows = [
        {"id": p, "trial": t, "cue": 0, "choice": t % 2, "money": 0.1 * t - 0.3, "social": float(t % 2)}
        for p in "ab"
        for t in range(8)
    ]
    rows[13] |= {"cue": 1, "money": np.nan if empty else 1.0, "choice": choice}
    return tw.read_long(pd.DataFrame(rows), outcome={"money": "money", "social": "social"})


@pytest.mark.parametrize("body", [both, in_a_helper])
def test_a_missing_part_is_refused_with_its_row(body):
    subject = learns(body)
    for run in (
        lambda: tw.log_likelihood(subject, data(), {"alpha": 0.3}),
        lambda: tw.log_likelihood(subject, data(), {"alpha": 0.3}, plain=True),
        lambda: tw.fit(subject, data(), draws=5, tune=5, chains=1, progress=False),
    ):
        with pytest.raises(LearnerError, match=r"outcome.money is missing on trial 6 of participant 'b', row 15"):
            run()
    assert np.isfinite(tw.log_likelihood(subject, data(empty=False), {"alpha": 0.3})).all()


@pytest.mark.parametrize("body", [only_social, asks, asks_and_ends, by_cue])
def test_learners_that_do_not_need_the_part_run(body):
    values = [tw.log_likelihood(learns(body), data(), {"alpha": 0.3}, plain=plain) for plain in (False, True)]
    assert np.isfinite(values).all()
    np.testing.assert_allclose(*values, rtol=1e-12)


def test_trials_without_a_choice_teach_nothing():
    assert np.isfinite(tw.log_likelihood(learns(both), data(choice=np.nan), {"alpha": 0.3})).all()
