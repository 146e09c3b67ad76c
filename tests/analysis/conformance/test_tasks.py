"""Learners that are made for one task only: they pass in it or on its trials; elsewhere the table says what to check them on."""

import math

import numpy as np
import pytest

import trialwise as tw
from trialwise import learner, positive, unit
from trialwise.analysis.conformance.case import Case, Violation
from trialwise.analysis.conformance.simulating import simulation
from trialwise.analysis.conformance.specimen import specimen
from trialwise.environments import Environment, Shown

CAPACITY = 5


@learner
class Balloon:
    """Pumps add up until the participant stops or the balloon bursts: any other outcome is impossible."""

    rate: float = unit("learning rate")
    beta: float = positive("inverse temperature")
    data = tw.assumes(action=("stop", "pump"))

    def start(self, task):
        return tw.state(target=1.0, pumps=0.0)

    def choose(self, now, trial, preference):
        preference[0] = 0.0
        preference[1] = self.beta * (now.target - math.log1p(now.pumps))

    def learn(self, now, trial, choice, outcome):
        if choice == 1 and outcome == 0.0:
            now.pumps += 1.0
        else:
            gained = outcome if choice == 0 else -outcome - 1.0
            if gained != now.pumps:
                raise ValueError("impossible")
            now.target += self.rate * (math.log1p(gained) - now.target)
            now.pumps = 0.0


class Balloons(Environment):
    """Stopping brings what was pumped; the fifth pump bursts the balloon."""

    levels = {"action": ("stop", "pump")}

    def __init__(self, trials=40):
        self.trials = trials

    def show(self, random):
        return Shown(self.trials, {"pumped": np.zeros(self.trials)})

    def follow(self, shown, choice):
        pumped = np.zeros(self.trials)
        for t in range(1, self.trials):
            pumped[t] = (pumped[t - 1] + 1) % CAPACITY if choice[t - 1] == 1 else 0.0
        return {"pumped": pumped}

    def potential(self, shown, random):
        pumped = shown["pumped"]
        return np.stack([pumped, np.where(pumped + 1 == CAPACITY, -CAPACITY, 0.0)], axis=1)


@learner
class Sorting:
    """The card matches each pile in one feature at most: three label columns that are never alike."""

    alpha: float = unit("learning rate")
    beta: float = positive("inverse temperature")
    data = tw.assumes(actions=4)

    def start(self, task):
        return task.table(3, fill=1.0)

    def choose(self, weight, trial, preference):
        for pile in range(4):
            preference[pile] = 0.0
        preference[trial.color] = self.beta * weight[0]
        preference[trial.form] = self.beta * weight[1]
        preference[trial.number] = self.beta * weight[2]

    def learn(self, weight, trial, choice, outcome):
        if trial.color == trial.form or trial.color == trial.number or trial.form == trial.number:
            raise ValueError("an ambiguous card")
        for feature in range(3):
            pile = trial.color if feature == 0 else trial.form if feature == 1 else trial.number
            if pile == choice:
                weight[feature] += self.alpha * (outcome - weight[feature])


