"""Trials on which a part of the outcome is missing: a learner that guards against gaps runs, one that uses them is refused."""

import inspect
import math
import re

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise import learner, unit
from trialwise.base.errors import LearnerError

# -- learners: one body of learn each ----------------------------------------------------------------------------------


def move(self, now, choice, target):
    now.value[choice] += self.alpha * (target - now.value[choice])


class Two:
    alpha: float = unit("learning rate")

    def start(self, task):
        return tw.state(value=task.table("action"), seen=task.table("action"), last=0.0, kind=tw.memory())

    def choose(self, now, trial, preference):
        bias = 0.0 if np.isnan(now.last) else now.last
        for action in range(len(preference)):
            preference[action] = now.value[action] + (0.5 * bias if action == 0 else 0.0)

    def known(self, number):
        return not np.isnan(number)

    def update(self, now, choice, outcome):
        if self.known(outcome.money):
            move(self, now, choice, outcome.money + outcome.social)


def learns(body, **others):
    own = {name: value for name, value in vars(Two).items() if not name.startswith("__")} | {"learn": body} | others
    return learner(type(body.__name__.title().replace("_", ""), (), {"__annotations__": Two.__annotations__, **own}))()


def ends_early(self, now, trial, choice, outcome):
    if math.isnan(outcome.money):
        return
    move(self, now, choice, outcome.money + outcome.social)


def compared(self, now, trial, choice, outcome):
    if outcome.money >= -9.0:
        move(self, now, choice, outcome.money + outcome.social)


def differs_from_itself(self, now, trial, choice, outcome):
    money = outcome.money
    if money != money:
        money = 0.0
    move(self, now, choice, money + outcome.social)


def at_least(self, now, trial, choice, outcome):
    move(self, now, choice, max(-0.25, outcome.money) + outcome.social)


def in_a_method(self, now, trial, choice, outcome):
    self.update(now, choice, outcome)


def computed_but_left(self, now, trial, choice, outcome):
    error = outcome.money + outcome.social - now.value[choice]
    if not np.isnan(error):
        now.value[choice] += self.alpha * error


def with_the_other(self, now, trial, choice, outcome):
    total = outcome.social
    if not (np.isnan(outcome.money) or trial.cue == 7):
        total += outcome.money
    move(self, now, choice, total)


def truth_after_asking(self, now, trial, choice, outcome):
    move(self, now, choice, outcome.social)
    if outcome.money and not math.isnan(outcome.money):
        move(self, now, choice, outcome.money + outcome.social)


def remembers(self, now, trial, choice, outcome):
    now.last = outcome.money
    move(self, now, choice, outcome.social)


def both(money, social):
    return [] if np.isnan(money) else [money + social]


def zero(money, social):
    return [social + np.nan_to_num(money)]


GUARDS = [
    (ends_early, both),
    (compared, both),
    (differs_from_itself, zero),
    (at_least, lambda money, social: [social + (-0.25 if np.isnan(money) else max(-0.25, money))]),
    (in_a_method, both),
    (computed_but_left, both),
    (with_the_other, zero),
    (truth_after_asking, lambda money, social: [social, money + social] if money and money == money else [social]),
    (remembers, lambda money, social: [social]),
]
"""Bodies that guard, and the targets toward which each moves the value of the choice."""


def at_once(self, now, trial, choice, outcome):
    move(self, now, choice, outcome.money + outcome.social)


def after_a_return(self, now, trial, choice, outcome):
    if trial.cue == 5:
        return
    move(self, now, choice, outcome.money)


def under_a_condition(self, now, trial, choice, outcome):
    if trial.cue == 1:
        now.value[choice] -= outcome.money


def asked_in_vain(self, now, trial, choice, outcome):
    if math.isnan(outcome.money):
        now.seen[choice] += 1.0
    move(self, now, choice, outcome.money)


def difference(outcome):
    return outcome.money - outcome.social


def in_a_function(self, now, trial, choice, outcome):
    move(self, now, choice, difference(outcome))


def as_a_truth_value(self, now, trial, choice, outcome):
    if outcome.money:
        move(self, now, choice, 1.0)


def as_unequal(self, now, trial, choice, outcome):
    if outcome.money != 0.0:
        now.kind = choice


def as_an_index(self, now, trial, choice, outcome):
    now.value[int(outcome.money > 0.0)] += outcome.social
    now.seen[int(outcome.money)] += 1.0


def at_most(self, now, trial, choice, outcome):
    move(self, now, choice, max(outcome.money, 0.0))


def remembers_and_adds(self, now, trial, choice, outcome):
    move(self, now, choice, outcome.social + now.seen[choice])
    now.seen[choice] = outcome.money


USES = [
    at_once, after_a_return, under_a_condition, asked_in_vain, in_a_function, as_a_truth_value, as_unequal, as_an_index,
    at_most, remembers_and_adds,
]  # fmt: skip


