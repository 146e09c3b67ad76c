"""Methods beside choosing and learning: ``see`` before the choice, ``act`` with it, ``watch`` without one, ``between`` after learning; forced
choices.

Learners of six tasks are compared with plain loops written here, and with published order of updates at reference values.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from oracles import published
from trialwise.engine import pack, run_exact, run_gradient, run_particles, run_plain, run_trace, stream_keys

C = [0, 1, 0, 0, 1, 1, 0, 1, 1, 0]
R = [1, 0, 1, 0, 1, 1, 0, 0, 1, 1]


@tw.learner
class Filter:
    """A two-level Gaussian filter of a binary input: it learns from every input shown, whatever was chosen."""

    omega: float = tw.real("log of the tonic volatility", mean=-3.0, width=2.0)
    zeta: float = tw.positive("inverse decision noise")

    def start(self, task):
        return tw.state(mean=0.0, variance=1.0)

    def choose(self, belief, trial, preference):
        preference[0] = 0.0
        preference[1] = self.zeta * belief.mean

    def watch(self, belief, trial, outcome):
        expected = 1.0 / (1.0 + math.exp(-belief.mean))
        ahead = belief.variance + math.exp(self.omega)
        belief.variance = 1.0 / (1.0 / ahead + expected * (1.0 - expected))
        error = outcome - expected
        belief.mean += belief.variance * error
        return error


@tw.learner
class Kalman:
    """Kalman filter of four arms whose means drift after every trial."""

    beta: float = tw.positive("inverse temperature")
    decay: float = tw.unit("how much of a mean stays")
    centre: float = tw.real("what means return to", mean=50.0, width=20.0)
    first: float = tw.real("mean before the first trial", mean=50.0, width=20.0)
    spread: float = tw.positive("SD of a mean before the first trial")
    walk: float = tw.positive("SD of the drift")
    noise: float = tw.positive("SD of outcomes")

    def start(self, task):
        mean, variance = task.table("action"), task.table("action")
        for arm in range(len(mean)):
            mean[arm] = self.first
            variance[arm] = self.spread**2
        return tw.state(mean=mean, variance=variance)

    def choose(self, arms, trial, preference):
        for arm in range(len(preference)):
            preference[arm] = self.beta * arms.mean[arm]

    def learn(self, arms, trial, choice, outcome):
        gain = arms.variance[choice] / (arms.variance[choice] + self.noise**2)
        error = outcome - arms.mean[choice]
        arms.mean[choice] += gain * error
        arms.variance[choice] *= 1.0 - gain
        return error

    def between(self, arms, trial):
        for arm in range(len(arms.mean)):
            arms.mean[arm] = self.decay * arms.mean[arm] + (1.0 - self.decay) * self.centre
            arms.variance[arm] = self.decay**2 * arms.variance[arm] + self.walk**2


@tw.learner
class Ultimatum:
    """The responder in an ultimatum game, whose norm moves with each offer before it is answered."""

    envy: float = tw.positive("aversion to offers below the norm")
    guilt: float = tw.positive("aversion to offers above the norm")
    beta: float = tw.positive("inverse temperature")

    def start(self, task):
        return tw.state(norm=10.0, count=4.0)

    def see(self, belief, trial):
        belief.norm = (belief.count * belief.norm + trial.offer) / (belief.count + 1.0)
        belief.count += 1.0

    def choose(self, belief, trial, preference):
        below, above = max(belief.norm - trial.offer, 0.0), max(trial.offer - belief.norm, 0.0)
        preference[0] = 0.0
        preference[1] = self.beta * (trial.offer - self.envy * below - self.guilt * above)


@tw.learner
class Observer:
    """Learns from its own outcomes and, at another rate, from those that are shown without a choice."""

    alpha: float = tw.unit("learning rate for one's own outcomes")
    alpha_shown: float = tw.unit("learning rate for outcomes that are only shown")
    beta: float = tw.positive("inverse temperature")

    def start(self, task):
        return task.table("action")

    def choose(self, value, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * value[action]

    def learn(self, value, trial, choice, outcome):
        error = outcome - value[choice]
        value[choice] += self.alpha * error
        return error

    def watch(self, value, trial, outcome):
        error = outcome - value[trial.cue]
        value[trial.cue] += self.alpha_shown * error
        return error


@tw.learner
class Guesses:
    """Guesses which of two rules holds, unseen, and learns about the rule that it guessed, also on missed trials."""

    alpha: float = tw.unit("learning rate")
    beta: float = tw.positive("inverse temperature")
    sharpness: float = tw.positive("inverse temperature of the guess")
    rules: int = tw.hidden(2, "number of rules")

    def start(self, task):
        return tw.state(trust=task.table(self.rules), value=task.table(self.rules, "action"))

    def hide(self, now, trial, preference):
        for rule in range(len(preference)):
            preference[rule] = self.sharpness * (now.trust[rule] + 0.1 * rule)

    def choose(self, now, trial, rule, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * now.value[rule, action]

    def learn(self, now, trial, rule, choice, outcome):
        now.value[rule, choice] += self.alpha * (outcome - now.value[rule, choice])
        now.trust[rule] += 0.5 * self.alpha * (outcome - now.trust[rule])

    def watch(self, now, trial, rule, outcome):
        now.trust[rule] += self.alpha * (outcome - now.trust[rule])

    def between(self, now, trial):
        for rule in range(len(now.trust)):
            now.trust[rule] *= 1.0 - 0.2 * self.alpha


@tw.learner
class Habit:
    """Values, and a habit of what was chosen, with or without an outcome (Wilson & Collins 2019, equations 5 and 6)."""

    alpha: float = tw.unit("learning rate")
    beta: float = tw.positive("inverse temperature")
    alpha_choice: float = tw.unit("rate of the choice kernel")
    beta_choice: float = tw.real("effect of the choice kernel, in logits")

    def start(self, task):
        return tw.state(value=task.table("action"), kernel=task.table("action"))

    def choose(self, now, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * now.value[action] + self.beta_choice * now.kernel[action]

    def act(self, now, trial, choice):
        for action in range(len(now.kernel)):
            now.kernel[action] += self.alpha_choice * ((1.0 if action == choice else 0.0) - now.kernel[action])

    def learn(self, now, trial, choice, outcome):
        error = outcome - now.value[choice]
        now.value[choice] += self.alpha * error
        return error


@tw.learner
class HabitualGuesses:
    """Guesses which of two rules holds; a choice becomes more valuable under the first rule by itself, which fades with time."""

    alpha: float = tw.unit("learning rate")
    beta: float = tw.positive("inverse temperature")
    sharpness: float = tw.positive("inverse temperature of the guess")
    rules: int = tw.hidden(2, "number of rules")

    def start(self, task):
        return tw.state(trust=task.table(self.rules), value=task.table(self.rules, "action"))

    def hide(self, now, trial, preference):
        for rule in range(len(preference)):
            preference[rule] = self.sharpness * (now.trust[rule] + 0.1 * rule)

    def choose(self, now, trial, rule, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * now.value[rule, action]

    def act(self, now, trial, choice):
        now.value[0, choice] += 0.5 * self.alpha * (1.0 - now.value[0, choice])

    def elapse(self, now, trial):
        for action in range(2):
            now.value[0, action] *= 0.9

    def learn(self, now, trial, rule, choice, outcome):
        now.value[rule, choice] += self.alpha * (outcome - now.value[rule, choice])


@tw.learner
class Anchored:
    """Ratings that stay near the last one: a response without outcomes changes the state as well."""

    pull: float = tw.unit("weight of the last rating")
    level: float = tw.real("rating without history")
    noise: float = tw.positive("standard deviation of ratings")

    def start(self, task):
        return tw.state(last=self.level)

    def respond(self, now, trial):
        return self.pull * now.last + (1.0 - self.pull) * self.level, self.noise

    def act(self, now, trial, response):
        now.last = response


def read(participant: object = "a", **columns) -> tw.Trials:
    frame = pd.DataFrame({"participant": participant, **columns})
    given = {"participant": "participant", "trial": False, "numbers": [n for n in columns if n == "offer"]}
    return tw.read_long(frame, **given)


def total(learner, trials, values: dict[str, float]) -> float:
    """The log-likelihood of one participant: compiled, on duals and in plain Python, which must agree."""
    packed, free = pack(learner, trials), np.array([[values[name] for name in learner.names]])
    plain, (dual, slope) = run_plain(learner, packed, free), run_gradient(learner, packed, free)
    traced = np.nansum(run_trace(learner, packed, free)[0][:, 0])
    np.testing.assert_allclose([dual[0], traced], plain[0], rtol=1e-13)
    for k in range(len(learner.names)):
        step = 1e-6 * np.eye(len(learner.names))[[k]] * max(1.0, abs(free[0, k]))
        high, low = (run_gradient(learner, packed, free + sign * step)[0][0] for sign in (1, -1))
        np.testing.assert_allclose(slope[0, k], (high - low) / (2 * step[0, k]), rtol=1e-5, atol=1e-6)
    return float(plain[0])


def log_softmax(logits: list[float], choice: int) -> float:
    return logits[choice] - math.log(sum(math.exp(each) for each in logits))


# -- reference values ---------------------------------------------------------------------------------------------------------


def test_a_learner_with_watch_alone_learns_from_every_outcome():
    """The two-level filter of Mathys et al. 2011, the response before the input of its trial."""
    trials = read(choice=C, outcome=R)
    assert total(Filter(), trials, {"omega": -2.0, "zeta": 2.0}) == pytest.approx(-7.830598282355, rel=1e-11)
    assert Filter().signals == ("error",)


def test_missed_inputs_still_teach_a_learner_that_watches():
    missed = [1, 4, 5]
    trials = read(choice=[None if t in missed else c for t, c in enumerate(C)], outcome=R)
    mean, variance, expected = 0.0, 1.0, 0.0
    for t, (c, u) in enumerate(zip(C, R, strict=True)):
        if t not in missed:
            expected += log_softmax([0.0, 2.0 * mean], c)
        ahead, p = variance + math.exp(-2.0), 1 / (1 + math.exp(-mean))
        variance = 1 / (1 / ahead + p * (1 - p))
        mean += variance * (u - p)
    assert total(Filter(), trials, {"omega": -2.0, "zeta": 2.0}) == pytest.approx(expected, rel=1e-12)


def test_what_happens_between_trials_follows_learning():
    """The Kalman filter of Daw et al. 2006: means drift after the update of the same trial."""
    payoff = [62, 40, 71, 55, 68, 49, 44, 73, 52, 66]
    trials = tw.read_long(
        pd.DataFrame({"participant": "a", "choice": [0, 2, 3, 1, 0, 2, 2, 3, 1, 0], "outcome": payoff}),
        trial=False,
        actions=[0, 1, 2, 3],
    )
    values = {"decay": 0.9, "centre": 50.0, "beta": 0.1, "first": 85.0, "spread": 6.0, "walk": 3.0, "noise": 4.0}
    assert total(Kalman(), trials, values) == pytest.approx(-14.460841584070, rel=1e-11)


def test_what_is_seen_changes_the_state_before_the_choice():
    """The norm of Xiang et al. 2013, which includes the offer that is being answered."""
    trials = read(choice=[0, 1, 1, 0, 1, 1], offer=[3.0, 8.0, 10.0, 5.0, 12.0, 4.0])
    assert total(Ultimatum(), trials, {"envy": 0.8, "guilt": 0.3, "beta": 0.5}) == pytest.approx(
        -2.433606160407, rel=1e-11
    )


def test_drifts_and_norms_are_those_of_plain_loops_where_choices_and_outcomes_are_missing():
    random = np.random.default_rng(8)
    missed = random.random(60) < 0.2
    arms = pd.DataFrame({"choice": random.integers(0, 4, 60), "outcome": random.integers(30, 80, 60).astype(float)})
    arms["outcome"] = arms["outcome"].where(random.random(60) > 0.15)
    games = pd.DataFrame({"choice": random.integers(0, 2, 60), "offer": random.integers(1, 15, 60).astype(float)})
    values = {"beta": 0.1, "decay": 0.9, "centre": 50.0, "first": 65.0, "spread": 6.0, "walk": 3.0, "noise": 4.0}
    for learner, frame, given, oracle in (
        (Kalman(), arms, values, published.kalman),
        (Ultimatum(), games, {"envy": 0.8, "guilt": 0.3, "beta": 0.5}, published.ultimatum_bayes),
    ):
        choice = [None if gone else int(each) for gone, each in zip(missed, frame["choice"], strict=True)]
        rows = [row._replace(choice=each) for row, each in zip(frame.itertuples(), choice, strict=True)]
        columns = {name: frame[name] for name in frame if name != "choice"}
        assert total(learner, read(choice=choice, **columns), given) == pytest.approx(oracle(rows, **given), rel=1e-10)


# -- own, shown, forced -------------------------------------------------------------------------------------------------------


def observed(seed: int = 3, count: int = 40) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    choice = random.integers(0, 2, count).astype(object)
    choice[random.random(count) < 0.3] = None
    outcome = random.integers(0, 2, count).astype(float)
    outcome[random.random(count) < 0.15] = np.nan
    return pd.DataFrame(
        {
            "participant": "a",
            "choice": choice,
            "cue": random.integers(0, 2, count),
            "outcome": outcome,
            "scored": (random.random(count) > 0.2).astype(int),
        }
    )


def test_learn_has_trials_with_a_choice_and_watch_those_without():
    frame, values = observed(), {"alpha": 0.3, "alpha_shown": 0.15, "beta": 2.5}
    trials = tw.read_long(frame, trial=False)
    value, expected, errors = [0.0, 0.0], 0.0, []
    for row in frame.itertuples():
        chose, error = row.choice is not None, math.nan
        if chose and row.scored:
            expected += log_softmax([2.5 * v for v in value], row.choice)
        if not math.isnan(row.outcome):
            place, rate = (row.choice, 0.3) if chose else (row.cue, 0.15)
            error = row.outcome - value[place]
            value[place] += rate * error
        errors.append(error)
    assert total(Observer(), trials, values) == pytest.approx(expected, rel=1e-12)
    learner = Observer()
    _, signals, names = run_trace(learner, pack(learner, trials), np.array([[0.3, 0.15, 2.5]]))
    assert names == ["error"]
    np.testing.assert_allclose(signals[:, 0], errors, rtol=1e-12)


def test_every_choice_acts_with_or_without_an_outcome():
    values = {"alpha": 0.3, "beta": 3.0, "alpha_choice": 0.2, "beta_choice": 1.5}
    assert total(Habit(), read(choice=C, outcome=R), values) == pytest.approx(-8.831819701018, rel=1e-12)
    frame = observed(seed=4)
    trials = tw.read_long(frame, trial=False)
    chose = frame["choice"].notna()
    assert (chose & frame["outcome"].isna()).any()
    assert (~chose & frame["outcome"].notna()).any()
    value, kernel, expected = [0.0, 0.0], [0.0, 0.0], 0.0
    for row in frame.itertuples():
        if row.choice is None:
            continue
        if row.scored:
            expected += log_softmax([3.0 * v + 1.5 * k for v, k in zip(value, kernel, strict=True)], row.choice)
        kernel = [0.8 * k + 0.2 * (action == row.choice) for action, k in enumerate(kernel)]
        if not math.isnan(row.outcome):
            value[row.choice] += 0.3 * (row.outcome - value[row.choice])
    assert total(Habit(), trials, values) == pytest.approx(expected, rel=1e-12)
    assert Habit().signals == ("error",)


def test_a_response_that_is_no_choice_acts_too():
    ratings = [0.2, None, -0.4, 1.0, 0.3]
    trials = tw.read_long(
        pd.DataFrame({"participant": "a", "rating": ratings}), trial=False, response="rating", outcome=False
    )
    last, expected = 0.1, 0.0
    for rating in ratings:
        if rating is not None:
            mean = 0.7 * last + 0.3 * 0.1
            expected += -0.5 * ((rating - mean) / 0.5) ** 2 - math.log(0.5 * math.sqrt(2 * math.pi))
            last = rating
    assert total(Anchored(), trials, {"pull": 0.7, "level": 0.1, "noise": 0.5}) == pytest.approx(expected, rel=1e-12)


def test_forced_choices_teach_and_are_not_scored():
    """Four forced trials, then free ones: as if the likelihood began at the fifth trial with the values learnt by then."""
    value, expected = [0.0, 0.0], 0.0
    for t, (c, r) in enumerate(zip(C, R, strict=True)):
        expected += log_softmax([3.0 * v for v in value], c) if t >= 4 else 0.0
        value[c] += 0.3 * (r - value[c])
    trials = read(choice=C, outcome=R, scored=[0] * 4 + [1] * 6)
    learner = tw.QLearning().fix(forget=0)
    assert total(learner, trials, {"alpha": 0.3, "beta": 3.0}) == pytest.approx(expected, rel=1e-12)
    assert trials.own.tolist() == [False] * 4 + [True] * 6


@pytest.mark.parametrize(
    "learner", [Filter(), Kalman(), Ultimatum(), Observer(), Guesses(), Habit(), HabitualGuesses(), Anchored()]
)
def test_they_pass_every_check(learner):
    table = tw.check_learner(learner, columns={"action": 2} | ({"cue": 2} if isinstance(learner, Observer) else {}))
    assert table.passed, str(table)


@tw.learner
class Uneven:
    """``watch`` returns more signals than ``learn``."""

    beta: float = tw.positive("inverse temperature")

    def start(self, task):
        return task.table("action")

    def choose(self, value, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * value[action]

    def learn(self, value, trial, choice, outcome):
        return outcome - value[choice]

    def watch(self, value, trial, outcome):
        return outcome, 100.0


def test_learn_and_watch_return_as_many_signals_whatever_data_came_before():
    """Compiled code writes as many numbers as they return, so that their number must not be that of other data."""
    learned = read(choice=[0, 1, 0, 1], outcome=[1.0, 0.0, 1.0, 1.0], scored=[1, 0, 1, 1])
    watched = read(choice=[0, 1, None, None], outcome=[1.0, 0.0, 1.0, 1.0], scored=[1, 0, 1, 1])
    assert tw.trial_values(Uneven(), learned, {"beta": 1.0})["signal"].tolist() == [1.0, 0.0, 1.0, 1.0]
    with pytest.raises(tw.errors.LearnerError, match="learn and watch returned different numbers of signals, 1 and 2"):
        tw.trial_values(Uneven(), watched, {"beta": 1.0})


# -- hidden choices -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("learner", [Guesses(), HabitualGuesses()])
def test_a_watched_trial_draws_its_hidden_choice(learner):
    """Likelihood summed over all courses of hidden choices, each given one being replayed; filters agree with it."""
    trials = tw.read_long(observed(seed=5, count=9).assign(scored=[1, 0, 1, 1, 1, 1, 1, 0, 1]), trial=False)
    packed, free = pack(learner, trials), np.array([[0.4, 2.0, 1.5]])
    hides = trials.responded | (~trials.without_outcome if "watch" in learner.methods else False)
    assert "watch" not in learner.methods or (hides & ~trials.responded).any()
    assert (trials.responded & ~trials.scored).any()
    likelihood, second = 0.0, np.zeros(trials.n_trials)
    for course in itertools.product(range(2), repeat=int(hides.sum())):
        hidden = np.zeros(trials.n_trials, int)
        hidden[hides] = course
        joint = math.exp(run_plain(learner, packed.with_hidden(hidden), free)[0])
        likelihood, second = likelihood + joint, second + joint * hidden
    exact, slope, sequences = run_exact(learner, packed, free)
    assert sequences[0] == 2 ** int(hides.sum())
    assert exact[0] == pytest.approx(math.log(likelihood), rel=1e-12)
    for k in range(3):
        step = 1e-6 * np.eye(3)[[k]]
        high, low = (run_exact(learner, packed, free + sign * step)[0][0] for sign in (1, -1))
        assert slope[0, k] == pytest.approx((high - low) / 2e-6, rel=1e-5, abs=1e-6)
    table = tw.trial_values(learner, trials, {"alpha": 0.4, "beta": 2.0, "sharpness": 1.5})
    np.testing.assert_allclose(table["hidden_2"], np.where(hides, second / likelihood, np.nan), atol=0.08)
    assert table["hidden_2_filtered"].notna().tolist() == hides.tolist()
    jobs = np.zeros(600, int)
    keys = stream_keys(jobs.astype(np.uint64), np.arange(600))
    for scored in (False, True):
        ratio = np.exp(
            run_particles(learner, packed, free[jobs], jobs, keys, 30, scored=scored).log_likelihood - exact[0]
        )
        assert abs(ratio.mean() - 1.0) < 5.0 * ratio.std() / math.sqrt(600)


# -- simulation ---------------------------------------------------------------------------------------------------------------


class Horizon(tw.environments.Environment):
    """Four forced choices, then four free ones, with new bandits in each game."""

    levels = {"action": ("left", "right")}

    def show(self, random):
        trials = 40
        forced = np.where(np.arange(trials) % 8 < 4, random.integers(0, 2, trials), -1)
        return tw.environments.Shown(trials, reset=np.arange(trials) % 8 == 0, forced=forced)

    def potential(self, shown, random):
        return (random.random((shown.trials, 2)) < (0.3, 0.7)).astype(float)


TRUTH = {"alpha": 0.3, "beta": 3.0}


def test_simulations_make_forced_choices_and_free_ones_of_their_own():
    learner = tw.QLearning().fix(forget=0)
    one, other = (
        tw.simulate(learner, Horizon(), {**TRUTH, "beta": b}, participants=3, seed=1).trials for b in (3.0, 0.1)
    )
    np.testing.assert_array_equal(one.scored, np.arange(120) % 8 >= 4)
    np.testing.assert_array_equal(one.choice[~one.scored], other.choice[~one.scored])
    assert (one.choice[one.scored] != other.choice[one.scored]).any()
    again = tw.simulate(learner, Horizon().on(one), TRUTH, seed=5).trials
    np.testing.assert_array_equal(again.choice[~one.scored], one.choice[~one.scored])
    assert (again.choice[one.scored] != one.choice[one.scored]).any()
    drawn = next(iter(tw.predict(learner, "one-step", one, datasets=1)))
    np.testing.assert_array_equal(drawn.choice[~one.scored], one.choice[~one.scored])


def test_recorded_outcomes_are_shown_again_on_missed_trials():
    frame = observed()
    trials = tw.read_long(frame, trial=False, levels={"action": [0, 1]})

    class Coin(tw.environments.Environment):
        levels = {"action": (0, 1)}

        def show(self, random):
            return tw.environments.Shown(40)

        def potential(self, shown, random):
            return random.integers(2, 4, (shown.trials, 2)).astype(float)

    values = {"alpha": 0.3, "alpha_shown": 0.15, "beta": 2.5}
    new = tw.simulate(Observer(), Coin().on(trials), values, keep_missed=True, seed=2).trials
    missed = ~trials.responded
    np.testing.assert_array_equal(new.responded, trials.responded)
    np.testing.assert_array_equal(new.outcome["outcome"][missed], trials.outcome["outcome"][missed])
    assert (new.outcome["outcome"][~missed & ~trials.without_outcome] >= 2).all()


def test_an_environment_cannot_force_what_is_not_available():
    class Closed(Horizon):
        def show(self, random):
            shown = super().show(random)
            return replace(shown, available=np.tile([True, False], (40, 1)), forced=np.where(np.arange(40) == 7, 1, -1))

    with pytest.raises(tw.errors.UsageError, match="forces action 1 on trial 8, where it is not available"):
        tw.simulate(tw.QLearning().fix(forget=0), Closed(), TRUTH)


def test_a_fit_keeps_which_responses_are_scored(tmp_path):
    learner = tw.QLearning().fix(forget=0)
    trials = tw.simulate(learner, Horizon(), TRUTH, participants=4, seed=1).trials
    everything = tw.log_likelihood(learner, replace(trials, scored=None), TRUTH)
    own = tw.log_likelihood(learner, trials, TRUTH)
    assert (own > everything).all()
    frame = trials.to_frame()
    back = tw.read_long(frame, reset="reset")
    np.testing.assert_array_equal(back.scored, trials.scored)
    np.testing.assert_allclose(tw.log_likelihood(learner, back, TRUTH), own)
    point = tw.point(learner, trials)
    assert point is not None


def test_a_check_on_missed_trials_with_a_hidden_choice_accuses_nobody():
    """Whether a missed trial has an outcome decides whether a hidden choice is made there, which is nothing that was observed."""
    random = np.random.default_rng(0)
    choice = [None if u < 0.4 else int(u > 0.7) for u in random.random(90)]
    frame = pd.DataFrame(
        {"participant": np.repeat([1, 2, 3], 30), "choice": choice, "outcome": random.integers(0, 2, 90)}
    )
    table = tw.check_learner(Guesses(), tw.read_long(frame, trial=False), quiet=True)
    assert table.passed, str(table)
