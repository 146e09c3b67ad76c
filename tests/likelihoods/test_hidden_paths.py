"""One-step draws of ratings of a learner with a hidden choice: from the mixture over its courses."""

import itertools
import math

import numpy as np
import pandas as pd
from scipy import stats

import trialwise as tw
from trialwise.engine import FLAGS, HIDES, pack, run_plain, trace_plain
from trialwise.likelihoods.kinds import likelihood_of


@tw.learner
class Rated:
    """Two sets of values; the rating depends on one of them, and so on the hidden choices before."""

    alpha: float = tw.unit("learning rate")
    beta: float = tw.positive("inverse temperature")
    sets: int = tw.hidden(2, "number of sets", exchangeable=False)

    def start(self, task):
        return task.table(self.sets, "action")

    def hide(self, q, trial, preference):
        for option in range(len(preference)):
            preference[option] = 0.3 * option

    def choose(self, q, trial, hidden, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * q[hidden, action]

    @tw.responses.normal
    def rating(self, q, trial):
        return 4.0 * q[1, 0], 0.8

    def learn(self, q, trial, hidden, choice, outcome):
        q[hidden, choice] += self.alpha * (outcome - q[hidden, choice])


TABLE = pd.DataFrame(
    {"participant": "a", "choice": [0, 0, None, 0, 1], "outcome": [1.0, 1.0, 0.0, 0.0, 1.0], "rating": [None, None, 1.2, None, 1.0]}
)  # fmt: skip


def mixture(learner, packed, free, t):
    """Means of the rating on trial ``t`` after each course of hidden choices, and the posterior probability of the courses."""
    draws = np.flatnonzero(packed.ints[:, FLAGS] & HIDES)
    before = draws[draws < t]
    means, logs = [], []
    first = packed.ints.copy()
    first[t:, FLAGS] = 0
    for course in itertools.product(range(2), repeat=len(before)):
        hidden = np.zeros(len(packed.ints), int)
        hidden[before] = course
        given = packed.with_hidden(hidden)
        means.append(trace_plain(learner, given, free)[0][t, 3])
        logs.append(trace_plain(learner, given, free)[0][:t, 0])
    weights = np.exp(np.nansum(logs, 1))
    return np.array(means), weights / weights.sum()


def test_ratings_are_drawn_from_the_mixture_over_courses():
    learner = Rated()
    trials = tw.read_long(TABLE, trial=False, response={"rating": "rating"}, actions=[0, 1])
    packed, free = pack(learner, trials), np.array([[0.6, 1.5]])
    assert math.isfinite(run_plain(learner, packed, free)[0])
    random, drawn = np.random.default_rng(1), []
    for seed in range(250):
        likelihood = likelihood_of(learner, trials, particles=50, seed=seed)
        drawn.append(likelihood.draw(free, np.column_stack([random.random((5, 1)), random.normal(size=(5, 1))]))[:, 1])
    drawn = np.array(drawn)
    assert np.isnan(drawn[:, [0, 1, 3]]).all()
    for t in (2, 4):
        means, weights = mixture(learner, packed, free, t)
        assert (weights @ means**2) - (weights @ means) ** 2 > 0.2  # the courses differ
        ranks = stats.norm.cdf((drawn[:, t, None] - means) / 0.8) @ weights
        assert stats.kstest(ranks, "uniform").pvalue > 1e-3


def test_trials_without_any_response_have_no_hidden_choice():
    """Ratings after such a trial can be drawn: its missing hidden choice was used as an index."""
    with_gap = TABLE.iloc[[0, 1, 2, 3, 4]].copy()
    with_gap.loc[2, ["choice", "outcome", "rating"]] = [None, None, None]
    options = {"trial": False, "response": {"rating": "rating"}, "actions": [0, 1]}
    likelihood = likelihood_of(Rated(), tw.read_long(with_gap, **options))
    drawn = likelihood.draw(np.array([[0.6, 1.5]]), likelihood.random_numbers(np.random.default_rng(0)))
    assert np.isfinite(drawn[4, 1]) and np.isnan(drawn[:4, 1]).all()
