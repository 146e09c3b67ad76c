"""Learners with several responses: a choice and ratings, each scored where it was observed."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise.engine import pack, run_gradient, run_plain, run_trace


@tw.learner
class Happiness:
    """Chooses between two arms and rates its happiness, a decaying sum of surprises, and its confidence, a difference of values."""

    alpha: float = tw.unit("learning rate")
    beta: float = tw.positive("inverse temperature")
    memory: float = tw.unit("how much of the surprises stays")
    weight: float = tw.real("effect of a surprise on happiness", mean=1.0)
    noise: float = tw.positive("SD of ratings")
    slope: float = tw.positive("effect of a difference of values on confidence")

    def start(self, task):
        return tw.state(value=task.table("action"), surprise=0.0)

    def choose(self, now, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * now.value[action]

    @tw.responses.normal
    def happiness(self, now, trial):
        return self.weight * now.surprise, self.noise

    @tw.responses.normal
    def confidence(self, now, trial):
        return self.slope * abs(now.value[0] - now.value[1]), 0.5 * self.noise

    def learn(self, now, trial, choice, outcome):
        error = outcome - now.value[choice]
        now.value[choice] += self.alpha * error
        now.surprise = self.memory * now.surprise + error
        return error


VALUES = {"alpha": 0.3, "beta": 2.0, "memory": 0.6, "weight": 0.8, "noise": 0.5, "slope": 1.2}


def frame(participants: int = 3, count: int = 30) -> pd.DataFrame:
    random, rows = np.random.default_rng(1), participants * count

    def some(values, share):
        values = values.astype(object)
        values[random.random(rows) < share] = None
        return values

    return pd.DataFrame(
        {
            "participant": np.repeat(np.arange(participants), count),
            "choice": some(random.integers(0, 2, rows), 0.1),
            "reward": random.integers(0, 2, rows),
            "happy": some(random.normal(size=rows), 0.5),
            "sure": some(random.normal(size=rows), 0.2),
        }
    )


def read(table: pd.DataFrame) -> tw.Trials:
    return tw.read_long(table, trial=False, response={"happiness": "happy", "confidence": "sure"})


def by_hand(table: pd.DataFrame) -> list[float]:
    """The log-likelihood of each participant, in a plain loop."""
    totals = []
    for _, own in table.groupby("participant"):
        value, surprise, total = [0.0, 0.0], 0.0, 0.0
        for row in own.itertuples():
            if row.choice is not None:
                total += 2.0 * value[row.choice] - math.log(sum(math.exp(2.0 * v) for v in value))
            for rating, mean, sd in (
                (row.happy, 0.8 * surprise, 0.5),
                (row.sure, 1.2 * abs(value[0] - value[1]), 0.25),
            ):
                if rating is not None:
                    total -= 0.5 * ((rating - mean) / sd) ** 2 + math.log(sd * math.sqrt(2 * math.pi))
            if row.choice is not None:
                error = row.reward - value[row.choice]
                value[row.choice] += 0.3 * error
                surprise = 0.6 * surprise + error
        totals.append(total)
    return totals


def test_each_is_scored_where_it_was_observed():
    learner, table = Happiness(), frame()
    assert list(learner.responses) == ["choice", "happiness", "confidence"]
    packed = pack(learner, read(table))
    free = np.tile([VALUES[name] for name in learner.names], (3, 1))
    expected = by_hand(table)
    np.testing.assert_allclose(run_plain(learner, packed, free), expected, rtol=1e-12)
    value, slope = run_gradient(learner, packed, free)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    record = run_trace(learner, packed, free)[0][:, 0].reshape(3, -1)
    np.testing.assert_allclose(np.nansum(record, 1), expected, rtol=1e-12)
    for k in range(len(learner.names)):
        step = np.zeros_like(free)
        step[:, k] = 1e-6
        high, low = (run_gradient(learner, packed, free + sign * step)[0] for sign in (1, -1))
        np.testing.assert_allclose(slope[:, k], (high - low) / 2e-6, rtol=1e-5, atol=1e-4)


def test_it_passes_every_check():
    table = tw.check_learner(Happiness())
    assert table.passed, str(table)


def test_columns_of_every_response_in_tables():
    table = frame()
    values = tw.trial_values(Happiness(), read(table), VALUES)
    assert {"choice_probability", "happiness_predicted", "confidence_predicted", "happiness_sd"} <= set(values)
    chosen = table["choice"].notna().to_numpy()
    assert values["choice_probability"].notna().tolist() == chosen.tolist()
    assert (values["choice_probability"][chosen].between(0, 1)).all()
    assert values["choice_probability"][0] == pytest.approx(0.5)


def test_simulated_responses_are_all_there_and_recovered():
    bandit = tw.environments.ProbabilisticReversal(trials=150)
    learner = Happiness().fix(slope=1.2)
    truth = {name: VALUES[name] for name in learner.names}
    trials = tw.simulate(learner, bandit, truth, participants=12, seed=2).trials
    assert set(trials.response) == {"happiness", "confidence"}
    assert not np.isnan(trials.response["happiness"]).any()
    estimates = tw.point(learner, trials).maximum_likelihood
    for name in ("alpha", "memory", "weight", "noise"):
        assert np.median(estimates[name]) == pytest.approx(truth[name], abs=0.1), name
    drawn = next(iter(tw.predict(learner, "one-step", trials, datasets=1)))
    assert set(drawn.response) == set(trials.response)


class Coins(tw.environments.Environment):
    """Outcomes from 2 on tell simulated from recorded ones; some choices are forced if ``force``."""

    levels = {"action": (0, 1)}

    def __init__(self, force=False):
        self.force = force

    def show(self, random):
        forced = np.where(np.arange(30) % 3 == 0, np.arange(30) % 2, -1) if self.force else None
        return tw.environments.Shown(30, forced=forced)

    def potential(self, shown, random):
        return 2.0 + np.array([0.0, 10.0]) + np.arange(shown.trials)[:, None]


def test_simulations_miss_each_response_where_it_was_missed():
    learner, trials = Happiness(), read(frame())
    simulation = tw.simulate(learner, Coins().on(trials), VALUES, keep_missed=True, seed=1)
    new = simulation.trials
    np.testing.assert_array_equal(new.responded, trials.responded)
    for name in trials.response:
        np.testing.assert_array_equal(np.isnan(new.response[name]), np.isnan(trials.response[name]))
    chosen = new.responded
    trial = np.arange(new.n_trials) % 30
    np.testing.assert_array_equal(new.outcome["outcome"][chosen], (2.0 + trial + 10.0 * new.choice)[chosen])
    assert np.isnan(new.outcome["outcome"][~chosen]).all()  # not that of an earlier choice
    again = tw.trial_values(learner, new, VALUES)["log_likelihood"]
    np.testing.assert_allclose(again, simulation.log_probability, rtol=1e-12, atol=1e-10)


def test_ratings_follow_their_own_gaps_where_choices_are_recorded_too():
    """A learner of ratings alone, along data whose choices are missing on other trials."""
    table = frame().assign(cue=0)
    trials = tw.read_long(table, trial=False, response={"response": "happy"})
    values = {"alpha": 0.2, "intercept": 0.0, "slope": 1.0, "noise": 0.2}
    new = tw.simulate(tw.learners.RescorlaWagner(), trials, values, keep_missed=True, seed=1).trials
    np.testing.assert_array_equal(np.isnan(new.response["response"]), np.isnan(trials.response["response"]))


def test_ratings_of_forced_choices_are_missing_and_not_made_up():
    new = tw.simulate(Happiness(), Coins(force=True), VALUES, seed=1).trials
    assert new.scored is not None and new.responded.all()
    for values in new.response.values():
        np.testing.assert_array_equal(np.isnan(values), ~new.scored)


def test_missing_and_ambiguous_columns_are_refused():
    learner, table = Happiness(), frame()
    with pytest.raises(tw.errors.UsageError, match="needs the responses 'confidence'"):
        tw.log_likelihood(learner, tw.read_long(table, trial=False, response={"happiness": "happy"}), VALUES)
    cued = table.assign(cue=0)
    with pytest.raises(tw.errors.UsageError, match="needs the responses 'response'.*happiness, confidence"):
        tw.log_likelihood(
            tw.learners.RescorlaWagner(),
            read(cued),
            {"alpha": 0.2, "intercept": 0.0, "slope": 1.0, "noise": 0.2},
        )


def test_two_choices_on_one_row_are_refused():
    with pytest.raises(
        tw.errors.LearnerError,
        match=r"several choices, choose and bet: make each a row of its own.*tw\.assumes.*expand",
    ):

        @tw.learner
        class Gambler:
            beta: float = tw.positive("inverse temperature")

            def choose(self, state, trial, preference):
                preference[0] = 0.0
                preference[1] = self.beta

            @tw.responses.categorical
            def bet(self, state, trial, preference):
                preference[0] = 0.0
                preference[1] = self.beta