def data():
    """Money is missing in rows 13 and 15 of the file, trials 4 and 6 of participant ``b``; cue 1 only on trial 6."""
    rows = [
        {"id": p, "trial": t, "cue": 0, "choice": t % 2, "money": float(t % 3 == 0), "social": float(t % 2)}
        for p in "ab"
        for t in range(8)
    ]
    rows[11]["money"] = np.nan
    rows[13] |= {"cue": 1, "money": np.nan}
    return tw.read_long(pd.DataFrame(rows), outcome={"money": "money", "social": "social"}, cue="cue")


# -- tests -------------------------------------------------------------------------------------------------------------


def by_hand(targets, trials, alpha, remembered):
    """The log-likelihood of each participant, from the equations."""
    result = []
    for first, end in zip(trials.offsets[:-1], trials.offsets[1:], strict=True):
        value, last, total = np.zeros(2), 0.0, 0.0
        for t in range(first, end):
            logits = value + np.array([0.5 * np.nan_to_num(last), 0.0])
            total += logits[trials.choice[t]] - np.log(np.exp(logits).sum())
            money, social = trials.outcome["money"][t], trials.outcome["social"][t]
            for target in targets(money, social):
                value[trials.choice[t]] += alpha * (target - value[trials.choice[t]])
            last = money if remembered else 0.0
        result.append(total)
    return result


@pytest.mark.parametrize(("body", "targets"), GUARDS, ids=[body.__name__ for body, _ in GUARDS])
def test_whoever_guards_is_not_refused(body, targets):
    trials = data()
    wanted = by_hand(targets, trials, 0.3, body is remembers)
    for plain in (True, False):
        got = tw.log_likelihood(learns(body), trials, {"alpha": 0.3}, plain=plain)
        np.testing.assert_allclose(got, wanted, rtol=1e-12)


@pytest.mark.parametrize("body", USES, ids=[body.__name__ for body in USES])
def test_whoever_uses_a_gap_is_refused_with_part_row_line_and_remedy(body):
    with pytest.raises(LearnerError) as caught:
        tw.log_likelihood(learns(body), data(), {"alpha": 0.3})
    where = "trial 6 of participant 'b', row 15" if body is under_a_condition else "trial 4 of participant 'b', row 13"
    assert f"outcome.money is missing on {where} of the file (and on 1 more)" in caught.value.message
    line = int(re.search(r"line (\d+)", caught.value.message)[1])
    text = inspect.getsource(inspect.getmodule(body)).splitlines()[line - 1]
    assert "outcome.money" in text
    assert "-> fill it in; or leave the whole outcome of the trial empty" in caught.value.message
    assert "write if not np.isnan(outcome.money): before what uses it" in caught.value.message
    assert ("a later trial computes" in caught.value.message) == (body is remembers_and_adds)


def test_what_choose_does_with_a_gap_that_learn_remembers():
    def choose(self, now, trial, preference):
        for action in range(len(preference)):
            preference[action] = now.value[action] * now.last

    with pytest.raises(LearnerError, match="remembers it, and a later trial computes"):
        tw.log_likelihood(learns(remembers, choose=choose), data(), {"alpha": 0.3})


def test_the_part_that_is_used_is_named():
    def one_is_guarded(self, now, trial, choice, outcome):
        total = 0.0 if np.isnan(outcome.social) else outcome.social
        move(self, now, choice, total + outcome.money + outcome.third)

    table = pd.DataFrame({"id": 1, "choice": [0, 1, 0], "money": 1.0, "social": [1.0, 0, 1], "third": [0.5, 1, 0]})
    table.loc[1, ["money", "social"]] = np.nan
    trials = tw.read_long(table, outcome={"money": "money", "social": "social", "third": "third"})
    with pytest.raises(LearnerError, match=r"^outcome.money is missing on trial 2"):
        tw.log_likelihood(learns(one_is_guarded), trials, {"alpha": 0.3})


def test_a_part_whose_gap_another_part_announces():
    def no_money_no_third(self, now, trial, choice, outcome):
        if not np.isnan(outcome.money):
            move(self, now, choice, outcome.social + outcome.third)

    table = pd.DataFrame({"id": 1, "choice": [0, 1, 0], "money": 1.0, "social": [1.0, 0, 1], "third": [0.5, 1, 0]})
    table.loc[1, ["money", "third"]] = np.nan
    trials = tw.read_long(table, outcome={"money": "money", "social": "social", "third": "third"})
    assert np.isfinite(tw.log_likelihood(learns(no_money_no_third), trials, {"alpha": 0.3})).all()


def test_a_nan_of_the_learners_own_is_not_laid_upon_a_gap():
    def unknown_at_first(self, now, trial, choice, outcome):
        now.last = np.nan
        if not np.isnan(outcome.money):
            move(self, now, choice, outcome.money)

    assert np.isfinite(tw.log_likelihood(learns(unknown_at_first), data(), {"alpha": 0.3})).all()