class Cards(Environment):
    """The rule changes after ten cards."""

    levels = {name: tuple(range(4)) for name in ("color", "form", "number", "action")}

    def __init__(self, trials=40):
        self.trials = trials

    def show(self, random):
        cards = np.array([random.permutation(4)[:3] for _ in range(self.trials)])
        return Shown(self.trials, dict(zip(("color", "form", "number"), cards.T, strict=True)))

    def potential(self, shown, random):
        cards = np.stack([shown[name] for name in ("color", "form", "number")], axis=1)
        right = cards[np.arange(self.trials), np.arange(self.trials) // 10 % 3]
        return (np.arange(4) == right[:, None]).astype(float)


@learner
class Advised:
    """Trust in an adviser is a proportion, so that outcomes are."""

    alpha: float = unit("learning rate")
    weight: float = positive("weight of advice")
    data = tw.assumes(action=("blue", "green"), advice=("blue", "green"), outcome=(0, 1))

    def start(self, task):
        return tw.state(trust=0.5)

    def choose(self, now, trial, preference):
        for action in range(2):
            preference[action] = 0.0
        preference[trial.advice] = self.weight * math.log(now.trust / (1.0 - now.trust))

    def learn(self, now, trial, choice, outcome):
        helped = outcome if choice == trial.advice else 1.0 - outcome
        now.trust += 0.9 * self.alpha * (helped - now.trust)


@learner
class Strict:
    """Two stages, in this order: anything else is an error."""

    beta: float = positive("inverse temperature")
    data = tw.assumes(
        actions=2, cue=("first", "left", "right"), stages=[{"cue": 0}, {"cue": (1, 2)}], leads={0: 1, 1: 2}
    )

    def start(self, task):
        return tw.state(value=task.table("cue", "action"), last=tw.memory(1))

    def choose(self, now, trial, preference):
        for action in range(2):
            preference[action] = self.beta * now.value[trial.cue, action]

    def elapse(self, now, trial):
        if trial.cue > 0 and now.last > 0:
            raise ValueError("the first stage is missing")
        now.last = trial.cue

    def learn(self, now, trial, choice, outcome):
        if trial.cue == 0 and outcome != 0.0:
            raise ValueError("an outcome before the last stage")
        now.value[trial.cue, choice] += 0.3 * (outcome - now.value[trial.cue, choice])


def made_up(subject):
    """The only row of a learner that generated data do not suit."""
    (row,) = tw.check_learner(subject, quiet=True).checks
    assert (row.name, row.passed) == ("it runs and compiles", False)
    return row.detail


@pytest.mark.compile
def test_an_outcome_that_depends_on_what_was_done_before():
    assert "impossible" in made_up(Balloon)
    assert "check it on trials of that task, or in the environment" in made_up(Balloon)
    tw.check_learner(Balloon, environment=Balloons(), quiet=True).raise_if_failed()
    trials = tw.simulate(Balloon(), Balloons(), {"rate": 0.5, "beta": 0.5}, participants=3, seed=1).trials
    on_data = tw.check_learner(Balloon, trials, quiet=True)
    on_data.raise_if_failed()
    assert on_data.checks[0].detail == "120 trials of 3 participants"


@pytest.mark.compile
def test_labels_that_depend_on_each_other():
    assert "ambiguous card" in made_up(Sorting)
    trials = tw.simulate(Sorting(), Cards(), {"alpha": 0.5, "beta": 0.5}, participants=3, seed=1).trials
    tw.check_learner(Sorting, trials, environment=Cards(), quiet=True).raise_if_failed()


CALLS = [0.0]


@learner
class Restless:
    """A preference that changes from call to call, so that a replay differs from the simulation."""

    beta: float = positive("inverse temperature")

    def choose(self, nothing, trial, preference):
        CALLS[0] += 1.0
        preference[0] = self.beta * (CALLS[0] % 7.0)
        preference[1] = 0.0


def test_the_last_response_has_the_probability_of_its_replay():
    trials = specimen(tw.QLearning(), columns={"action": 2})
    with pytest.raises(Violation, match="was drawn with log-probability"):
        simulation(Case(Restless(), trials, 0))
    simulation(Case(tw.QLearning(), trials, 0))


@pytest.mark.compile
@pytest.mark.parametrize("subject", [Advised, Strict])
def test_what_is_declared_suffices(subject):
    tw.check_learner(subject, quiet=True).raise_if_failed()


class Breaks(Cards):
    def potential(self, shown, random):
        return np.zeros((self.trials, 4)) + np.arange(3)


def test_an_exception_of_an_environment_is_a_row():
    result = tw.check_learner(Sorting, environment=Breaks(), quiet=True)
    assert not result.passed
    detail = result.checks[-1].detail
    assert detail.startswith("Breaks.potential, line ") and "return np.zeros((self.trials, 4)) + np.arange(3)" in detail
    assert "ValueError: operands could not be broadcast" in detail
