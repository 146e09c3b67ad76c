"""The horizon task (Wilson et al. 2014): four forced choices, then one or six free ones, whose noise and bonus for information differ."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise.engine import pack, run_gradient

FORCED = 4


@tw.learner
class Explorer:
    """Gaussian beliefs on two arms; the gain falls from its first value to its last, which a drift of the means keeps up."""

    first: float = tw.unit("gain at the first outcome of an arm")
    last: float = tw.unit("gain after many outcomes", mean=-1.0)
    bonus_1: float = tw.real("bonus for the arm seen less, one free choice left", width=10.0)
    bonus_6: float = tw.real("bonus for the arm seen less, six free choices", width=10.0)
    noise_1: float = tw.positive("decision noise, one free choice", mean=2.0)
    noise_6: float = tw.positive("decision noise, six free choices", mean=2.0)
    side: float = tw.real("bias to the left", width=5.0)
    prior: float = tw.constant(50.0, "mean of an arm before any outcome")
    data = tw.assumes(horizon=("one free choice", "six free choices"))

    def start(self, task):
        uncertainty = self.first / (1 - self.first)
        return tw.state(
            mean=task.table("action", fill=self.prior),
            uncertainty=task.table("action", fill=uncertainty),
            seen=task.table("action"),
        )

    def choose(self, arms, trial, preference):
        bonus, noise = (self.bonus_1, self.noise_1) if trial.horizon == 0 else (self.bonus_6, self.noise_6)
        information = np.sign(arms.seen[1] - arms.seen[0])
        preference[0] = (arms.mean[0] - arms.mean[1] + bonus * information + self.side) / noise
        preference[1] = 0.0

    def learn(self, arms, trial, choice, outcome):
        gain = arms.uncertainty[choice] / (arms.uncertainty[choice] + 1)
        error = outcome - arms.mean[choice]
        arms.mean[choice] += gain * error
        arms.uncertainty[choice] = gain
        if trial.turn <= FORCED:
            arms.seen[choice] += 1.0
        return error

    def between(self, arms, trial):
        for arm in range(2):
            arms.uncertainty[arm] += self.last**2 / (1 - self.last)


def by_hand(frame: pd.DataFrame, first, last, bonus_1, bonus_6, noise_1, noise_6, side) -> np.ndarray:
    """Log-likelihood of each participant: free choices only, game by game."""
    totals = []
    for _, own in frame.groupby("participant", sort=False):
        total = 0.0
        for _, game in own.groupby("game", sort=False):
            mean, inverse, drift = np.full(2, 50.0), np.full(2, 1 / first), last**2 / (1 - last)
            choices, rewards = game["choice"].tolist(), game["outcome"].tolist()
            seen = np.bincount(choices[:FORCED], minlength=2)
            bonus, noise = (bonus_1, noise_1) if game["horizon"].iloc[0] == 0 else (bonus_6, noise_6)
            for turn, (choice, reward) in enumerate(zip(choices, rewards, strict=True)):
                if turn >= FORCED:
                    value = mean[0] - mean[1] + bonus * np.sign(seen[1] - seen[0]) + side
                    total -= math.log1p(math.exp(-value / noise if choice == 0 else value / noise))
                # 1 / gain of an arm is one more than 1 / (gain after its last outcome + drift since)
                mean[choice] += (reward - mean[choice]) / inverse[choice]
                grown = 1 / np.array([inverse[arm] if arm == choice else inverse[arm] - 1 for arm in range(2)])
                inverse = 1 + 1 / (grown + drift)
        totals.append(total)
    return np.array(totals)


class Horizon(tw.environments.Environment):
    """Games with one or six free choices after four forced ones, one or two or three of them to the left."""

    levels = {"action": ("left", "right"), "horizon": (1, 6)}

    def __init__(self, games=12):
        self.games = games

    def show(self, random):
        horizon = np.arange(self.games) % 2
        lengths = FORCED + np.where(horizon == 0, 1, 6)
        turn = np.concatenate([np.arange(1, length + 1) for length in lengths])
        instructed = [random.permutation([0, 1, *random.choice([(0, 1), (0, 0), (1, 1)])]) for _ in lengths]
        forced = np.full(len(turn), -1)
        forced[turn <= FORCED] = np.concatenate(instructed)
        columns = {"horizon": np.repeat(horizon, lengths), "turn": turn.astype(float)}
        return tw.environments.Shown(len(turn), columns, reset=turn == 1, forced=forced)

    def potential(self, shown, random):
        game = np.cumsum(shown["turn"] == 1) - 1
        means = 50 + random.choice([-15, -5, 5, 15], (game[-1] + 1, 2))
        return np.clip(np.round(random.normal(means[game], 8.0)), 1, 100)


TRUTH = {"first": 0.6, "last": 0.3, "bonus_1": 1.0, "bonus_6": 9.0, "noise_1": 4.0, "noise_6": 8.0, "side": 1.5}


def test_the_likelihood_is_that_of_free_choices_in_a_plain_loop():
    trials = tw.simulate(Explorer(), Horizon(), TRUTH, participants=3, seed=2).trials
    frame = trials.to_frame().assign(
        choice=trials.choice, horizon=trials.columns["horizon"].values, game=np.cumsum(trials.reset)
    )
    assert (~trials.scored).sum() == 3 * 12 * FORCED
    expected = by_hand(frame, **TRUTH)
    for plain in (False, True):
        np.testing.assert_allclose(tw.log_likelihood(Explorer(), trials, TRUTH, plain=plain), expected, rtol=1e-11)
    slope = run_gradient(Explorer(), pack(Explorer(), trials), np.array([list(TRUTH.values())] * 3))[1]
    for k, name in enumerate(TRUTH):
        high, low = (by_hand(frame, **TRUTH | {name: TRUTH[name] + step}) for step in (1e-5, -1e-5))
        np.testing.assert_allclose(slope[:, k], (high - low) / 2e-5, rtol=1e-5, atol=1e-7)


def test_every_check_in_the_environment():
    result = tw.check_learner(Explorer(), environment=Horizon(), quiet=True)
    assert result.passed, str(result)


def test_directed_exploration_is_recovered():
    trials = tw.simulate(Explorer(), Horizon(120), TRUTH, participants=4, seed=1).trials
    estimates = tw.point(Explorer(), trials).maximum_likelihood
    directed = (estimates["bonus_6"] - estimates["bonus_1"]).median()
    assert directed == pytest.approx(TRUTH["bonus_6"] - TRUTH["bonus_1"], abs=3.5)
    assert (estimates["noise_6"] / estimates["noise_1"]).median() == pytest.approx(2.0, abs=0.8)
